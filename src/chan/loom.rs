//! Models of channels: capacity 0 and 1, with either side dropped, closed or robbed at any moment.
//!
//! They back the protocol and the invariants at the head of `core.rs`, and "Matches that nobody collects" of
//! `wait/README.md`.

use super::{Chan, Feed, Receiver, SendError, TryRecvError, TrySendError, chan, fed};
use crate::sys::sync::Mutex;
use crate::wait::model::{Goroutine, Wakes, poll, poll_and_drop};
use futures_core::Stream;
use loom::future::block_on;
use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Both sides wait for each other: whoever comes first parks before, between or after the other's
/// look, and a wake-up that is lost is a deadlock. What was sent comes out in order, before the end.
fn send_and_receive_meet(capacity: usize) {
    loom::model(move || {
        let (tx, rx) = chan::<u32>(capacity);
        let sender = thread::spawn(move || {
            block_on(async {
                tx.send(1).await.unwrap();
                tx.send(2).await.unwrap();
            });
        });
        let got = block_on(async { [rx.next().await, rx.next().await, rx.next().await] });
        assert_eq!(got, [Some(1), Some(2), None]);
        sender.join().unwrap();
    });
}

#[test]
fn a_send_and_a_receive_meet_unbuffered() {
    send_and_receive_meet(0);
}

#[test]
fn a_send_and_a_receive_meet_buffered() {
    send_and_receive_meet(1);
}

/// A receive that is given up meets a send that is given up: the value was sent, and is then
/// received or in the channel; or it was not.
fn cancel_on_both_sides(capacity: usize, times: usize) {
    loom::model(move || {
        let (tx, rx) = chan::<u32>(capacity);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || poll_and_drop(tx.send(7), times).is_some())
        };
        let received = poll_and_drop(rx.next(), times);
        let sent = sender.join().unwrap();
        let left = rx.try_recv().ok();
        let values: Vec<_> = received.flatten().into_iter().chain(left).collect();
        // A send that was dropped may have been taken already: then it counts.
        assert!(values.len() <= 1, "received twice");
        assert!(!sent || values == [7], "sent and lost");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn cancel_on_both_sides_unbuffered() {
    cancel_on_both_sides(0, 1);
    cancel_on_both_sides(0, 2);
}

#[test]
fn cancel_on_both_sides_buffered() {
    cancel_on_both_sides(1, 1);
    cancel_on_both_sides(1, 2);
}

/// Two receivers, one of which goes after it may have been matched: the other gets the value or is
/// woken for it.
#[test]
fn a_match_that_is_dropped_wakes_the_next_receiver() {
    loom::model(|| {
        let (tx, rx) = chan::<u32>(0);
        let second = rx.clone();
        let giver_up = {
            let rx = rx.clone();
            thread::spawn(move || poll_and_drop(rx.next(), 2).flatten())
        };
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(7).is_ok())
        };
        let wakes = Wakes::default();
        let mut recv = pin!(second.next());
        let first_look = wakes.poll(recv.as_mut());
        let given_up = giver_up.join().unwrap();
        let sent = sender.join().unwrap();
        match first_look {
            Poll::Ready(value) => assert_eq!((value, given_up), (Some(7), None)),
            Poll::Pending if !sent || given_up.is_some() => assert!(poll(recv).is_pending()),
            Poll::Pending => {
                assert_eq!(wakes.count(), 1, "nobody is told of the value");
                assert_eq!(poll(recv), Poll::Ready(Some(7)));
            }
        }
        drop(tx);
    });
}

/// A sender that waits looks at its outcome without the lock, and frees its node at once.
#[test]
fn a_waiting_sender_is_done_when_its_value_is_taken() {
    for capacity in [0, 1] {
        loom::model(move || {
            let ch = Chan::<u32>::new(capacity);
            (0..capacity).for_each(|_| ch.try_send(1).unwrap());
            let receiver = {
                let rx = ch.rx();
                thread::spawn(move || rx.try_recv().ok())
            };
            let sent = poll_and_drop(ch.send(2), 2).is_some();
            let mut got: Vec<_> = receiver.join().unwrap().into_iter().collect();
            got.extend(std::iter::from_fn(|| ch.try_recv().ok()));
            let wanted: &[u32] = if capacity == 1 { &[1, 2] } else { &[2] };
            if sent {
                assert_eq!(got, wanted);
            } else {
                assert!(wanted.starts_with(&got) || got == [2]);
            }
        });
    }
}

/// The value comes before the end, whichever way the receiver looks.
#[test]
fn the_last_value_is_seen_before_the_close() {
    loom::model(|| {
        let (tx, rx) = chan::<u32>(1);
        let sender = thread::spawn(move || tx.try_send(7).unwrap());
        let mut seen = Vec::new();
        for _ in 0..2 {
            match rx.try_recv() {
                Ok(value) => seen.push(value),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => {
                    assert_eq!(seen, [7]);
                    break;
                }
            }
        }
        sender.join().unwrap();
        seen.extend(rx.try_recv());
        assert_eq!(seen, [7]);
    });
}

/// Close against a receive that parks: it finds the end, or is woken for it.
#[test]
fn close_ends_a_waiting_receive() {
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let closer = {
            let tx = ch.tx();
            thread::spawn(move || tx.close())
        };
        let wakes = Wakes::default();
        let mut recv = pin!(ch.next());
        let first_look = wakes.poll(recv.as_mut());
        closer.join().unwrap();
        if first_look.is_pending() {
            assert_eq!(wakes.count(), 1);
            assert_eq!(poll(recv), Poll::Ready(None));
        }
    });
}

/// The last receiver goes while a value comes: it comes back, or is dropped with the channel's.
#[test]
fn no_value_is_left_after_the_last_receiver() {
    loom::model(|| {
        let (tx, rx) = chan::<Arc<()>>(1);
        let value = Arc::new(());
        let sender = {
            let (tx, value) = (tx.clone(), value.clone());
            thread::spawn(move || match tx.try_send(value) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(other) => panic!("{other}"),
            })
        };
        drop(rx);
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1, "a value stays in a channel nobody receives from");
        drop(tx);
    });
}

/// A stream is woken for what is put into the buffer.
#[test]
fn a_stream_misses_nothing() {
    loom::model(|| {
        let (tx, rx) = chan::<u32>(1);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(7).unwrap())
        };
        let wakes = Wakes::default();
        let waker = wakes.waker();
        let mut stream = rx.stream();
        let mut cx = Context::from_waker(&waker);
        let first_look = Pin::new(&mut stream).poll_next(&mut cx);
        sender.join().unwrap();
        if first_look.is_pending() {
            assert_eq!(wakes.count(), 1);
            assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Ready(Some(7)));
        }
    });
}

/// A receive that takes its receiver along.
fn receiving(rx: Receiver<u32>) -> Pin<Box<impl Future<Output = Option<u32>>>> {
    Box::pin(async move { rx.next().await })
}

/// Two receivers that were matched one after the other are dropped at the same time: whichever order
/// their drops come in, what they had is received in the order in which it was sent, before what came
/// later.
#[test]
fn matches_are_given_back_in_the_order_of_their_numbers() {
    loom::model(|| {
        let ch = Chan::<u32>::new(1);
        let mut waiting = [ch.rx(), ch.rx()].map(receiving);
        for (next, value) in waiting.iter_mut().zip([1, 2]) {
            assert!(poll(next.as_mut()).is_pending());
            ch.try_send(value).unwrap();
        }
        ch.try_send(3).unwrap();
        let [first, second] = waiting;
        let dropper = thread::spawn(move || drop(first));
        drop(second);
        dropper.join().unwrap();
        let got: Vec<_> = std::iter::from_fn(|| ch.try_recv().ok()).collect();
        assert_eq!(got, [1, 2, 3]);
    });
}

/// A match goes from a receiver that is dropped to one that waits, which is dropped too, while a
/// later match is given back: a value keeps its number on its way.
#[test]
fn a_match_that_is_passed_on_keeps_its_number() {
    loom::model(|| {
        let ch = Chan::<u32>::new(1);
        let mut waiting = [ch.rx(), ch.rx(), ch.rx()].map(receiving);
        waiting.iter_mut().for_each(|next| assert!(poll(next.as_mut()).is_pending()));
        ch.try_send(1).unwrap();
        ch.try_send(2).unwrap();
        let [first, second, third] = waiting;
        let dropper = thread::spawn(move || drop(first));
        drop(third);
        drop(second);
        dropper.join().unwrap();
        let got: Vec<_> = std::iter::from_fn(|| ch.try_recv().ok()).collect();
        assert_eq!(got, [1, 2]);
    });
}

/// A receive that was matched with 1 and then not collected by a whole poll of its goroutine.
fn stale_match(
    ch: &Chan<u32>,
    owner: Goroutine,
    wakes: &Wakes,
) -> Pin<Box<impl Future<Output = Option<u32>>>> {
    let mut mine = receiving(ch.rx());
    assert!(owner.turn(|| wakes.poll(mine.as_mut())).is_pending());
    ch.try_send(1).unwrap();
    assert_eq!(wakes.count(), 1);
    owner.turn(|| ());
    mine
}

/// Another goroutine has to wait, and takes a stale match, while the owner comes to collect it after
/// all: one of them gets it. An owner that was robbed lines up anew, and is woken for the next value.
#[test]
fn a_stale_match_is_taken_or_collected() {
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let (owner, robber, wakes) = (Goroutine::new(), Goroutine::new(), Wakes::default());
        let mut mine = stale_match(&ch, owner, &wakes);
        let other = {
            let ch = ch.clone();
            thread::spawn(move || robber.turn(|| poll_and_drop(ch.next(), 2)))
        };
        let got = owner.turn(|| wakes.poll(mine.as_mut()));
        let robbed = other.join().unwrap();
        match (got, robbed) {
            (Poll::Ready(Some(1)), None) => {}
            (Poll::Pending, Some(Some(1))) => {
                ch.try_send(2).unwrap();
                assert_eq!(wakes.count(), 2, "nobody is told of the second value");
                assert_eq!(owner.turn(|| poll(mine.as_mut())), Poll::Ready(Some(2)));
            }
            other => panic!("{other:?}"),
        }
    });
}

/// The same while the owner drops its receive: it is taken, or back in the channel.
#[test]
fn a_stale_match_is_taken_or_given_back() {
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let (owner, robber, wakes) = (Goroutine::new(), Goroutine::new(), Wakes::default());
        let mine = stale_match(&ch, owner, &wakes);
        let other = {
            let ch = ch.clone();
            thread::spawn(move || robber.turn(|| poll_and_drop(ch.next(), 2)))
        };
        owner.turn(|| drop(mine));
        let robbed = other.join().unwrap().flatten();
        let left = ch.try_recv().ok();
        assert_eq!(robbed.xor(left), Some(1));
    });
}

/// Close against a send that parks: its value comes to nobody, it is woken, panics with Go's words,
/// and drops the value once.
#[test]
fn close_ends_a_waiting_send() {
    loom::model(|| {
        let (ch, value, wakes) = (Chan::<Arc<()>>::new(0), Arc::new(()), Wakes::default());
        let closer = {
            let ch = ch.clone();
            thread::spawn(move || ch.close())
        };
        let mut send = Box::pin(ch.send(Arc::clone(&value)));
        let mut look = || catch_unwind(AssertUnwindSafe(|| wakes.poll(send.as_mut())));
        let first_look = look();
        closer.join().unwrap();
        let panic = match first_look {
            Ok(Poll::Ready(())) => panic!("sent to nobody"),
            Ok(Poll::Pending) => {
                assert_eq!(wakes.count(), 1);
                look().unwrap_err()
            }
            Err(panic) => panic,
        };
        assert_eq!(panic.downcast_ref(), Some(&"send on closed channel"));
        drop(send);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// Close against a send that gives up: the value is dropped once.
#[test]
fn close_and_drop_of_a_waiting_send() {
    loom::model(|| {
        let (ch, value) = (Chan::<Arc<()>>::new(0), Arc::new(()));
        let mut send = {
            let (ch, value) = (ch.clone(), Arc::clone(&value));
            Box::pin(async move { ch.send(value).await })
        };
        assert!(poll(send.as_mut()).is_pending());
        let closer = {
            let ch = ch.clone();
            thread::spawn(move || ch.close())
        };
        drop(send);
        closer.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(ch.try_recv().is_err_and(|error| error == TryRecvError::Closed));
    });
}

/// The last receiver goes while a send parks: the send has its value back.
#[test]
fn the_last_receiver_gives_a_waiting_send_its_value_back() {
    loom::model(|| {
        let (tx, rx) = chan::<u32>(0);
        let dropper = thread::spawn(move || drop(rx));
        assert_eq!(block_on(tx.send(7)), Err(SendError(7)));
        dropper.join().unwrap();
    });
}

/// The last two senders go at the same time, one of them after a send: the receiver has the value,
/// and then the end, whoever of them was the last.
#[test]
fn the_last_of_two_senders_closes_after_the_value() {
    loom::model(|| {
        let (tx, rx) = chan::<u32>(1);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(7).unwrap())
        };
        let dropper = thread::spawn(move || drop(tx));
        assert_eq!(block_on(rx.next()), Some(7));
        assert_eq!(block_on(rx.next()), None);
        sender.join().unwrap();
        dropper.join().unwrap();
    });
}

/// Who waits for the end of sending is told of it, by a close or by the end of the last receiver.
#[test]
fn the_end_of_sending_is_told() {
    for close in [false, true] {
        loom::model(move || {
            let (tx, rx) = chan::<u32>(1);
            let ender = {
                let tx = tx.clone();
                // A receiver is left if it is a close that ends it.
                thread::spawn(move || close.then(|| (tx.close(), rx)))
            };
            block_on(tx.closed());
            assert!(tx.try_send(7).is_err_and(|error| !error.is_full()));
            drop(ender.join().unwrap());
        });
    }
}

/// Has one value, which comes when it says so, unless it is stopped before.
struct Once(Mutex<Due>);

struct Due {
    set: bool,
    come: bool,
}

impl Feed<u32> for Once {
    fn ready(&self) -> Option<u32> {
        let due = self.0.lock();
        (due.set && due.come).then_some(7)
    }

    fn pass(&self) {
        self.0.lock().set = false;
    }

    fn arm(self: Arc<Self>) {}

    fn stop(&self) {}
}

/// A timer fires while its receive is given up and somebody stops it: the value is received, or the stop
/// prevented it, and not both; and it is nowhere afterwards.
#[test]
fn a_value_that_is_stopped_as_it_comes_is_received_or_not() {
    loom::model(|| {
        let mut core = None;
        let (rx, feed) = fed(|fed| {
            core = Some(fed);
            Once(Mutex::new(Due { set: true, come: false }))
        });
        let core = core.expect("made with the feed");
        let fire = {
            let (core, feed) = (core.clone(), feed.clone());
            thread::spawn(move || {
                feed.0.lock().come = true;
                core.pump();
            })
        };
        let receive = {
            let rx = rx.clone();
            thread::spawn(move || poll_and_drop(rx.next(), 2).flatten())
        };
        let stopped = core.refeed(|unseen| {
            let set = std::mem::replace(&mut feed.0.lock().set, false);
            set || unseen
        });
        let received = receive.join().unwrap();
        fire.join().unwrap();
        assert_eq!(received, (!stopped).then_some(7));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

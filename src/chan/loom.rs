//! Models of channels: capacity 0 and 1, with either side dropped at any moment.

use super::{Chan, TryRecvError, TrySendError, chan};
use loom::thread;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls `future` up to `times` and drops it.
fn poll_and_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return Some(output);
        }
    }
    None
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
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut recv = pin!(second.next());
        let first_look = recv.as_mut().poll(&mut Context::from_waker(&waker));
        let given_up = giver_up.join().unwrap();
        let sent = sender.join().unwrap();
        match first_look {
            Poll::Ready(value) => assert_eq!((value, given_up), (Some(7), None)),
            Poll::Pending if !sent || given_up.is_some() => assert!(poll(recv).is_pending()),
            Poll::Pending => {
                assert_eq!(count.0.load(Ordering::Relaxed), 1, "nobody is told of the value");
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

/// Close against a receive and a send that wait.
#[test]
fn close_reaches_everybody() {
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let closer = {
            let tx = ch.tx();
            thread::spawn(move || tx.close())
        };
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut recv = pin!(ch.next());
        let first_look = recv.as_mut().poll(&mut Context::from_waker(&waker));
        closer.join().unwrap();
        if first_look.is_pending() {
            assert_eq!(count.0.load(Ordering::Relaxed), 1);
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
    use futures_core::Stream;
    loom::model(|| {
        let (tx, rx) = chan::<u32>(1);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(7).unwrap())
        };
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut stream = rx.stream();
        let mut cx = Context::from_waker(&waker);
        let first_look = Pin::new(&mut stream).poll_next(&mut cx);
        sender.join().unwrap();
        if first_look.is_pending() {
            assert_eq!(count.0.load(Ordering::Relaxed), 1);
            assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Ready(Some(7)));
        }
    });
}

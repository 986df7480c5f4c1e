//! Models of select: claims from two channels, its own claim, cancellation, and the one instant.
//!
//! They back the invariants at the head of `engine.rs` and, in `wait/README.md`, "At most one completes a
//! select" and the races of selects. Arms are in a fixed order where the order matters: loom does not
//! choose at random.

use crate::chan::{Chan, Feed, fed};
use crate::select;
use crate::sync::{Cond, RawMutex};
use crate::sys::sync::Mutex;
use crate::wait::model::{Goroutine, Wakes, poll, poll_and_drop};
use loom::future::block_on;
use loom::thread;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

/// A future that is ready when it is polled for the second time.
fn second_time() -> impl Future<Output = u32> {
    let polled = Cell::new(false);
    std::future::poll_fn(
        move |_| {
            if polled.replace(true) { Poll::Ready(100) } else { Poll::Pending }
        },
    )
}

/// What is left in a channel.
fn rest(channel: &Chan<u32>) -> impl Iterator<Item = u32> + '_ {
    std::iter::from_fn(|| channel.try_recv().ok())
}

/// Two channels claim one select, which is given up after some polls: what was sent is received once
/// or left.
fn two_senders_one_select(capacity: usize, times: usize) {
    loom::model(move || {
        let (a, b) = (Chan::<u32>::new(capacity), Chan::<u32>::new(capacity));
        let sender = {
            let a = a.clone();
            thread::spawn(move || a.try_send(1).is_ok())
        };
        let other = {
            let b = b.clone();
            thread::spawn(move || b.try_send(2).is_ok())
        };
        let got = poll_and_drop(
            async {
                select! { biased; v = <-a => v, v = <-b => v }
            },
            times,
        );
        let sent = [(sender.join().unwrap(), 1), (other.join().unwrap(), 2)];
        let sent: Vec<u32> = sent.into_iter().filter_map(|(sent, v)| sent.then_some(v)).collect();
        let mut values: Vec<u32> = got.into_iter().chain(rest(&a)).chain(rest(&b)).collect();
        values.sort_unstable();
        assert_eq!(values, sent);
    });
}

#[test]
fn two_senders_claim_one_select() {
    two_senders_one_select(0, 1);
    two_senders_one_select(0, 2);
    two_senders_one_select(1, 2);
}

/// Two selects that meet on two channels, each a sender and a receiver, given up at any moment.
#[test]
fn two_selects_meet_on_two_channels() {
    loom::model(|| {
        let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
        let other = {
            let (a, b) = (a.clone(), b.clone());
            thread::spawn(move || {
                let both = async {
                    select! { biased; a <- 1 => 0, v = <-b => v }
                };
                poll_and_drop(both, 2)
            })
        };
        let mine = poll_and_drop(
            async {
                select! { biased; b <- 2 => 0, v = <-a => v }
            },
            2,
        );
        let theirs = other.join().unwrap();
        let left: Vec<u32> = rest(&a).chain(rest(&b)).collect();
        match (mine, theirs) {
            // They met on one of the channels.
            (Some(0), Some(2)) | (Some(1), Some(0)) => assert!(left.is_empty()),
            // Whoever gave up may have been matched: the value is back, or has been taken.
            (Some(0), None) => assert_eq!(left, [2]),
            (None, Some(0)) => assert_eq!(left, [1]),
            (Some(1), None) | (None, Some(2)) => assert!(left.is_empty()),
            (None, None) => assert!(left.len() <= 1),
            other => panic!("{other:?}"),
        }
    });
}

/// A foreign future gets ready while a channel claims the select: one of the two has an effect.
#[test]
fn a_foreign_future_and_a_claim_have_one_effect() {
    loom::model(|| {
        let a = Chan::<u32>::new(0);
        let sender = {
            let a = a.clone();
            thread::spawn(move || a.try_send(1).is_ok())
        };
        let got = poll_and_drop(
            async {
                select! { v = <-a => v, v = second_time() => v }
            },
            2,
        );
        let sent = sender.join().unwrap();
        assert_eq!(rest(&a).next(), None);
        assert_eq!(got, Some(if sent { 1 } else { 100 }));
    });
}

/// A spurious poll takes a mixed select out and enqueues it again: no wake-up gets lost.
#[test]
fn a_claim_is_not_lost_while_the_select_starts_anew() {
    loom::model(|| {
        let (a, b) = (Chan::<u32>::new(1), Chan::<u32>::new(0));
        let sender = {
            let a = a.clone();
            thread::spawn(move || a.try_send(1).unwrap())
        };
        let mut mixed = pin!(async {
            select! { biased; v = <-b => v, v = <-a => v, v = std::future::pending() => v }
        });
        let early = (0..2).find_map(|_| match poll(mixed.as_mut()) {
            Poll::Ready(v) => Some(v),
            Poll::Pending => None,
        });
        sender.join().unwrap();
        assert_eq!(early.map_or_else(|| poll(mixed.as_mut()), Poll::Ready), Poll::Ready(1));
    });
}

/// One of two channels is ready at every moment: looking without locks must not miss it.
#[test]
fn default_does_not_run_while_one_of_two_is_ready() {
    loom::model(|| {
        let (a, b) = (Chan::<u32>::new(1), Chan::<u32>::new(1));
        a.try_send(1).unwrap();
        let selector = {
            let (a, b) = (a.clone(), b.clone());
            let look = async move {
                select! { biased; <-a => true, <-b => true, default => false }
            };
            thread::spawn(move || poll_and_drop(look, 1))
        };
        b.try_send(2).unwrap();
        let _ = a.try_recv();
        let _ = a.try_send(3);
        let _ = b.try_recv();
        assert_eq!(selector.join().unwrap(), Some(true));
    });
}

/// A close claims a select that is being given up.
#[test]
fn close_and_drop_of_a_parked_select() {
    loom::model(|| {
        let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
        let closer = {
            let a = a.clone();
            thread::spawn(move || a.close())
        };
        let got = poll_and_drop(
            async {
                select! { biased; v, ok = <-a => (v, ok), v, ok = <-b => (v, ok) }
            },
            2,
        );
        assert!(matches!(got, None | Some((0, false))));
        closer.join().unwrap();
        assert!(b.try_send(1).is_err(), "nobody waits any more");
    });
}

/// Crossed selects: each receives from one channel and sends to the other. Whoever parks is served
/// by the other, one pair meets and the two that belong to it end; if both took their locks in the
/// order of their arms, or a wake-up were lost, this would be a deadlock.
#[test]
fn crossed_selects_meet_once() {
    loom::model(|| {
        let (x, y) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
        let other = {
            let (x, y) = (x.clone(), y.clone());
            thread::spawn(move || {
                block_on(async {
                    select! { biased; v = <-y => Some(v), x <- 1 => None }
                })
            })
        };
        let mine = block_on(async {
            select! { biased; v = <-x => Some(v), y <- 2 => None }
        });
        let theirs = other.join().unwrap();
        assert!(matches!((mine, theirs), (Some(1), None) | (None, Some(2))), "{mine:?} {theirs:?}");
        assert!(rest(&x).chain(rest(&y)).next().is_none());
    });
}

/// One channel in both directions in one select, which must not meet itself, against a plain partner
/// of either kind that waits too, and against another such select.
#[test]
fn both_directions_of_one_channel_meet_a_partner() {
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let sender = {
            let ch = ch.clone();
            thread::spawn(move || block_on(ch.send(1)))
        };
        let got = block_on(async {
            select! { biased; ch <- 2 => None, v = <-ch => Some(v) }
        });
        assert_eq!(got, Some(1));
        sender.join().unwrap();
    });
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let receiver = {
            let ch = ch.clone();
            thread::spawn(move || block_on(ch.recv()))
        };
        let got = block_on(async {
            select! { biased; v = <-ch => Some(v), ch <- 2 => None }
        });
        assert_eq!(got, None);
        assert_eq!(receiver.join().unwrap(), 2);
    });
}

#[test]
fn two_selects_on_both_directions_of_one_channel_meet() {
    loom::model(|| {
        let ch = Chan::<u32>::new(0);
        let both = async |ch: &Chan<u32>, mine| {
            select! { biased; v = <-ch => Some(v), ch <- mine => None }
        };
        let other = {
            let ch = ch.clone();
            thread::spawn(move || block_on(both(&ch, 1)))
        };
        let mine = block_on(both(&ch, 2));
        let theirs = other.join().unwrap();
        assert!(matches!((mine, theirs), (Some(1), None) | (None, Some(2))), "{mine:?} {theirs:?}");
    });
}

/// Close against a select that sends, before or after it parks: it panics with Go's words, nobody
/// else does, and it waits on no other channel any more.
#[test]
fn close_of_a_channel_that_a_select_sends_to() {
    loom::model(|| {
        let (a, b, wakes) = (Chan::<u32>::new(0), Chan::<u32>::new(0), Wakes::default());
        let closer = {
            let a = a.clone();
            thread::spawn(move || a.close())
        };
        let mut selecting = Box::pin(async {
            select! { biased; v = <-b => Some(v), a <- 1 => None }
        });
        let mut look = || catch_unwind(AssertUnwindSafe(|| wakes.poll(selecting.as_mut())));
        let first_look = look();
        closer.join().unwrap();
        let panic = match first_look {
            Ok(Poll::Ready(done)) => panic!("nobody was there: {done:?}"),
            Ok(Poll::Pending) => {
                assert_eq!(wakes.count(), 1);
                look().unwrap_err()
            }
            Err(panic) => panic,
        };
        assert_eq!(panic.downcast_ref(), Some(&"send on closed channel"));
        assert!(b.try_send(1).is_err(), "nobody waits any more");
    });
}

/// A select that was matched and not collected by a whole poll of its goroutine is robbed while it is
/// polled again, or dropped: the value is received once. One that was robbed begins anew.
fn a_select_is_robbed(is_dropped: bool) {
    loom::model(move || {
        let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
        let (owner, robber) = (Goroutine::new(), Goroutine::new());
        let mut selecting: Pin<Box<dyn Future<Output = u32>>> = {
            let (a, b) = (a.clone(), b.clone());
            Box::pin(async move {
                select! { biased; v = <-a => v, v = <-b => v }
            })
        };
        assert!(owner.turn(|| poll(selecting.as_mut())).is_pending());
        a.try_send(1).unwrap();
        owner.turn(|| ());
        let other = {
            let a = a.clone();
            thread::spawn(move || robber.turn(|| poll_and_drop(a.recv(), 2)))
        };
        let got = if is_dropped {
            owner.turn(|| selecting = Box::pin(std::future::pending()));
            None
        } else {
            Some(owner.turn(|| poll(selecting.as_mut())))
        };
        let robbed = other.join().unwrap();
        let left = a.try_recv().ok();
        match got {
            None => assert_eq!(robbed.xor(left), Some(1)),
            Some(Poll::Ready(value)) => assert_eq!((value, robbed, left), (1, None, None)),
            Some(Poll::Pending) => {
                assert_eq!((robbed, left), (Some(1), None));
                b.try_send(2).unwrap();
                assert_eq!(owner.turn(|| poll(selecting.as_mut())), Poll::Ready(2));
            }
        }
    });
}

#[test]
fn a_stale_match_of_a_select_is_taken_or_collected() {
    a_select_is_robbed(false);
}

#[test]
fn a_stale_match_of_a_select_is_taken_or_given_back() {
    a_select_is_robbed(true);
}

/// Yields what is in it.
struct Box1(Mutex<Option<u32>>);

impl Feed<u32> for Box1 {
    fn ready(&self) -> Option<u32> {
        *self.0.lock()
    }

    fn pass(&self) {
        *self.0.lock() = None;
    }

    fn arm(self: Arc<Self>) {}

    fn stop(&self) {}
}

/// A feed (a timer) brings its value to a select that another channel is completing: one of the two
/// is taken, the other stays where it was.
#[test]
fn a_fed_value_stays_when_the_select_goes_elsewhere() {
    loom::model(|| {
        let a = Chan::<u32>::new(0);
        let mut core = None;
        let (timer, feed) = fed(|fed| {
            core = Some(fed);
            Box1(Mutex::new(None))
        });
        let mut selecting = Box::pin({
            let (a, timer) = (a.clone(), timer.clone());
            async move {
                select! { biased; v = <-timer => v, v = <-a => v }
            }
        });
        assert!(poll(selecting.as_mut()).is_pending());
        let fire = thread::spawn(move || {
            *feed.0.lock() = Some(5);
            core.unwrap().pump();
        });
        let sent = a.try_send(1).is_ok();
        let early = poll(selecting.as_mut());
        fire.join().unwrap();
        let got = if early.is_ready() { early } else { poll(selecting.as_mut()) };
        assert_eq!(got, Poll::Ready(if sent { 1 } else { 5 }));
        assert_eq!(timer.try_recv().ok(), sent.then_some(5));
    });
}

/// A signal and a send meet at a select that may be given up: one of the two happens to it, and a signal that it
/// does not use is there for who waits behind it.
#[test]
fn a_signal_meets_a_select_that_may_be_decided_otherwise() {
    for gives_up in [false, true] {
        loom::model(move || {
            let shared = Arc::new((RawMutex::new(), Cond::new()));
            let (mutex, cond) = &*shared;
            let chan = Chan::<u32>::new(0);
            let mut selecting = Box::pin(async {
                mutex.lock().await;
                select! {
                    biased;
                    mutex = cond.wait(mutex) => { mutex.unlock(); true }
                    _v = <-chan => false,
                }
            });
            assert!(poll(selecting.as_mut()).is_pending());
            let mut behind = Box::pin(async {
                mutex.lock().await;
                cond.wait(mutex).await.unlock();
            });
            let wakes = Wakes::default();
            assert!(wakes.poll(behind.as_mut()).is_pending());
            let signal = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.1.signal())
            };
            let send = {
                let chan = chan.clone();
                thread::spawn(move || chan.try_send(1).is_ok())
            };
            let used = !gives_up && poll(selecting.as_mut()) == Poll::Ready(true);
            drop(selecting);
            let sent = send.join().unwrap();
            signal.join().unwrap();
            assert!(!(used && sent), "two arms of one select have happened");
            assert_eq!(wakes.count(), usize::from(!used));
            if !used {
                assert!(poll(behind.as_mut()).is_ready(), "the signal is lost");
            }
        });
    }
}

/// A signal comes while the select is about to look at its future, and has claimed itself: it is found by the same
/// poll or by the next.
#[test]
fn a_signal_is_not_missed_by_a_select_that_looks_at_something_else() {
    for broadcast in [false, true] {
        loom::model(move || {
            let shared = Arc::new((RawMutex::new(), Cond::new()));
            let (mutex, cond) = &*shared;
            let mut selecting = Box::pin(async {
                mutex.lock().await;
                select! {
                    biased;
                    mutex = cond.wait(mutex) => mutex.unlock(),
                    () = std::future::pending() => {}
                }
            });
            assert!(poll(selecting.as_mut()).is_pending());
            let signal = {
                let shared = Arc::clone(&shared);
                thread::spawn(
                    move || if broadcast { shared.1.broadcast() } else { shared.1.signal() },
                )
            };
            let early = poll(selecting.as_mut()).is_ready();
            signal.join().unwrap();
            assert!(early || poll(selecting.as_mut()).is_ready(), "the signal is lost");
        });
    }
}

//! Models of select: claims from two channels, its own claim, cancellation, and the one instant.

use crate::chan::Chan;
use crate::select;
use loom::thread;
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

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
            (Some(0), Some(v)) => assert_eq!(v, 2),
            (Some(v), Some(_)) => assert_eq!(v, 1),
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

//! Hazards of the end of a channel: it is closed, or one side of it goes, while values and waiters are on
//! their way. T11 to T14 and T16; those of `select!` are in `hazards_select.rs`.

mod common;

#[cfg(not(foreign_executor))]
use common::everywhere::everywhere;
use common::everywhere::seeded;
#[cfg(not(foreign_executor))]
use common::poll_once;
use common::{Polled, flag, go, panic_text, run};
use futures::SinkExt;
#[cfg(not(foreign_executor))]
use futures::StreamExt;
use futures::channel::oneshot;
use gort::chan::{SendError, TryRecvError, TrySendError};
use gort::task::yield_now;
use gort::{Chan, Receiver, Select, Sender, chan, select};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

// T11: the last value and the end.

#[test]
fn t11_a_value_sent_before_the_last_sender_goes_is_seen_before_the_end() {
    let (tx, rx) = chan(1);
    tx.try_send(1).unwrap();
    drop(tx);
    assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(1), Err(TryRecvError::Closed)]);
}

/// Receives until the end, one way or another.
fn drain_by_try(rx: &Receiver<usize>) -> Vec<usize> {
    let mut got = Vec::new();
    loop {
        match rx.try_recv() {
            Ok(value) => got.push(value),
            Err(TryRecvError::Closed) => return got,
            Err(TryRecvError::Empty) => thread::yield_now(),
        }
    }
}

fn drain_by_select(rx: &Receiver<usize>) -> Vec<usize> {
    let mut got = Vec::new();
    loop {
        let mut received = Polled::new(async {
            select! {
                v, ok = <-rx => Some(ok.then_some(v)),
                default => None,
            }
        });
        match received.ready() {
            Some(Some(value)) => got.push(value),
            Some(None) => return got,
            None => thread::yield_now(),
        }
    }
}

fn drain_by_waiting(rx: &Receiver<usize>) -> Vec<usize> {
    std::iter::from_fn(|| rx.blocking_recv()).collect()
}

/// flume#78, flume#120, crossfire#70: a receive found the queue empty, then the senders gone, and said
/// so; the last value had come in between.
#[test]
fn t11_a_receive_that_races_with_the_last_sender_sees_its_value_first() {
    type Drain = fn(&Receiver<usize>) -> Vec<usize>;
    let drains: [Drain; 3] = [drain_by_try, drain_by_select, drain_by_waiting];
    for drain in drains {
        for capacity in [0, 1, 2] {
            let (ends, starts) = std::sync::mpsc::sync_channel::<Sender<usize>>(0);
            let sender = thread::spawn(move || {
                for tx in starts {
                    for value in 0..=tx.capacity() {
                        tx.blocking_send(value).unwrap();
                    }
                }
            });
            for _ in 0..1_000 {
                let (tx, rx) = chan(capacity);
                ends.send(tx).unwrap();
                assert!(drain(&rx).into_iter().eq(0..=capacity));
            }
            drop(ends);
            sender.join().unwrap();
        }
    }
}

/// The same between goroutines, in every order that a hundred seeds find.
#[test]
fn t11_a_goroutine_that_races_with_the_last_sender_sees_its_value_first() {
    seeded(|| async {
        for capacity in [0, 1, 2] {
            for kind in 0..3 {
                let (tx, rx) = chan(capacity);
                let sender = go(async move {
                    for value in 0..=capacity {
                        tx.send(value).await.unwrap();
                    }
                });
                let mut got = Vec::new();
                loop {
                    let received = match kind {
                        0 => match rx.try_recv() {
                            Ok(value) => Some(value),
                            Err(TryRecvError::Closed) => None,
                            Err(TryRecvError::Empty) => {
                                yield_now().await;
                                continue;
                            }
                        },
                        1 => select! {
                            v, ok = <-rx => ok.then_some(v),
                            default => {
                                yield_now().await;
                                continue;
                            }
                        },
                        _ => rx.next().await,
                    };
                    match received {
                        Some(value) => got.push(value),
                        None => break,
                    }
                }
                sender.await.unwrap();
                assert!(got.into_iter().eq(0..=capacity), "{kind}");
            }
        }
    });
}

/// The last value was handed to a receive that its goroutine keeps, and does not poll any more: whoever drains the
/// channel, until it ends, would leave without it.
#[cfg(not(foreign_executor))]
#[test]
fn t11_the_last_value_is_seen_before_the_end_though_a_receive_that_is_kept_has_it() {
    everywhere(|| async {
        for way in 0..7 {
            let (tx, rx) = chan(0);
            let mut kept = Box::pin(rx.next());
            loop {
                // Under a schedule with a seed it may lose its turn before it gets in line.
                assert!(poll_once(&mut kept).await.is_pending());
                if tx.try_send(1).is_ok() {
                    break;
                }
                yield_now().await;
            }
            drop(tx);
            let mut stream = rx.stream();
            let mut drained = Vec::new();
            loop {
                let next = match way {
                    0 => rx.next().await,
                    1 => Some(rx.recv().await).filter(|value| *value != 0),
                    2 => rx.try_recv().ok(),
                    3 => stream.next().await,
                    4 => select! { v, ok = <-rx => ok.then_some(v) },
                    5 => select! { v, ok = <-rx => ok.then_some(v), default => Some(7) },
                    _ => {
                        let mut select = Select::new();
                        select.next(&rx, |v| v);
                        select.await.1
                    }
                };
                match next {
                    Some(value) => drained.push(value),
                    None => break,
                }
            }
            assert_eq!(drained, [1], "{way}");
            assert_eq!(kept.await, None);
        }
    });
}

// T12: something in between, reserved and not used.

/// tokio#2854: `close` with a reserved place outstanding, which was then dropped unused, woke nobody:
/// the receiver waited for a value that could not come. gort reserves nothing; what holds the channel
/// open is a sender, in whatever it is doing.
#[test]
fn t12_the_last_sender_that_goes_without_sending_ends_the_wait() {
    fn check<T>(hold: impl FnOnce(Sender<i32>) -> T) {
        let (tx, rx) = chan(0);
        let mut recv = Polled::new(rx.next());
        assert!(recv.poll().is_pending());
        let held = hold(tx);
        assert!(recv.poll().is_pending() && recv.wakes() == 0 && !rx.is_closed());
        drop(held);
        assert_eq!((recv.wakes(), recv.ready()), (1, None));
    }
    // A future that was never polled.
    check(|tx| async move { tx.send(1).await });
    // A sink that has not been given a value.
    check(|tx| tx.sink());
    check(|tx| async move {
        select! { r = tx <- 1 => r.unwrap(), else => {} }
    });
}

/// A value that was accepted and is dropped unsent: the sink is the channel's last sender.
#[test]
fn t12_a_sink_that_is_dropped_with_what_it_accepted_ends_the_wait() {
    let (tx, rx) = chan(0);
    let value = flag();
    let mut sink = tx.sink();
    drop(tx);
    assert!(Polled::new(sink.feed(value.clone())).ready().is_ok());
    // One receiver takes its deposit's place in line and goes; the other one waits for the end.
    let mut recv = Polled::new(async { rx.try_recv().is_err() && rx.next().await.is_none() });
    assert!(recv.poll().is_pending());
    drop(sink);
    assert_eq!(value.alive(), 1);
    assert!(recv.ready());
}

/// A match that is given back after the close is still received.
#[test]
fn t12_a_match_that_is_given_back_after_the_close_is_received_before_the_end() {
    let (tx, rx) = chan(0);
    let mut first = Polled::new(rx.next());
    assert!(first.poll().is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    drop(first);
    assert_eq!(Polled::new(rx.next()).ready(), Some(1));
    assert_eq!(Polled::new(rx.next()).ready(), None);
}

/// A receive woken by the close looks again, and finds what was given back since.
#[test]
fn t12_a_receive_woken_by_the_close_takes_what_was_given_back_meanwhile() {
    let (tx, rx) = chan(0);
    let (mut first, mut second) = (Polled::new(rx.next()), Polled::new(rx.next()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    drop(first);
    assert_eq!(second.ready(), Some(1));
}

/// tokio#7714: a value sent with a permit after the receiver had gone went into the queue, and stayed
/// there until the sender went as well. It has to come back, or to be dropped, at once.
#[test]
fn t12_a_value_sent_after_the_last_receiver_went_comes_back_at_once() {
    let (tx, rx) = chan(4);
    let value = flag();
    let mut sink = tx.sink();
    let unpolled = tx.send(value.clone());
    drop(rx);
    assert!(matches!(tx.try_send(value.clone()), Err(TrySendError::Disconnected(_))));
    assert!(matches!(Polled::new(unpolled).ready(), Err(SendError(_))));
    assert!(matches!(Polled::new(sink.send(value.clone())).ready(), Err(SendError(_))));
    assert!(tx.blocking_send(value.clone()).is_err());
    let mut select = Select::new();
    select.send(&tx, value.clone(), |r| r.is_err());
    assert_eq!(Polled::new(select.wait()).ready(), (0, true));
    assert_eq!(value.alive(), 1, "the channel has kept one");

    // What a sink had accepted while there was a receiver.
    let (tx, rx) = chan(0);
    let mut sink = tx.sink();
    assert!(Polled::new(sink.feed(value.clone())).ready().is_ok());
    drop(rx);
    assert!(matches!(Polled::new(sink.flush()).ready(), Err(SendError(_))));
    assert_eq!(value.alive(), 1);
}

// T13: the last receiver.

/// async-channel#23, futures#909, futures#1241: values in the queue stayed there when the last receiver
/// went, as long as there were senders. A request that carried the way for its answer was never answered
/// and never refused.
#[test]
fn t13_what_is_in_flight_when_the_last_receiver_goes_is_dropped_at_once() {
    let (tx, rx) = chan(2);
    let value = flag();
    let mut matched = Polled::new(rx.next());
    assert!(matched.poll().is_pending());
    (0..3).for_each(|_| tx.try_send(value.clone()).unwrap());
    let mut waiting = Polled::new(tx.send(value.clone()));
    assert!(waiting.poll().is_pending());
    drop(matched); // one is returned, two are queued, one waits
    assert_eq!(value.alive(), 5);
    drop(rx);
    assert_eq!(value.alive(), 2);
    assert!(matches!(waiting.ready(), Err(SendError(_))));
    assert!(matches!(tx.try_send(value.clone()), Err(TrySendError::Disconnected(_))));
    assert_eq!(value.alive(), 1);
}

/// The request and the answer, with the send racing the end.
#[test]
fn t13_whoever_waits_for_an_answer_is_told_that_the_receiver_has_gone() {
    async fn case() {
        for capacity in [0, 1, 3] {
            let (requests, served) = chan::<oneshot::Sender<u32>>(capacity);
            let server = go(async move {
                if let Some(answer) = served.next().await {
                    let _ = answer.send(7);
                }
            });
            let clients: Vec<_> = (0..5)
                .map(|_| {
                    let requests = requests.clone();
                    go(async move {
                        let (answer, answered) = oneshot::channel();
                        // An error brings the request back, and is dropped with it.
                        let sent = requests.send(answer).await.is_ok();
                        (sent, answered.await.ok())
                    })
                })
                .collect();
            let mut answers = 0;
            for client in clients {
                let (sent, answer) = client.await.unwrap();
                assert!(sent || answer.is_none());
                answers += answer.into_iter().sum::<u32>();
            }
            server.await.unwrap();
            assert_eq!(answers, 7, "one was served");
            assert!(requests.is_empty() && requests.is_closed());
        }
    }
    run(case());
    seeded(case);
}

/// Threads that send while the last receiver goes: nothing is left although senders live on.
#[test]
fn t13_nothing_is_left_after_sends_that_raced_with_the_last_receiver() {
    const SENDERS: usize = 2;
    for round in 0..600 {
        let (tx, rx) = chan(round % 4);
        let value = flag();
        let start = Barrier::new(SENDERS + 1);
        thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    let values = [value.clone(), value.clone()];
                    start.wait();
                    for value in values {
                        let _ = tx.try_send(value);
                    }
                });
            }
            scope.spawn(|| {
                let rx = rx;
                start.wait();
                let mut recv = Polled::new(rx.next());
                let _ = recv.poll();
                drop(recv);
                drop(rx);
            });
        });
        assert_eq!(value.alive(), 1);
    }
}

// T14: panics of misuse.

/// Go's closedchan.go; crossbeam PR#410, crossbeam#1244: a panic that is raised with the lock held, or
/// with a state half-written, turns one mistake into many. After each misuse the channel works, on this
/// thread and on others.
#[test]
fn t14_misuse_panics_and_leaves_the_channel_as_it_was() {
    const SEND: &str = "send on closed channel";
    let ch = Chan::new(2);
    ch.try_send(1).unwrap();
    ch.close();
    let works = |ch: &Chan<i32>| {
        thread::scope(|scope| {
            let other = scope.spawn(|| (ch.len(), ch.try_close(), ch.try_send(9)));
            assert_eq!(other.join().unwrap(), (1, false, Err(TrySendError::Closed(9))));
        });
    };
    assert_eq!(panic_text(|| ch.close()), "close of closed channel");
    works(&ch);
    assert_eq!(panic_text(|| ch.tx().close()), "close of closed channel");
    works(&ch);
    assert_eq!(panic_text(|| Polled::new(ch.send(2)).poll()), SEND);
    works(&ch);
    assert_eq!(panic_text(|| ch.blocking_send(2)), SEND);
    works(&ch);
    let mut selects = Polled::new(async {
        select! { ch <- 2 => {} }
    });
    assert_eq!(panic_text(|| selects.poll()), SEND);
    works(&ch);
    let mut dynamic = Select::new();
    dynamic.send(&ch, 2, |()| ());
    let mut dynamic = Polled::new(dynamic.wait());
    assert_eq!(panic_text(|| dynamic.poll()), SEND);
    works(&ch);
    assert_eq!([ch.try_recv(), ch.try_recv()], [Ok(1), Err(TryRecvError::Closed)]);
}

/// The same with senders in line when it is closed: each of them panics, and disturbs nobody.
#[test]
fn t14_a_sender_that_panics_disturbs_nobody() {
    let ch = Chan::new(1);
    ch.try_send(1).unwrap();
    let mut waiting: Vec<_> = (2..5).map(|i| Polled::new(ch.send(i))).collect();
    assert!(waiting.iter_mut().all(|send| send.poll().is_pending()));
    ch.close();
    for send in &mut waiting {
        assert_eq!(panic_text(|| send.poll()), "send on closed channel");
        assert!(!ch.try_close());
    }
    assert_eq!([ch.try_recv(), ch.try_recv()], [Ok(1), Err(TryRecvError::Closed)]);
}

// T16: the first value and the end of everything.

/// Counts how often it is dropped, in a place that lives longer.
struct Counted(Arc<AtomicUsize>, Box<usize>);

impl Drop for Counted {
    fn drop(&mut self) {
        assert_eq!(*self.1, 7, "not a value, or not any more");
        *self.1 = 0;
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// rust#110089, crossbeam#972, crossbeam#1187: the queue made its first block when the first value came,
/// in two steps, and its drop took a block half made for a whole one; later, a value was dropped twice.
/// Here the first sends, the last receiver and the end of the last handle come at once.
#[test]
fn t16_the_first_values_are_dropped_once_whatever_ends_meanwhile() {
    const SENDERS: usize = 2;
    for round in 0..600 {
        let drops = Arc::new(AtomicUsize::new(0));
        let value = || Counted(Arc::clone(&drops), Box::new(7));
        let (tx, rx) = chan([1, 2, 64][round % 3]);
        let start = Barrier::new(SENDERS + 1);
        thread::scope(|scope| {
            for tx in [tx.clone(), tx] {
                scope.spawn(|| {
                    let tx = tx;
                    let values = [value(), value()];
                    start.wait();
                    for value in values {
                        drop(tx.try_send(value));
                    }
                });
            }
            scope.spawn(|| {
                let rx = rx;
                start.wait();
                if round % 2 == 0 {
                    drop(rx.try_recv());
                }
            });
        });
        assert_eq!(drops.load(Ordering::Relaxed), 2 * SENDERS);
    }
}

/// A channel that is made, filled in part or not at all, and dropped.
#[test]
fn t16_a_channel_may_end_with_any_number_of_values_in_it() {
    for capacity in [0, 1, 31, 32, 33] {
        for count in 0..=capacity {
            let drops = Arc::new(AtomicUsize::new(0));
            let (tx, rx) = chan(capacity);
            for _ in 0..count {
                assert!(tx.try_send(Counted(Arc::clone(&drops), Box::new(7))).is_ok());
            }
            if count % 2 == 0 {
                drop(rx);
                drop(tx);
            } else {
                drop(tx);
                drop(rx.try_recv());
                drop(rx);
            }
            assert_eq!(drops.load(Ordering::Relaxed), count);
        }
    }
}

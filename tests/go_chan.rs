//! Go's cases of channels, 21 to 48. Where the order of waiters matters, futures are polled by hand;
//! what holds in every order runs as goroutines, everywhere.

mod common;

use common::everywhere::{everywhere, live, seeded};
use common::plain::plain;
use common::{Log, Polled, flag, go, panic_text};
use futures::FutureExt;
use gort::chan::{TryRecvError, TrySendError};
use gort::time::{Duration, after, sleep};
use gort::{Chan, Receiver, Sender, chan, select};
use std::collections::HashMap;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const SEND_ON_CLOSED: &str = "send on closed channel";

/// What the case's threads do, each.
const ROUNDS: u64 = 2_000;

// Making and looking.

#[test]
fn c021_makechan_size_out_of_range() {
    const TEXT: &str = "makechan: size out of range";
    assert_eq!(panic_text(|| Chan::<u8>::new(usize::MAX)), TEXT);
    assert_eq!(panic_text(|| chan::<u64>(1 << 60)), TEXT);
    assert_eq!(panic_text(|| chan::<()>(usize::MAX)), TEXT);
    assert_eq!(chan::<u8>(1 << 40).0.capacity(), 1 << 40, "takes no memory yet");
}

#[test]
fn c022_len_and_cap() {
    let nil = Chan::<i32>::nil();
    assert_eq!((nil.len(), nil.capacity()), (0, 0));
    let unbuffered = Chan::<i32>::new(0);
    assert_eq!((unbuffered.len(), unbuffered.capacity()), (0, 0));
    let three = Chan::new(3);
    three.try_send(1).unwrap();
    three.try_send(2).unwrap();
    assert_eq!((three.len(), three.capacity()), (2, 3));
    assert_eq!((three.tx().len(), three.rx().capacity()), (2, 3));
    assert!(!three.is_empty());
}

#[test]
fn c040_handles_compare_by_channel() {
    let ch = Chan::<i32>::new(0);
    let (tx, rx) = (ch.tx(), ch.rx());
    assert!(ch == tx && tx == rx && rx == ch && ch == ch.clone());
    let other = Chan::<i32>::new(0);
    assert!(ch != other && tx != other.rx());
    assert!(Chan::<i32>::nil() == Receiver::nil() && ch != Chan::nil());
    assert!(Chan::<()>::new(0) != Chan::<()>::new(0));
    let (sender, receiver): (Sender<_>, Receiver<_>) = ((&ch).into(), ch.clone().into());
    assert!(sender == receiver);
    #[expect(clippy::mutable_key_type, reason = "a channel's identity never changes")]
    let names = HashMap::from([(ch.clone(), "ch"), (other, "other")]);
    assert_eq!(names[&ch], "ch");
}

// Waiting, and not waiting.

#[test]
fn c023_empty_full_and_nil_wait() {
    let (tx, rx) = chan(1);
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    drop(recv);
    tx.try_send(1).unwrap();
    let mut send = Polled::new(tx.send(2));
    assert!(send.poll().is_pending());
    drop(send);
    assert_eq!(rx.len(), 1);

    let nil = Chan::<i32>::default();
    let (mut send, mut recv) = (Polled::new(nil.send(1)), Polled::new(nil.recv()));
    let mut next = Polled::new(nil.next());
    for _ in 0..3 {
        assert!(send.poll().is_pending() && recv.poll().is_pending() && next.poll().is_pending());
    }
    assert!(Polled::new(nil.closed()).poll().is_pending());
    assert!(nil.is_nil() && !nil.is_closed() && !nil.try_close());

    seeded(|| async {
        let went_on = Arc::new(AtomicUsize::new(0));
        let full = Chan::new(1);
        full.send(0).await;
        for ch in [full, Chan::new(0), Chan::nil()] {
            let went_on = went_on.clone();
            drop(go(async move {
                ch.send(1).await;
                went_on.fetch_add(1, Ordering::Relaxed);
            }));
        }
        for ch in [Chan::<i32>::new(1), Chan::new(0), Chan::nil()] {
            let went_on = went_on.clone();
            drop(go(async move {
                ch.recv().await;
                went_on.fetch_add(1, Ordering::Relaxed);
            }));
        }
        sleep(Duration::from_millis(100)).await;
        assert_eq!(went_on.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn c024_try_leaves_a_channel_that_is_not_ready_unchanged() {
    let (tx, rx) = chan(1);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(tx.try_send(1), Ok(()));
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(rx.len(), 1);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));

    let (tx, rx) = chan(0);
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    assert_eq!(tx.try_send(2), Ok(()));
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)), "the receiver is taken");
    assert_eq!(recv.ready(), 2);

    let nil = Chan::nil();
    assert_eq!(nil.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(nil.try_send(7), Err(TrySendError::Full(7)));
}

#[test]
fn c024_default_runs_when_the_channel_is_not_ready() {
    everywhere(|| async {
        let (empty, full) = (Chan::<i32>::new(1), Chan::new(1));
        full.send(1).await;
        for ch in [&empty, &Chan::new(0), &Chan::nil()] {
            select! {
                v = <-ch => panic!("received {v}"),
                default => {}
            }
        }
        for ch in [&full, &Chan::new(0), &Chan::nil()] {
            select! {
                ch <- 2 => panic!("sent"),
                default => {}
            }
        }
        assert_eq!((empty.len(), full.len()), (0, 1));
        assert_eq!(full.recv().await, 1);
    });
}

// Closing.

#[test]
fn c025_closed_is_drained_then_yields_zero_for_ever() {
    let ch = Chan::new(2);
    ch.try_send(1).unwrap();
    ch.try_send(2).unwrap();
    ch.close();
    assert_eq!(Polled::new(ch.recv_ok()).ready(), (1, true));
    assert_eq!(Polled::new(ch.recv_ok()).ready(), (2, true));
    for _ in 0..3 {
        assert_eq!(Polled::new(ch.recv_ok()).ready(), (0, false));
        assert_eq!(Polled::new(ch.recv()).ready(), 0);
        assert_eq!(Polled::new(ch.next()).ready(), None);
        assert_eq!(ch.try_recv(), Err(TryRecvError::Closed));
    }
}

/// Go's send that does not wait is a `select` with `default`; `try_send` is ours, and never panics.
#[test]
fn c026_send_on_closed_panics_and_drops_the_value() {
    let ch = Chan::new(1);
    let tx = ch.tx();
    ch.close();
    let value = flag();
    assert_eq!(panic_text(|| Polled::new(ch.send(value.clone())).poll()), SEND_ON_CLOSED);
    assert_eq!(panic_text(|| Polled::new(tx.send(value.clone())).poll()), SEND_ON_CLOSED);
    let with_default = async {
        select! {
            ch <- value.clone() => {}
            default => {}
        }
    };
    assert_eq!(panic_text(|| Polled::new(with_default).poll()), SEND_ON_CLOSED);
    assert_eq!(value.alive(), 1);
    assert!(matches!(ch.try_send(value.clone()), Err(TrySendError::Closed(_))));
    assert!(ch.is_empty(), "the channel works on");
    assert!(Polled::new(ch.next()).ready().is_none());
}

#[test]
fn c027_close_twice_and_close_nil() {
    let ch = Chan::<i32>::new(0);
    ch.close();
    assert!(ch.is_closed());
    assert_eq!(panic_text(|| ch.close()), "close of closed channel");
    assert_eq!(panic_text(|| ch.tx().close()), "close of closed channel");
    assert!(!ch.try_close());
    assert_eq!(panic_text(|| Chan::<i32>::nil().close()), "close of nil channel");
    assert_eq!(panic_text(|| Sender::<i32>::nil().close()), "close of nil channel");
    let other = Chan::<i32>::new(0);
    assert!(other.try_close() && other.is_closed());
}

#[test]
fn c028_close_wakes_every_waiting_receiver_once() {
    let ch = Chan::<i32>::new(0);
    let mut waiting: Vec<_> = (0..40).map(|_| Polled::new(ch.recv_ok())).collect();
    assert!(waiting.iter_mut().all(|recv| recv.poll().is_pending()));
    ch.close();
    for recv in &mut waiting {
        assert_eq!(recv.wakes(), 1);
        assert_eq!(recv.ready(), (0, false));
    }
    everywhere(|| async {
        let ch = Chan::<i32>::new(0);
        let receive = |ch: Chan<i32>| async move { ch.recv_ok().await };
        let receivers: Vec<_> = (0..40).map(|_| go(receive(ch.clone()))).collect();
        ch.close();
        for receiver in receivers {
            assert_eq!(receiver.await.unwrap(), (0, false));
        }
    });
}

#[test]
fn c029_close_makes_every_waiting_sender_panic_and_nothing_is_received() {
    let (tx, rx) = chan(0);
    let value = flag();
    let mut waiting: Vec<_> = (0..40).map(|_| Polled::new(tx.send(value.clone()))).collect();
    assert!(waiting.iter_mut().all(|send| send.poll().is_pending()));
    tx.close();
    for send in &mut waiting {
        assert_eq!(send.wakes(), 1);
        assert_eq!(panic_text(|| send.poll()), SEND_ON_CLOSED);
    }
    assert_eq!(value.alive(), 1, "their values are gone");
    assert!(Polled::new(rx.next()).ready().is_none());
    everywhere(|| async {
        let ch = Chan::new(0);
        let send = |ch: Chan<i32>| async move {
            let panic = AssertUnwindSafe(ch.send(1)).catch_unwind().await.unwrap_err();
            panic_text(|| resume_unwind(panic))
        };
        let senders: Vec<_> = (0..5).map(|_| go(send(ch.clone()))).collect();
        ch.close();
        for sender in senders {
            assert_eq!(sender.await.unwrap(), SEND_ON_CLOSED);
        }
        assert_eq!(ch.recv_ok().await, (0, false));
    });
}

#[test]
fn c030_close_keeps_what_is_buffered_and_loses_what_waits() {
    let (tx, rx) = chan(2);
    let values: [_; 3] = std::array::from_fn(|_| flag());
    assert!(values[..2].iter().all(|value| tx.try_send(value.clone()).is_ok()));
    let mut third = Polled::new(tx.send(values[2].clone()));
    assert!(third.poll().is_pending());
    tx.close();
    assert_eq!(panic_text(|| third.poll()), SEND_ON_CLOSED);
    assert_eq!(values.each_ref().map(|value| value.alive()), [2, 2, 1]);
    for value in &values[..2] {
        assert!(Polled::new(rx.next()).ready().is_some());
        assert_eq!(value.alive(), 1, "in order");
    }
    assert!(Polled::new(rx.next()).ready().is_none());
}

#[test]
fn c042_range_ends_when_closed_and_drained_and_waits_on_nil() {
    everywhere(|| async {
        for capacity in [0, 3] {
            let ch = Chan::new(capacity);
            let values = ch.clone();
            drop(go(async move {
                for i in 0..3 {
                    values.send(i).await;
                }
                values.close();
            }));
            let mut seen = Vec::new();
            while let Some(i) = ch.next().await {
                seen.push(i);
            }
            assert_eq!(seen, [0, 1, 2]);
        }
    });
    let nil = Chan::<i32>::nil();
    let mut range = Polled::new(async { while nil.next().await.is_some() {} });
    assert!(range.poll().is_pending());
    assert_eq!(range.wakes(), 0);
}

#[test]
fn c046_a_closed_channel_never_leaves_it_to_default() {
    everywhere(|| async {
        let ch = Chan::<i32>::new(0);
        ch.close();
        for _ in 0..1000 {
            select! {
                v, ok = <-ch => assert_eq!((v, ok), (0, false)),
                default => panic!("a closed channel is ready"),
            }
        }
    });
}

// Lines of waiters.

/// Starts goroutines that begin a virtual millisecond apart.
fn one_after_the_other<F>(
    count: usize,
    begin: impl Fn(usize) -> F,
) -> Vec<impl Future<Output = Result<(), impl Debug>>>
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = |i| {
        let body = begin(i);
        go(async move {
            sleep(Duration::from_millis(i as u64)).await;
            body.await;
        })
    };
    (0..count).map(start).collect()
}

#[test]
fn c031_the_ith_waiting_receiver_gets_the_ith_value() {
    for capacity in [0, 3] {
        let (tx, rx) = chan(capacity);
        let mut waiting: Vec<_> = (0..10).map(|_| Polled::new(rx.recv())).collect();
        assert!(waiting.iter_mut().all(|recv| recv.poll().is_pending()));
        for i in 0..10 {
            assert_eq!(Polled::new(tx.send(i)).ready(), Ok(()), "handed over at once");
        }
        assert_eq!(tx.len(), 0);
        for (i, recv) in waiting.iter_mut().enumerate().rev() {
            assert_eq!((recv.wakes(), recv.ready()), (1, i));
        }
    }
    seeded(|| async {
        for capacity in [0, 3] {
            let ch = Chan::new(capacity);
            let receivers = one_after_the_other(10, |i| {
                let ch = ch.clone();
                async move { assert_eq!(ch.recv().await, i) }
            });
            sleep(Duration::from_millis(100)).await;
            for i in 0..10 {
                ch.send(i).await;
            }
            for receiver in receivers {
                receiver.await.unwrap();
            }
        }
    });
}

#[test]
fn c032_waiting_senders_are_admitted_in_order() {
    for capacity in [0, 3] {
        let (tx, rx) = chan(capacity);
        let mut waiting: Vec<_> = (0..10).map(|i| Polled::new(tx.send(i))).collect();
        for (i, send) in waiting.iter_mut().enumerate() {
            assert_eq!(send.poll().is_pending(), i >= capacity);
        }
        for i in 0..10 {
            assert_eq!(Polled::new(rx.recv()).ready(), i);
        }
        for send in &mut waiting[capacity..] {
            assert_eq!((send.wakes(), send.ready()), (1, Ok(())));
        }
    }
    seeded(|| async {
        for capacity in [0, 3] {
            let ch = Chan::new(capacity);
            let senders = one_after_the_other(10, |i| {
                let ch = ch.clone();
                async move { ch.send(i).await }
            });
            sleep(Duration::from_millis(100)).await;
            for i in 0..10 {
                assert_eq!(ch.recv().await, i);
            }
            for sender in senders {
                sender.await.unwrap();
            }
        }
    });
}

#[test]
fn c033_a_receive_from_a_full_buffer_admits_one_sender() {
    let (tx, rx) = chan(2);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let (mut third, mut fourth) = (Polled::new(tx.send(3)), Polled::new(tx.send(4)));
    assert!(third.poll().is_pending() && fourth.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.len(), 2);
    assert_eq!((third.wakes(), fourth.wakes()), (1, 0));
    assert_eq!(third.ready(), Ok(()));
    assert!(fourth.poll().is_pending());
    assert_eq!([rx.try_recv(), rx.try_recv(), rx.try_recv()], [Ok(2), Ok(3), Ok(4)]);
    assert_eq!(fourth.ready(), Ok(()));
}

#[test]
fn c039_zero_sized_values_are_counted_block_and_keep_their_order() {
    let (tx, rx) = chan(3);
    (0..3).for_each(|_| tx.try_send(()).unwrap());
    assert_eq!(tx.len(), 3);
    assert_eq!(tx.try_send(()), Err(TrySendError::Full(())));
    let (mut fourth, mut fifth) = (Polled::new(tx.send(())), Polled::new(tx.send(())));
    assert!(fourth.poll().is_pending() && fifth.poll().is_pending());
    rx.try_recv().unwrap();
    assert_eq!((fourth.wakes(), fifth.wakes(), tx.len()), (1, 0, 3));
    (0..4).for_each(|_| rx.try_recv().unwrap());
    assert_eq!((fourth.ready(), fifth.ready()), (Ok(()), Ok(())));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

/// Sends four values on an unbuffered channel, and logs each send and each receive.
async fn four_unbuffered_sends(log: Log) {
    let ch = Chan::new(0);
    let (received, values) = (log.clone(), ch.clone());
    let receiver = go(async move {
        for i in 0..4 {
            assert_eq!(values.recv().await, i);
            received.say(format!("r{i}"));
        }
    });
    for i in 0..4 {
        ch.send(i).await;
        log.say(format!("s{i}"));
    }
    receiver.await.unwrap();
}

#[test]
fn c047_a_receive_is_over_before_the_next_send_and_each_happens_once() {
    everywhere(|| async {
        let log = Log::default();
        four_unbuffered_sends(log.clone()).await;
        let text = log.text();
        let words: Vec<_> = text.split(' ').collect();
        let at = |word: String| words.iter().position(|w| *w == word).expect("it is there");
        assert_eq!(words.len(), 8);
        for i in 0..4 {
            assert!(i == 3 || at(format!("r{i}")) < at(format!("s{}", i + 1)), "{text}");
            assert!(i == 0 || at(format!("s{}", i - 1)) < at(format!("r{i}")), "{text}");
        }
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c047_on_one_worker_sender_and_receiver_log_two_by_two() {
    let log = Log::default();
    common::everywhere::workers(1).run(four_unbuffered_sends(log.clone()));
    assert_eq!(log.text(), "r0 s0 s1 r1 r2 s2 s3 r3");
}

// Many at a time.

/// Four producers, four consumers: each value once, and in the order of its producer.
async fn many_producers_and_consumers(capacity: usize, each: usize) {
    let (tx, rx) = chan::<(usize, usize)>(capacity);
    for id in 0..4 {
        let tx = tx.clone();
        drop(go(async move {
            for i in 0..each {
                tx.send((id, i)).await.unwrap();
            }
        }));
    }
    drop(tx);
    let consumers: Vec<_> = (0..4)
        .map(|_| {
            let rx = rx.clone();
            go(async move {
                let mut got = Vec::new();
                while let Some(value) = rx.next().await {
                    got.push(value);
                }
                got
            })
        })
        .collect();
    let mut all = Vec::new();
    for consumer in consumers {
        let got = consumer.await.unwrap();
        for id in 0..4 {
            let own: Vec<_> = got.iter().filter(|value| value.0 == id).collect();
            assert!(own.is_sorted(), "order per producer and consumer");
        }
        all.extend(got);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq((0..4).flat_map(|id| (0..each).map(move |i| (id, i)))));
}

#[test]
fn c034_many_producers_and_consumers() {
    for capacity in [0, 1, 10, 200] {
        live(|| many_producers_and_consumers(capacity, 1000));
        seeded(|| many_producers_and_consumers(capacity, 20));
    }
}

#[test]
fn c044_a_closed_channel_is_ready_at_every_moment() {
    for _ in 0..500 {
        let ch = Chan::new(1);
        ch.try_send(1).unwrap();
        let closer = {
            let ch = ch.clone();
            thread::spawn(move || {
                ch.close();
                ch.blocking_recv();
            })
        };
        assert_ne!(ch.try_recv(), Err(TryRecvError::Empty));
        closer.join().unwrap();
    }
}

// What becomes visible.

#[test]
fn c035_what_was_written_before_a_send_is_seen_after_its_receive() {
    for capacity in [0, 1, 8] {
        let (tx, rx) = chan::<u64>(capacity);
        let written = plain(ROUNDS as usize);
        let sender = {
            let written = written.clone();
            thread::spawn(move || {
                for i in 0..ROUNDS {
                    written[i as usize].set(i + 1);
                    tx.blocking_send(i).unwrap();
                }
            })
        };
        while let Some(i) = rx.blocking_recv() {
            assert_eq!(written[i as usize].get(), i + 1);
        }
        sender.join().unwrap();
    }
}

/// The sender sees what the receiver wrote before the receive that gave it its room: the `k`th, when
/// `k + capacity` are sent.
fn written_before_a_receive_is_seen_by_the_sender(capacity: usize) {
    let (tx, rx) = chan::<u64>(capacity);
    let written = plain(ROUNDS as usize);
    let receiver = {
        let written = written.clone();
        thread::spawn(move || {
            for (i, slot) in written.iter().enumerate() {
                slot.set(i as u64 + 1);
                rx.blocking_recv().unwrap();
            }
        })
    };
    for i in 0..written.len() {
        tx.blocking_send(i as u64).unwrap();
        if let Some(k) = i.checked_sub(capacity) {
            assert_eq!(written[k].get(), k as u64 + 1);
        }
    }
    receiver.join().unwrap();
}

#[test]
fn c036_what_was_written_before_an_unbuffered_receive_is_seen_after_its_send() {
    written_before_a_receive_is_seen_by_the_sender(0);
    // With room nothing is ordered: the send is over before the receive has begun.
    let (tx, _rx) = chan(1);
    assert_eq!(Polled::new(tx.send(1)).ready(), Ok(()));
}

#[test]
fn c037_a_buffered_channel_is_a_semaphore() {
    for capacity in [1, 3, 8] {
        written_before_a_receive_is_seen_by_the_sender(capacity);
    }
    let (tx, rx) = chan::<()>(3);
    let inside = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let (tx, rx, inside) = (tx.clone(), rx.clone(), inside.clone());
            thread::spawn(move || {
                for _ in 0..500 {
                    tx.blocking_send(()).unwrap();
                    assert!(inside.fetch_add(1, Ordering::Relaxed) < 3);
                    inside.fetch_sub(1, Ordering::Relaxed);
                    rx.blocking_recv().unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn c038_what_was_written_before_the_close_is_seen_after_the_end() {
    for round in 0..300 {
        let ch = Chan::<()>::new(0);
        let written = plain(1);
        let closer = {
            let (ch, written) = (ch.clone(), written.clone());
            thread::spawn(move || {
                written[0].set(1);
                ch.close();
            })
        };
        if round % 2 == 0 {
            assert_eq!(ch.blocking_recv(), None);
        } else {
            // Without the lock: the end is seen by plain loads.
            while ch.try_recv() != Err(TryRecvError::Closed) {
                thread::yield_now();
            }
        }
        assert_eq!(written[0].get(), 1);
        closer.join().unwrap();
    }
}

// Values.

/// Three ways through a channel; no copy of the value stays behind in any of them.
fn large_values() {
    let value = flag();
    let large = || (value.clone(), [0_u8; 64 * 1024]);
    let (tx, rx) = chan(4);
    assert!(tx.try_send(large()).is_ok());
    assert_eq!(value.alive(), 2);
    drop(rx.try_recv());
    assert_eq!(value.alive(), 1, "the buffer holds no copy");
    assert!(tx.try_send(large()).is_ok());
    drop(tx);
    assert_eq!(value.alive(), 2, "closed, but still to be received");
    drop(rx);
    assert_eq!(value.alive(), 1);

    let (tx, rx) = chan(0);
    let mut waiting = Polled::new(tx.send(large()));
    assert!(waiting.poll().is_pending());
    drop(rx.try_recv());
    assert_eq!(value.alive(), 1, "nor does the sender that waited");
    drop(waiting);
    let mut waiting = Polled::new(rx.next());
    assert!(waiting.poll().is_pending());
    assert!(tx.try_send(large()).is_ok());
    drop(waiting.ready());
    assert_eq!(value.alive(), 1, "nor does the receiver that waited");
}

#[test]
fn c043_a_received_value_is_gone_from_the_channel() {
    // Built without optimisation, every move is a copy on the stack of its own.
    let with_room = thread::Builder::new().stack_size(16 << 20);
    with_room.spawn(large_values).unwrap().join().unwrap();
}

#[test]
fn c048_the_channel_of_a_timer_has_no_length_and_no_capacity() {
    everywhere(|| async {
        let due = after(Duration::from_millis(1));
        assert_eq!((due.len(), due.capacity()), (0, 0));
        sleep(Duration::from_millis(2)).await;
        assert_eq!((due.len(), due.capacity()), (0, 0), "its time has come");
        due.try_recv().unwrap();
        assert_eq!((due.len(), due.capacity()), (0, 0));
    });
}

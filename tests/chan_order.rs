//! What a channel makes visible from one thread to another, and what is never seen in between.

mod common;

use common::flag;
use gort::chan::TryRecvError;
use gort::{Chan, chan};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

const ROUNDS: u64 = 2_000;

#[test]
fn c035_what_was_written_before_a_send_is_seen_after_its_receive() {
    for capacity in [0, 1, 8] {
        let (tx, rx) = chan::<u64>(capacity);
        let written = Arc::new(AtomicU64::new(0));
        let sender = {
            let written = written.clone();
            thread::spawn(move || {
                for i in 1..=ROUNDS {
                    written.store(i, Ordering::Relaxed);
                    tx.blocking_send(i).unwrap();
                }
            })
        };
        while let Some(i) = rx.blocking_recv() {
            assert!(written.load(Ordering::Relaxed) >= i);
        }
        sender.join().unwrap();
    }
}

#[test]
fn c036_what_was_written_before_an_unbuffered_receive_is_seen_after_its_send() {
    let (tx, rx) = chan::<u64>(0);
    let written = Arc::new(AtomicU64::new(0));
    let receiver = {
        let written = written.clone();
        thread::spawn(move || {
            for i in 1..=ROUNDS {
                written.store(i, Ordering::Relaxed);
                assert_eq!(rx.blocking_recv(), Some(i));
            }
        })
    };
    for i in 1..=ROUNDS {
        tx.blocking_send(i).unwrap();
        assert!(written.load(Ordering::Relaxed) >= i);
    }
    receiver.join().unwrap();
}

#[test]
fn c037_a_buffered_channel_is_a_semaphore() {
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
    for _ in 0..300 {
        let ch = Chan::<()>::new(0);
        let written = Arc::new(AtomicU64::new(0));
        let closer = {
            let (ch, written) = (ch.clone(), written.clone());
            thread::spawn(move || {
                written.store(1, Ordering::Relaxed);
                ch.close();
            })
        };
        // Without the lock: the end is seen by plain loads.
        while ch.try_recv() != Err(TryRecvError::Closed) {
            thread::yield_now();
        }
        assert_eq!(written.load(Ordering::Relaxed), 1);
        closer.join().unwrap();
    }
}

#[test]
fn c043_a_received_value_is_gone_from_the_channel() {
    let (tx, rx) = chan(4);
    let value = flag();
    let large = (value.clone(), [0_u8; 64 * 1024]);
    assert!(tx.try_send(large).is_ok());
    assert_eq!(value.alive(), 2);
    drop(rx.try_recv());
    assert_eq!(value.alive(), 1, "the buffer holds no copy");
    assert!(tx.try_send((value.clone(), [0; 64 * 1024])).is_ok());
    drop(tx);
    assert_eq!(value.alive(), 2, "closed, but still to be received");
    drop(rx);
    assert_eq!(value.alive(), 1);
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
                let _ = ch.try_recv();
            })
        };
        assert_ne!(ch.try_recv(), Err(TryRecvError::Empty));
        closer.join().unwrap();
    }
}

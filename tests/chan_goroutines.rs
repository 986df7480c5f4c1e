//! Channels between goroutines that end, move their futures and leave them behind.

mod common;

use common::{go, run};
use gort::{Chan, chan};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Polls once with the current task's waker.
async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// A receive in line whose goroutine will never be woken by anybody.
#[test]
fn a_receive_polled_with_a_waker_of_nobody_then_left_for_ever() {
    run(async {
        let (tx, rx) = chan(0);
        let handle = go({
            let rx = rx.clone();
            async move {
                let mut recv = Box::pin(rx.recv());
                let polled = recv.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending());
                std::future::pending::<()>().await;
            }
        });
        while tx.try_send(1).is_err() {
            gort::task::yield_now().await;
        }
        // The goroutine has been polled only once: its match is not stale, and is given back with it.
        handle.abort();
        assert!(handle.await.is_err());
        assert_eq!(rx.recv().await, 1);
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn a_matched_receive_that_is_never_polled_again_gives_its_value_to_its_own_goroutine() {
    run(async {
        let (tx, rx) = chan(0);
        let mut left = Box::pin(rx.recv());
        assert!(poll_once(&mut left).await.is_pending());
        tx.send(1).await.unwrap();
        assert_eq!(rx.recv().await, 1, "futurelock");
        drop(left);
        assert!(tx.try_send(2).is_err());
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn a_matched_receive_that_is_never_polled_again_gives_its_value_to_another_goroutine() {
    run(async {
        let (tx, rx) = chan(0);
        let done = Chan::new(0);
        go({
            let (rx, done) = (rx.clone(), done.clone());
            async move {
                let mut left = Box::pin(rx.recv());
                assert!(poll_once(&mut left).await.is_pending());
                done.send(0).await;
                // Polled for the match of `left`, and for `done`; `left` itself never again.
                done.recv().await;
            }
        });
        done.recv().await;
        tx.send(1).await.unwrap();
        // The other goroutine is woken by the match and does not look.
        for _ in 0..100 {
            gort::task::yield_now().await;
        }
        let value = loop {
            let mut recv = Box::pin(rx.recv());
            if let Poll::Ready(value) = poll_once(&mut recv).await {
                break value;
            }
            drop(recv);
            gort::task::yield_now().await;
        };
        assert_eq!(value, 1);
        done.send(0).await;
    });
}

#[test]
fn a_boxed_receive_outlives_the_goroutine_that_polled_it_first() {
    run(async {
        let (tx, rx) = chan::<u32>(0);
        let rx: Arc<gort::Receiver<u32>> = Arc::new(rx);
        type Boxed = Pin<Box<dyn Future<Output = u32> + Send>>;
        let moved = Chan::<Option<Boxed>>::new(1);
        let first = go({
            let (rx, moved) = (rx.clone(), moved.clone());
            async move {
                let mut recv: Boxed = Box::pin(async move { rx.recv().await });
                assert!(poll_once(&mut recv).await.is_pending());
                moved.send(Some(recv)).await;
            }
        });
        first.await.unwrap();
        // Its waker is of a goroutine that has ended.
        let recv = moved.recv().await.unwrap();
        tx.send(7).await.unwrap();
        assert_eq!(recv.await, 7);
    });
}

#[test]
fn an_aborted_goroutine_gives_its_value_back() {
    run(async {
        for _ in 0..200 {
            let (tx, rx) = chan(0);
            let receiver = go({
                let rx = rx.clone();
                async move { rx.next().await }
            });
            while tx.try_send(1).is_err() {
                gort::task::yield_now().await;
            }
            receiver.abort();
            let got = receiver.await.ok().flatten();
            assert_eq!(got.or_else(|| rx.try_recv().ok()), Some(1));
        }
    });
}

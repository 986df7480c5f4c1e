//! A goroutine that nobody can wake stays, and with it everything that its future is linked into.
//! Run under the address sanitizer, these tests are about memory; without it, about values.

use gort::runtime::{Builder, num_goroutine};
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

fn poll_with_noop<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets every goroutine that can run do so: one worker, everything queued in front of the caller.
async fn settle() {
    for _ in 0..10 {
        gort::task::yield_now().await;
    }
}

fn one_worker() -> gort::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(1).build().unwrap()
}

#[test]
fn a_receive_polled_with_another_waker_in_a_goroutine_that_nobody_can_wake() {
    one_worker().run(async {
        let (tx, rx) = gort::chan::<String>(0);
        drop(gort::go(async move {
            let mut recv = pin!(rx.recv());
            assert!(poll_with_noop(recv.as_mut()).is_pending());
            // From here on no waker of this goroutine exists.
            pending::<()>().await;
        }));
        settle().await;
        assert_eq!(num_goroutine(), 2, "it stays, and is counted");
        // The receive is still in line, and takes the value.
        tx.send("into the void".to_owned()).await.unwrap();
    });
}

#[test]
fn a_matched_receive_that_is_never_polled_again() {
    one_worker().run(async {
        let (tx, rx) = gort::chan::<String>(0);
        let other = rx.clone();
        drop(gort::go(async move {
            let mut recv = Box::pin(rx.recv());
            let _ = poll_with_noop(recv.as_mut());
            pending::<()>().await;
        }));
        settle().await;
        tx.send("kept".to_owned()).await.unwrap();
        drop(tx);
        // Its goroutine is not polled again, so nobody may take the value from it; the channel ends.
        assert_eq!(other.next().await, None);
    });
}

#[test]
fn a_boxed_receive_that_moves_to_another_goroutine_after_its_first_home_ended() {
    one_worker().run(async {
        let (tx, rx) = gort::chan::<String>(0);
        let rx: &'static gort::Receiver<String> = Box::leak(Box::new(rx));
        let recv = gort::go(async move {
            let mut recv = Box::pin(rx.recv());
            // Registered with the waker of this goroutine, which ends now.
            std::future::poll_fn(|cx| {
                assert!(recv.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            (recv,)
        })
        .await
        .unwrap();
        let (recv,) = recv;
        settle().await;
        // Nobody has polled it in its new home when the value comes.
        tx.send("moved".to_owned()).await.unwrap();
        let second = gort::go(recv);
        assert_eq!(second.await.unwrap(), "moved");
        // Leaked on purpose, where a leak checker still finds it.
        static KEPT: std::sync::OnceLock<&'static gort::Receiver<String>> =
            std::sync::OnceLock::new();
        let _ = KEPT.set(rx);
    });
}

#[test]
fn goroutines_that_nobody_can_wake_are_dropped_once_at_shutdown() {
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&drops);
    one_worker().run(async move {
        let (tx, rx) = gort::chan::<Count>(0);
        for _ in 0..10 {
            let (count, rx) = (Count(Arc::clone(&counted)), rx.clone());
            drop(gort::go(async move {
                let _count = count;
                let mut recv = pin!(rx.next());
                let _ = poll_with_noop(recv.as_mut());
                pending::<()>().await;
            }));
        }
        settle().await;
        // One of the receives holds a value that goes down with it.
        tx.send(Count(Arc::clone(&counted))).await.unwrap();
        assert_eq!(counted.load(Ordering::SeqCst), 0);
    });
    assert_eq!(drops.load(Ordering::SeqCst), 11);
}

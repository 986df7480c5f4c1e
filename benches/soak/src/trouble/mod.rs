//! The kinds of trouble. Each is bounded, counts what it does, and ends by itself.

pub mod channels;
pub mod descriptors;
pub mod echo;
pub mod fetch;
pub mod jobs;
pub mod locks;
pub mod panics;
pub mod runtimes;
pub mod stuck;
pub mod threads;
pub mod timers;

use crate::tally::TALLY;
use fastrand::Rng;
use gort::task::{AbortHandle, JoinHandle, yield_now};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

/// Starts a goroutine whose end is counted, in whichever way it ends.
pub fn start<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    struct End {
        returned: bool,
    }
    impl Drop for End {
        fn drop(&mut self) {
            match (self.returned, std::thread::panicking()) {
                (true, _) => TALLY.finished.one(),
                (false, true) => TALLY.panicked.one(),
                (false, false) => TALLY.aborted.one(),
            }
        }
    }
    TALLY.goroutines.one();
    let mut end = End { returned: false };
    gort::spawn(async move {
        let output = future.await;
        end.returned = true;
        drop(end);
        output
    })
}

/// What is under way, by the goroutine that does it.
static UNDER_WAY: Mutex<BTreeMap<u64, &str>> = Mutex::new(BTreeMap::new());

fn under_way_now() -> MutexGuard<'static, BTreeMap<u64, &'static str>> {
    UNDER_WAY.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Names `future` for [`under_way`] as long as it lives.
pub async fn named<F: Future>(name: &'static str, future: F) -> F::Output {
    struct Named(u64);
    impl Drop for Named {
        fn drop(&mut self) {
            under_way_now().remove(&self.0);
        }
    }
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let key = NEXT.fetch_add(1, Ordering::Relaxed);
    under_way_now().insert(key, name);
    let _named = Named(key);
    future.await
}

/// The names of what has not ended.
pub fn under_way() -> Vec<&'static str> {
    under_way_now().values().copied().collect()
}

/// Polls `future` at most `polls` times, letting others run in between, and then drops it.
pub async fn attempt<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

/// Aborts a goroutine when it is dropped.
pub struct AbortOnDrop(pub AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Up to `limit` microseconds.
pub fn micros(rng: &mut Rng, limit: u64) -> Duration {
    Duration::from_micros(rng.u64(0..limit))
}

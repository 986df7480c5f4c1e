//! Critical sections and wait groups, with those who give up.

use super::{attempt, start};
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::sync::{Mutex, WaitGroup};
use gort::task::yield_now;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub async fn contend(mut rng: Rng) {
    let lock = Arc::new(Mutex::new(0u64));
    let taken = Arc::new(AtomicU64::new(0));
    let group = WaitGroup::new();
    for _ in 0..rng.usize(2..8) {
        let (mut rng, lock, taken) = (rng.fork(), Arc::clone(&lock), Arc::clone(&taken));
        group.add(1);
        let done = group.guard();
        start(async move {
            let _done = done;
            for _ in 0..300 {
                let polls = rng.usize(0..3);
                let guard = match polls {
                    0 => Some(lock.lock().await),
                    _ => attempt(polls, lock.lock()).await,
                };
                let Some(mut guard) = guard else { continue };
                *guard += 1;
                taken.fetch_add(1, Ordering::Relaxed);
                if rng.u8(0..32) == 0 {
                    yield_now().await;
                }
            }
        });
    }
    let _ = attempt(2, group.wait()).await;
    group.wait().await;
    TALLY.groups.one();
    let (counted, taken) = (*lock.lock().await, taken.load(Ordering::Relaxed));
    demand!(counted == taken, "{taken} critical sections counted {counted}");
    TALLY.locks.add(taken);
}

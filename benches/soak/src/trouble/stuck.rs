//! Polls that block their thread for a while.

use super::start;
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::task::yield_now;
use std::time::Duration;

pub async fn block(mut rng: Rng) {
    let tasks: Vec<_> = (0..rng.usize(1..4))
        .map(|_| {
            // Less than it takes to be named on standard error.
            let (pause, before) = (Duration::from_millis(rng.u64(1..60)), rng.usize(0..4));
            start(async move {
                for _ in 0..before {
                    yield_now().await;
                }
                // Behind this goroutine, on the same worker.
                let behind = start(yield_now());
                TALLY.stuck.one();
                std::thread::sleep(pause);
                behind.await
            })
        })
        .collect();
    for task in tasks {
        demand!(matches!(task.await, Ok(Ok(()))), "a goroutine that blocks its thread");
    }
}

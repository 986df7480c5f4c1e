//! Timers that fire and timers that are given up, on all workers.

use super::{attempt, micros, start};
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::time::{Duration, Instant, sleep, sleep_until, timeout};
use std::pin::pin;

pub async fn tick(mut rng: Rng) {
    let tasks: Vec<_> = (0..rng.usize(4..64))
        .map(|_| {
            let mut rng = rng.fork();
            start(async move {
                for _ in 0..rng.usize(1..40) {
                    one(&mut rng).await;
                }
            })
        })
        .collect();
    for task in tasks {
        demand!(task.await.is_ok(), "a goroutine with timers");
    }
}

async fn one(rng: &mut Rng) {
    TALLY.timers.one();
    let deadline = Instant::now() + micros(rng, 4_000);
    match rng.u8(0..8) {
        0..=2 => drop(attempt(1, sleep(Duration::from_secs(3600))).await),
        3 => drop(timeout(Duration::from_secs(3600), async {}).await),
        4 => {
            let mut timer = pin!(sleep(Duration::from_secs(3600)));
            let _ = attempt(1, timer.as_mut()).await;
            timer.as_mut().reset(deadline);
            timer.await;
            fired(deadline);
        }
        5 => {
            let endless = std::future::pending::<()>();
            let _ = timeout(deadline.saturating_duration_since(Instant::now()), endless).await;
            fired(deadline);
        }
        _ => {
            sleep_until(deadline).await;
            fired(deadline);
        }
    }
}

fn fired(deadline: Instant) {
    TALLY.timers_fired.one();
    let early = deadline.saturating_duration_since(Instant::now());
    demand!(early.is_zero(), "a timer fired {early:?} too early");
}

//! Blocking jobs: more than threads, some that wait for goroutines, some aborted.

use super::start;
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::task::{JoinHandle, spawn_blocking};
use std::time::Duration;

/// Counts what a job came to. `refusable`: there may have been no thread for it.
pub async fn settle(job: JoinHandle<usize>, number: usize, refusable: bool) {
    match job.await {
        Ok(output) => {
            demand!(output == number, "job {number} returned {output}");
            TALLY.jobs_done.one();
        }
        Err(error) if error.is_cancelled() => TALLY.jobs_aborted.one(),
        Err(error) => {
            demand!(refusable, "job {number}: {error}");
            TALLY.jobs_refused.one();
        }
    }
}

/// A burst of them.
pub async fn burst(mut rng: Rng) {
    let (to, from) = gort::chan::<usize>(rng.usize(0..3));
    let waiting = rng.usize(1..4);
    let jobs: Vec<_> = (0..rng.usize(4..32))
        .map(|number| {
            TALLY.jobs.one();
            let (kind, from) = (rng.u8(0..8), from.clone());
            let pause = Duration::from_micros(rng.u64(0..3_000));
            let job = spawn_blocking(move || {
                match kind {
                    0 => std::thread::sleep(pause),
                    1 if number < waiting => drop(from.blocking_recv()),
                    _ => {}
                }
                number
            });
            if rng.u8(0..8) == 0 {
                job.abort();
            }
            (number, job)
        })
        .collect();
    drop(from);
    let feeder = start(async move {
        // Until no job is left that would take it.
        while to.send(0).await.is_ok() {}
    });
    for (number, job) in jobs {
        settle(job, number, false).await;
    }
    demand!(feeder.await.is_ok(), "the feeder of jobs");
}

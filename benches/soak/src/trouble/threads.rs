//! Times without threads: blocking jobs fail or wait for a thread there is, stuck workers keep their
//! place, no runtime starts; and when the time is over all goes on.
//!
//! The limit does not hold for root, so a thread becomes somebody else, and with it the threads that
//! it starts. For anybody else the whole process is without threads meanwhile, so nothing else runs.

use super::{jobs, start};
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::runtime::Builder;
use gort::task::spawn_blocking;
use rustix::process::{Resource, Rlimit, Uid, getrlimit, getuid, setrlimit};
use std::time::Duration;

/// While it lives, no thread can be started.
struct Famine(Rlimit);

impl Famine {
    fn new() -> Self {
        let old = getrlimit(Resource::Nproc);
        set(Rlimit { current: Some(0), maximum: old.maximum });
        Self(old)
    }
}

impl Drop for Famine {
    fn drop(&mut self) {
        set(self.0);
    }
}

fn set(limit: Rlimit) {
    setrlimit(Resource::Nproc, limit).expect("the soft limit may be moved below the hard one");
}

/// Famines and plenty in turn, on a thread of its own.
pub fn starve(mut rng: Rng) {
    let thread = std::thread::spawn(move || {
        if getuid().is_root() {
            let nobody = Uid::from_raw(65_534);
            rustix::thread::set_thread_uid(nobody).expect("root may become somebody else");
        }
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(rng.usize(1..3)).max_blocking_threads(rng.usize(1..4));
        builder.thread_keep_alive(Duration::from_millis(rng.u64(1..4)));
        let runtime = builder.build().expect("there are threads now");
        for _ in 0..3 {
            let famine = Famine::new();
            demand!(builder.build().is_err(), "a runtime started without threads");
            TALLY.runtimes_refused.one();
            runtime.block_on(work(rng.fork(), true));
            drop(famine);
            runtime.block_on(work(rng.fork(), false));
        }
        drop(runtime);
        TALLY.runtimes.one();
    });
    demand!(thread.join().is_ok(), "the thread that starves");
}

async fn work(mut rng: Rng, famine: bool) {
    let jobs: Vec<_> = (0..rng.usize(1..12))
        .map(|number| {
            TALLY.jobs.one();
            (number, spawn_blocking(move || number))
        })
        .collect();
    let pause = Duration::from_millis(rng.u64(1..30));
    let stuck = start(async move {
        TALLY.stuck.one();
        std::thread::sleep(pause);
    });
    for (number, job) in jobs {
        jobs::settle(job, number, famine).await;
    }
    demand!(stuck.await.is_ok(), "a goroutine that blocks the only thread");
}

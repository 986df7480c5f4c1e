//! A round: a runtime, all kinds of trouble in it at the same time, its end, and then a look at what is
//! left of it in the process.

use crate::demand;
use crate::process::Sample;
use crate::tally::TALLY;
use crate::trouble::{
    channels, echo, fetch, jobs, locks, named, panics, runtimes, start, stuck, threads, timers,
};
use fastrand::Rng;
use gort::runtime::RuntimeFlavor;
use std::time::{Duration, Instant};

/// Runs round `number` of the run with this seed; `idle` is the process before it. Returns what the
/// process looks like afterwards.
pub fn run(seed: u64, number: u64, idle: &Sample) -> Sample {
    let mut rng = Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    match number % 6 {
        // Alone: these limits are the process's.
        2 => without_descriptors(&mut rng),
        4 => threads::starve(rng.fork()),
        _ => everything(&mut rng, number),
    }
    TALLY.rounds.one();
    let after = idle.await_return(&format!("round {number}"));
    check_balances(number);
    after
}

/// All kinds of trouble that do not change the limits of the process.
fn everything(rng: &mut Rng, number: u64) {
    let requests = (rng.fork(), number as usize * 60);
    let web = std::thread::spawn(move || fetch::run(requests.0, requests.1, 60));
    let (cycles, count) = (rng.fork(), rng.usize(1..6));
    let cycles = std::thread::spawn(move || runtimes::cycle(cycles, count));
    in_a_runtime(rng, |mut rng| async move {
        let mut tasks = Vec::new();
        for _ in 0..rng.usize(1..3) {
            tasks.push(start(named("channels, consumers stay", channels::mesh(rng.fork(), true))));
            tasks.push(start(named("channels", channels::mesh(rng.fork(), false))));
            tasks.push(start(named("echo", echo::run(rng.fork(), false))));
            tasks.push(start(named("jobs", jobs::burst(rng.fork()))));
            tasks.push(start(named("locks", locks::contend(rng.fork()))));
            tasks.push(start(named("conditions", locks::tell(rng.fork()))));
            tasks.push(start(named("timers", timers::tick(rng.fork()))));
            tasks.push(start(named("panics", panics::fall(rng.fork()))));
            tasks.push(start(named("stuck polls", stuck::block(rng.fork()))));
        }
        for task in tasks {
            demand!(task.await.is_ok(), "a kind of trouble fell over");
        }
    });
    demand!(web.join().is_ok(), "the requests");
    demand!(cycles.join().is_ok(), "the runtimes that start and stop");
}

/// Connections, channels and runtimes while descriptors are short.
fn without_descriptors(rng: &mut Rng) {
    let (cycles, count) = (rng.fork(), rng.usize(1..6));
    let cycles = std::thread::spawn(move || runtimes::cycle(cycles, count));
    in_a_runtime(rng, |mut rng| async move {
        let echo = start(named("echo", echo::run(rng.fork(), true)));
        let mesh = start(named("channels", channels::mesh(rng.fork(), true)));
        let jobs = start(named("jobs", jobs::burst(rng.fork())));
        for task in [echo, mesh, jobs] {
            demand!(task.await.is_ok(), "a kind of trouble without descriptors fell over");
        }
    });
    demand!(cycles.join().is_ok(), "the runtimes that start and stop");
}

/// Starts a runtime, runs `trouble` in it, and demands that no goroutine is left.
fn in_a_runtime<F: Future<Output = ()>>(rng: &mut Rng, trouble: impl FnOnce(Rng) -> F) {
    let runtime = runtimes::any(rng).expect("there are threads and descriptors");
    let handle = runtime.handle().clone();
    let stuck = TALLY.stuck.get();
    runtime.block_on(trouble(rng.fork()));
    if handle.runtime_flavor() == RuntimeFlavor::MultiThread {
        TALLY.stuck_workers.add(TALLY.stuck.get() - stuck);
    }
    // The last ones that were aborted are dropped by their workers, soon: at most the ones that abort
    // others are still asleep.
    let (start, limit) = (Instant::now(), Duration::from_secs(20));
    while handle.num_goroutine() > 0 && start.elapsed() < limit {
        // Made inside: outside of it the timer would be one of the global runtime.
        runtime.block_on(async { gort::time::sleep(Duration::from_millis(1)).await });
    }
    demand!(handle.num_goroutine() == 0, "{} goroutines are left", handle.num_goroutine());
    TALLY.stood_in.add(handle.stuck_workers());
    drop(runtime);
    TALLY.runtimes.one();
}

/// What went in came out, over all rounds so far.
fn check_balances(number: u64) {
    let t = &TALLY;
    let sums = [
        (&t.goroutines, vec![&t.finished, &t.aborted, &t.panicked]),
        (&t.messages, vec![&t.received, &t.returned, &t.rejected, &t.given_up, &t.discarded]),
        (&t.connects, vec![&t.connected, &t.connects_given_up, &t.connects_refused]),
        (&t.connected, vec![&t.whole, &t.cut]),
        (&t.requests, vec![&t.requests_planned, &t.requests_given_up]),
        (&t.jobs, vec![&t.jobs_done, &t.jobs_aborted, &t.jobs_refused]),
    ];
    for (whole, parts) in sums {
        let sum: u64 = parts.iter().map(|part| part.get()).sum();
        let all: Vec<_> = parts.iter().map(|part| part.get()).collect();
        demand!(whole.get() == sum, "round {number}: {} is not the sum of {all:?}", whole.get());
    }
}

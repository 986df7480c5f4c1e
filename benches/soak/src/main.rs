//! `soak SECONDS`: everything that can go wrong, again and again, with all that goes in counted
//! against all that comes out, and nothing left behind after each round. It takes longer where that
//! is too short for the rounds that say something of memory.
//!
//! The choices come from a seed, which is printed; `SEED=` makes them again. (Not the order in which
//! threads run.)

mod counting;
mod ledger;
mod process;
mod round;
mod tally;
mod trouble;

// The client and the site of the example, as they are.
#[path = "../../../examples/fetch/answer.rs"]
mod answer;
#[path = "../../../examples/common/mod.rs"]
mod common;
#[path = "../../../examples/fetch/site.rs"]
mod site;

use process::Sample;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tally::TALLY;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// A round that takes longer hangs.
const ROUND: Duration = Duration::from_secs(60);
/// No round begins sooner after the one before: it is not the machine that is soaked.
const PACE: Duration = Duration::from_millis(300);
/// A run for less may take as long as one for this to have its rounds.
const SHORT: Duration = Duration::from_secs(15);
/// So many polls that block a worker for up to 60 ms, and some worker must have been replaced.
const STUCK: u64 = 36;

static BEGUN: AtomicU64 = AtomicU64::new(0);

/// Ends the process when the rounds stop.
fn watch(start: Instant, seed: u64) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let begun = Duration::from_millis(BEGUN.load(Ordering::Relaxed));
            if start.elapsed().saturating_sub(begun) > ROUND {
                eprintln!("soak: violation: round {} hangs (SEED={seed})", TALLY.rounds.get());
                eprintln!("not ended: {:?}", trouble::under_way());
                for (what, count) in TALLY.rows() {
                    eprintln!("{count:>14}  {what}");
                }
                std::process::abort();
            }
        }
    });
}

fn line(start: Instant, now: &Sample) {
    println!(
        "{:>5} s  {} rounds, {} runtimes, {} goroutines, {} messages, {} connections, {} requests, \
         {} jobs; now {} descriptors, {} threads, {} KiB in {} blocks, {} KiB resident",
        start.elapsed().as_secs(),
        TALLY.rounds.get(),
        TALLY.runtimes.get(),
        TALLY.goroutines.get(),
        TALLY.messages.get(),
        TALLY.connected.get(),
        TALLY.requests.get(),
        TALLY.jobs.get(),
        now.descriptors,
        now.threads,
        now.bytes >> 10,
        now.blocks,
        now.resident,
    );
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(Ok(seconds)), None) = (args.next().map(|s| s.parse::<u64>()), args.next()) else {
        eprintln!("usage: soak SECONDS (SEED=n in the environment: the same choices again)");
        return ExitCode::from(2);
    };
    let seed = match std::env::var("SEED").map(|seed| seed.parse()) {
        Ok(Ok(seed)) => seed,
        Ok(Err(error)) => {
            eprintln!("soak: SEED: {error}");
            return ExitCode::from(2);
        }
        Err(_) => fastrand::u64(..),
    };
    println!("soak: {seconds} s, SEED={seed}");
    trouble::panics::hush();
    let start = Instant::now();
    watch(start, seed);
    let idle = Sample::take();
    let mut samples = Vec::new();
    let mut told = Duration::ZERO;
    // A slow machine gets more time for the rounds that say something of memory.
    let wanted = Duration::from_secs(seconds);
    let longest = 4 * wanted.max(SHORT);
    for number in 0.. {
        let begun = start.elapsed();
        BEGUN.store(begun.as_millis() as u64, Ordering::Relaxed);
        samples.push(round::run(seed, number, &idle));
        let now = start.elapsed();
        if now - told >= Duration::from_secs(10) {
            told = now;
            line(start, &samples[samples.len() - 1]);
        }
        let enough = now >= wanted && samples.len() >= process::ROUNDS;
        if enough || now >= longest || tally::violations() > 0 {
            break;
        }
        std::thread::sleep(PACE.saturating_sub(now - begun));
    }
    let memory = process::check_flat(&samples);
    demand!(
        TALLY.stuck_workers.get() < STUCK || TALLY.stood_in.get() > 0,
        "nobody stood in for any of {} stuck workers",
        TALLY.stuck_workers.get()
    );
    println!("\nsoak: {} s, SEED={seed}", start.elapsed().as_secs());
    for (what, count) in TALLY.rows() {
        println!("{count:>14}  {what}");
    }
    println!("descriptors and threads: {} and {} after each round", idle.descriptors, idle.threads);
    memory.iter().for_each(|line| println!("{line}"));
    match tally::violations() {
        0 => {
            println!("soak: no violation");
            ExitCode::SUCCESS
        }
        n => {
            println!("soak: {n} violations, SEED={seed}");
            ExitCode::FAILURE
        }
    }
}

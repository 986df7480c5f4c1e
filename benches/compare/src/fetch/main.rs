//! `fetch` side by side: one program, [`program`](on_gort::program), compiled twice, once with the
//! parts of gort and once with those of tokio; hyper is the same. Each run is a process of its own,
//! the two take turns.
//!
//! `fetch [REQUESTS [CONCURRENCY [TURNS]]]`, by default 30,000 requests, 256 at a time, 5 turns.

#![expect(clippy::duplicate_mod, reason = "one program, compiled with two sets of parts")]

mod on_gort;
mod on_tokio;

use std::process::{Command, ExitCode};
use std::time::Duration;

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    /// Requests that brought what the plan says.
    pub right: usize,
    pub time: Duration,
    /// Latencies, sorted.
    pub latencies: Vec<Duration>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |i: usize, default: usize| args.get(i).map_or(Ok(default), |text| text.parse());
    let result = match args[..] {
        ["run", who, requests, concurrency] => match (requests.parse(), concurrency.parse()) {
            (Ok(requests), Ok(concurrency)) => child(who, requests, concurrency),
            _ => Err("run WHO REQUESTS CONCURRENCY".into()),
        },
        _ => match (number(0, 30_000), number(1, 256), number(2, 5)) {
            (Ok(requests), Ok(concurrency), Ok(turns)) => orchestrate(requests, concurrency, turns),
            _ => Err("fetch [REQUESTS [CONCURRENCY [TURNS]]]".into()),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("fetch: {message}");
            ExitCode::FAILURE
        }
    }
}

/// One run in this process.
fn child(who: &str, requests: usize, concurrency: usize) -> Result<(), String> {
    let outcome = match who {
        "gort" => on_gort::run(requests, concurrency),
        "tokio" => on_tokio::run(requests, concurrency),
        _ => return Err(format!("nobody is called {who}")),
    };
    if outcome.right != requests {
        return Err(format!("{} of {requests} requests brought what was planned", outcome.right));
    }
    let quantile = |q: usize| outcome.latencies[(requests - 1) * q / 100].as_micros();
    println!(
        "{} {} {} {} {}",
        outcome.time.as_micros(),
        quantile(50),
        quantile(99),
        quantile(100),
        cpu_micros()
    );
    Ok(())
}

/// User and system time of this process.
fn cpu_micros() -> i64 {
    // SAFETY: rusage is plain integers, for which all zeros is a value, and getrusage writes only
    // to the struct it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let micros = |t: libc::timeval| t.tv_sec * 1_000_000 + t.tv_usec;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

/// Runs the two in turns and prints the medians.
fn orchestrate(requests: usize, concurrency: usize, turns: usize) -> Result<(), String> {
    const WHO: [&str; 2] = ["gort", "tokio"];
    let mut runs: [Vec<Vec<f64>>; 2] = [Vec::new(), Vec::new()];
    for turn in 0..turns {
        // Who goes first takes turns, too.
        for i in [turn % 2, 1 - turn % 2] {
            runs[i].push(measure(WHO[i], requests, concurrency)?);
        }
    }
    println!("{requests} requests, {concurrency} at a time, {turns} turns; medians\n");
    println!("| on | requests/s | range | p50 | p99 | max | cpu a request |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let requests = requests as f64;
    for (who, runs) in WHO.iter().zip(&runs) {
        let column = |c: usize| {
            let mut values: Vec<f64> = runs.iter().map(|run| run[c]).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let median = |c: usize| column(c)[turns / 2];
        let rate = |micros: f64| requests / micros * 1e6;
        let times = column(0);
        println!(
            "| {who} | {:.0} | {:.0}–{:.0} | {:.0} µs | {:.0} µs | {:.0} µs | {:.1} µs |",
            rate(median(0)),
            rate(times[turns - 1]),
            rate(times[0]),
            median(1),
            median(2),
            median(3),
            median(4) / requests,
        );
    }
    Ok(())
}

/// One child's figures: total time, p50, p99, longest, CPU; all in microseconds.
fn measure(who: &str, requests: usize, concurrency: usize) -> Result<Vec<f64>, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = Command::new(program)
        .args(["run", who, &requests.to_string(), &concurrency.to_string()])
        .env("GOMAXPROCS", "2")
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("{who}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .map(|x| x.parse().map_err(|_| format!("{who} printed {text}")))
        .collect()
}

//! Everything at once, on several workers: what the thread sanitizer watches.
//!
//! A program of its own instead of `#[test]`s, since the harness of the standard library is not built
//! with the sanitizer, which then reports it. Each case is bounded by operations, not by time, and
//! counts what went in against what came out. `.ci/tsan` runs it; so does `cargo test`, to which it
//! looks like any other test: `cargo test --test stress [-- [--list] [--exact] [NAME...]]`.

#![expect(clippy::print_stdout, reason = "it prints what the standard harness would")]

mod stress {
    pub(crate) mod channels;
    pub(crate) mod net;
    pub(crate) mod order;
    pub(crate) mod runtimes;
    pub(crate) mod sync;
    pub(crate) mod tasks;
    pub(crate) mod time;
    pub(crate) mod util;
}

use gort::time::{Duration, Instant};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use stress::{channels, net, order, runtimes, sync, tasks, time};

type Case = (&'static str, fn());

/// Lists functions under their names.
macro_rules! cases {
    ($($module:ident::$case:ident,)*) => {
        &[$((concat!(stringify!($module), "::", stringify!($case)), $module::$case as fn())),*]
    };
}

const CASES: &[Case] = cases![
    channels::values_through_all_capacities_with_cancels,
    channels::selects_across_two_channels,
    channels::selects_over_many_channels_with_cancels,
    channels::ends_come_and_go,
    channels::matches_that_nobody_collects,
    net::echo_with_cancels,
    net::accepts_that_are_given_up,
    order::values_come_and_room_goes_back,
    order::ends_are_told,
    order::readers_and_writers_take_turns,
    order::it_is_done_once,
    order::turns_are_told,
    order::permits_are_given_back,
    runtimes::start_and_stop,
    runtimes::several_threads_block_on_one_runtime,
    runtimes::blocking_jobs,
    runtimes::stuck_workers_give_up_their_place,
    sync::a_lock_and_those_who_give_up,
    sync::a_lock_between_threads_and_goroutines,
    sync::a_broadcast_into_a_line_for_a_lock,
    sync::groups_meet,
    sync::groups_end_with_their_last,
    tasks::a_tree_of_goroutines,
    tasks::spawns_and_wakes_from_outside,
    tasks::aborts_race_with_ends,
    time::timers_move_between_workers,
    time::timeouts_and_what_they_bound,
];

/// A case that takes longer hangs; the sanitizer slows it down tenfold, a loaded machine again.
const LIMIT: Duration = Duration::from_secs(300);

/// What the command line asks for.
#[derive(Default)]
struct Wanted {
    names: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
}

impl Wanted {
    fn from_args(mut args: impl Iterator<Item = String>) -> Self {
        let mut wanted = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--exact" => wanted.exact = true,
                "--list" => wanted.list = true,
                "--skip" => wanted.skip.extend(args.next()),
                // Options of the standard harness that have a value.
                "--test-threads" | "--color" | "--format" => drop(args.next()),
                // And those that have none.
                _ if arg.starts_with('-') => {}
                _ => wanted.names.push(arg),
            }
        }
        wanted
    }

    fn includes(&self, name: &str) -> bool {
        let matches = |pattern: &String| match self.exact {
            true => name == pattern,
            false => name.contains(pattern.as_str()),
        };
        (self.names.is_empty() || self.names.iter().any(matches)) && !self.skip.iter().any(matches)
    }
}

/// Calls `case` while another thread watches that it ends. Returns whether it ended without a panic.
fn watched(name: &'static str, case: fn()) -> bool {
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let watch = std::thread::spawn(move || {
        let start = Instant::now();
        while !seen.load(Ordering::Acquire) {
            if start.elapsed() > LIMIT {
                eprintln!("{name} hangs");
                std::process::abort();
            }
            std::thread::park_timeout(Duration::from_secs(1));
        }
    });
    let outcome = catch_unwind(AssertUnwindSafe(case));
    done.store(true, Ordering::Release);
    watch.thread().unpark();
    watch.join().unwrap();
    outcome.is_ok()
}

fn main() -> ExitCode {
    let wanted = Wanted::from_args(std::env::args().skip(1));
    let (cases, others): (Vec<Case>, Vec<Case>) =
        CASES.iter().partition(|(name, _)| wanted.includes(name));
    if wanted.list {
        for (name, _) in cases {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", cases.len());
    let start = Instant::now();
    let mut failed = 0;
    for &(name, case) in &cases {
        let passed = watched(name, case);
        failed += usize::from(!passed);
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    }
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out; \
         finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        cases.len() - failed,
        others.len(),
        start.elapsed().as_secs_f64(),
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

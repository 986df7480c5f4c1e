//! The tour: the programs that Go's concurrency is taught with, each in a file of its own.
//!
//! `cargo run --example tour` lists them, `cargo run --example tour -- NAME` runs one. Each file is a whole
//! program, its `main` included, with the Go program in the comment at the top. Where time matters it is
//! virtual: the clock stands while a goroutine works and jumps to the next deadline when all of them
//! wait, so every run prints the same. `#[gort::main]` without its options is the real clock.

#![expect(clippy::print_stdout, reason = "programs that print")]

mod bounded_parallelism;
mod context_deadline;
mod errgroup_limit;
mod fan_in;
mod fan_out;
mod generator;
mod heartbeat;
mod ping_pong;
mod pipeline;
mod prime_sieve;
mod pub_sub;
mod rate_limit;
mod request_reply;
mod worker_pool;

use std::{env, process::ExitCode};

struct Program {
    name: &'static str,
    about: &'static str,
    main: fn(),
}

const fn program(name: &'static str, about: &'static str, main: fn()) -> Program {
    Program { name, about, main }
}

const PROGRAMS: [Program; 14] = [
    program("generator", "values on demand, until nobody wants them", generator::main),
    program("fan_in", "several channels become one", fan_in::main),
    program("fan_out", "several goroutines share one channel", fan_out::main),
    program("pipeline", "stages in a row, and an error that ends them all", pipeline::main),
    program("worker_pool", "so many workers, any number of jobs", worker_pool::main),
    program(
        "bounded_parallelism",
        "a goroutine for each job, and a semaphore of memory",
        bounded_parallelism::main,
    ),
    program("heartbeat", "a worker that falls silent is noticed and ended", heartbeat::main),
    program("rate_limit", "a burst, and then one per tick", rate_limit::main),
    program("pub_sub", "each message to each subscriber, who may be slow", pub_sub::main),
    program("request_reply", "a channel of channels for the answers", request_reply::main),
    program("prime_sieve", "a chain of goroutines that grows", prime_sieve::main),
    program("ping_pong", "two goroutines and one ball", ping_pong::main),
    program(
        "errgroup_limit",
        "two at a time, and the first error ends the rest",
        errgroup_limit::main,
    ),
    program("context_deadline", "steps that a deadline cuts off", context_deadline::main),
];

fn main() -> ExitCode {
    let Some(name) = env::args_os().nth(1) else {
        for Program { name, about, .. } in PROGRAMS {
            println!("{name:20} {about}");
        }
        return ExitCode::SUCCESS;
    };
    let Some(program) = PROGRAMS.iter().find(|program| name == program.name) else {
        eprintln!("tour: no program is called {name:?}; without a name, tour lists them");
        return ExitCode::from(2);
    };
    (program.main)();
    ExitCode::SUCCESS
}

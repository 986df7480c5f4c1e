//! What a goroutine takes: bytes of resident memory and nanoseconds, for 10^4 to 10^7 of them; the
//! plan behind that figure, byte by byte; and the allocations of every kind of operation.
//!
//! Each measurement of resident memory is a process of its own (`memory run WHO WHAT N`): memory
//! given back to the allocator would hide what the next one takes.

mod allocations;
mod counting;
mod goroutines;
mod plan;
mod runtimes;
mod steps;
mod table;

// The Go side is the comparison's.
#[path = "../../compare/src/golang.rs"]
mod golang;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const HELP: &str = "\
What goroutines and operations take.

memory [--up-to N]      table of bytes and ns a goroutine at 10^4 .. N (default 10^7); gort, tokio, Go.
                        Fails when a goroutine blocked in a receive takes over 256 bytes, or one at
                        10^7 over 20 % more than one at 10^5, or when one of gort's measurements fails
memory plan             the bytes of a goroutine blocked in a receive, and asleep, one by one
memory allocs           allocations an operation; fails when one that must not allocate does
memory runtimes         nanoseconds to make a runtime, use it once and drop it
memory steps            instructions, locked instructions and system calls an operation, counted one by
                        one (Linux on x86-64); fails when an operation takes more than it should
memory run WHO WHAT N   one measurement in this process
memory touch BYTES      touches so much memory, as is done before each measurement of the table
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        [] => table::print(10_000_000),
        ["--up-to", n] => number(n).and_then(table::print),
        ["plan"] => plan::print(),
        ["plan", what] => plan::line(what),
        ["allocs"] => allocations::print(),
        ["runtimes"] => runtimes::print(),
        ["steps"] => steps::print(),
        ["step", row, n] => number(n).and_then(|n| steps::run(row, n)),
        ["touch", bytes] => number(bytes).and_then(table::touch),
        ["run", who, what, n] => number(n).and_then(|n| goroutines::run(who, what, n)),
        _ => {
            print!("{HELP}");
            return ExitCode::from(u8::from(args != ["--help"]));
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("memory: {message}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|e| format!("{text}: {e}"))
}

//! Where the bytes of a goroutine are: sizes of its parts, and what spawning asks of the allocator.

use std::future::{Future, pending};
use std::time::Duration;

use crate::counting;

/// Goroutines started for one figure.
const MANY: u64 = 10_000;
/// glibc's malloc puts 8 bytes before a block and rounds it up to 16.
const fn block(size: u64) -> u64 {
    (size + 8).next_multiple_of(16)
}

/// Prints the plan.
pub fn print() {
    let (tx, rx) = gort::chan::<u64>(0);
    println!("Handles: Sender {} bytes, Receiver {}, JoinHandle {}.", size_of_val(&tx), size_of_val(&rx), size_of::<gort::task::JoinHandle<()>>());
    println!();
    println!("| goroutine | its future | the waiting operation in it | asked of the allocator | with malloc's own |");
    println!("|---|---:|---:|---:|---:|");
    let operation = size_of_val(&rx.next());
    line("blocked in a receive", operation, || {
        let rx = rx.clone();
        async move {
            rx.next().await;
        }
    });
    let operation = size_of_val(&gort::time::sleep(Duration::ZERO));
    line("asleep", operation, || async { gort::time::sleep(Duration::from_secs(3600)).await });
    line("pending, with nothing in it", 0, || async { pending::<()>().await });
    drop(tx);
}

fn line<F>(name: &str, operation: usize, make: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let future = size_of_val(&make());
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    let counted = runtime.block_on(async move {
        gort::spawn(make()).abort();
        counting::start();
        for _ in 0..MANY {
            gort::spawn(make());
        }
        counting::stop()
    });
    // What is asked for once for each goroutine is its own; the rest is the tables they stand in.
    let own: Vec<u64> = counted
        .sizes
        .iter()
        .filter(|(_, n)| *n >= MANY)
        .map(|(size, n)| *size as u64 * (n / MANY))
        .collect();
    let tables = counted.bytes.saturating_sub(own.iter().sum::<u64>() * MANY) / MANY;
    let parts: Vec<String> = own.iter().map(u64::to_string).collect();
    let total = own.iter().map(|size| block(*size)).sum::<u64>() + tables;
    println!("| {name} | {future} | {operation} | {} + {tables} in tables | {total} |", parts.join(" + "));
}

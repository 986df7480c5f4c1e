//! What it takes to make a runtime, use it once and drop it: a fuzz target does so for every input.

use std::time::Instant;

use gort::runtime::Builder;

/// Prints the nanoseconds of each kind of runtime.
pub fn print() -> Result<(), String> {
    println!("| runtime | ns |");
    println!("|---|---:|");
    measure("simulated", 10_000, Builder::simulated)?;
    measure("current-thread", 1_000, |_| Builder::new_current_thread())?;
    measure("2 workers", 100, |_| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    })
}

/// The median of five rounds of `many` runtimes.
fn measure(name: &str, many: u64, builder: impl Fn(u64) -> Builder) -> Result<(), String> {
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        for seed in 0..many {
            let runtime = builder(seed).build().map_err(|e| format!("{name}: {e}"))?;
            runtime.block_on(async {});
        }
        rounds.push(start.elapsed().as_nanos() / u128::from(many));
    }
    rounds.sort_unstable();
    println!("| {name} | {} |", rounds[2]);
    Ok(())
}

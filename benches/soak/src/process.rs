//! What the whole process holds: descriptors, threads, memory.

use crate::counting;
use crate::demand;
use crate::tally::violations;
use std::fs;
use std::time::{Duration, Instant};

/// One look at the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    pub descriptors: usize,
    pub threads: usize,
    /// Bytes and blocks that the allocator has handed out.
    pub bytes: i64,
    pub blocks: i64,
    /// Resident memory in KiB.
    pub resident: i64,
}

/// Open descriptors of this process, one of which is the one that lists them.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Threads of this process.
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn resident() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

impl Sample {
    pub fn take() -> Self {
        let (bytes, blocks) = counting::alive();
        let (descriptors, threads) = (descriptors(), threads());
        Self { descriptors, threads, bytes, blocks, resident: resident() }
    }

    /// Waits until descriptors and threads are what they were in `self`: a thread that was joined, or
    /// that said it was done, may still be on its way out of the process.
    pub fn await_return(&self, what: &str) -> Self {
        let start = Instant::now();
        loop {
            let now = Self::take();
            if now.descriptors == self.descriptors && now.threads == self.threads {
                return now;
            }
            if start.elapsed() > Duration::from_secs(20) {
                demand!(
                    now.descriptors == self.descriptors,
                    "{what}: {} descriptors, {} before",
                    now.descriptors,
                    self.descriptors
                );
                demand!(
                    now.threads == self.threads,
                    "{what}: {} threads, {} before",
                    now.threads,
                    self.threads
                );
                return now;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

type Get = fn(&Sample) -> i64;

/// How far a number may rise from the middle third of the samples to the last.
const BYTES: i64 = 64 << 10;
const BLOCKS: i64 = 512;
const RESIDENT: i64 = 8 << 10;
/// Rounds that say nothing yet: pools, arenas and thread-locals fill.
const WARM: usize = 8;
/// Rounds without which nothing can be said: three for each third of the rest.
pub const ROUNDS: usize = WARM + 9;

/// Demands that memory is flat over `samples`, one per round, and returns a line for each number.
pub fn check_flat(samples: &[Sample]) -> Vec<String> {
    if samples.len() < ROUNDS {
        let few = format!("memory: {} rounds are too few to say", samples.len());
        // A run that something else has cut short has said enough.
        demand!(violations() > 0, "{few}");
        return vec![few];
    }
    let samples = &samples[WARM..];
    let third = samples.len() / 3;
    let (middle, last) = (&samples[third..2 * third], &samples[2 * third..]);
    let rows: [(&str, Get, i64); 3] = [
        ("bytes allocated", |s| s.bytes, BYTES),
        ("blocks allocated", |s| s.blocks, BLOCKS),
        ("KiB resident", |s| s.resident, RESIDENT),
    ];
    let row = |(name, get, bound): (&str, Get, i64)| {
        let (before, after) = (median(middle, get), median(last, get));
        demand!(after - before <= bound, "{name}: rose from {before} to {after}");
        format!("{name}: {before} in the middle third, {after} in the last (bound +{bound})")
    };
    rows.into_iter().map(row).collect()
}

fn median(samples: &[Sample], get: Get) -> i64 {
    let mut values: Vec<_> = samples.iter().map(get).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

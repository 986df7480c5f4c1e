//! The workloads, one file per family. Each starts its [`Meter`](crate::measure::Meter) when its
//! parts are set up, and counts at the end that nothing was lost: a contestant that loses an item
//! fails.

pub mod channels;
pub mod conditions;
pub mod contexts;
pub mod flights;
pub mod groups;
pub mod locks;
pub mod memory;
pub mod net;
pub mod once;
pub mod patterns;
pub mod rw_locks;
pub mod select;
pub mod semaphores;
pub mod stackful;
pub mod tasks;
pub mod tickers;
pub mod timers;

/// Fails the contestant unless `count` items with sum `sum` came through, of `n` items `0..n`.
#[track_caller]
pub fn check_items(n: u64, count: u64, sum: u64) {
    assert_eq!(count, n, "items were lost or doubled");
    assert_eq!(sum, n * (n - 1) / 2, "the items that came are not those that were sent");
}

//! Programs made of bytes, and oracles that know what must come of them. See `README.md`.
//!
//! `tests/regression_fuzz.rs` of gort includes this file as a module, so that plain tests run the
//! same oracles.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "a module of a test binary as well"
)]

mod actors;
mod bytes;
pub mod cancel_drop;
pub mod chan_ops;
pub mod context_tree;
mod model;
mod operations;
mod panics;
mod programs;
pub mod sched;
pub mod select_ops;
pub mod sync_ops;
pub mod sync_values;
pub mod timers;
mod world;

//! Go's concurrency for async Rust.

pub(crate) mod reactor;
pub mod runtime;
pub(crate) mod sys;
pub mod task;
pub mod time;
pub(crate) mod wait;

mod macros;

pub use runtime::{go, run, spawn};
pub use wait::record::WaitReason;

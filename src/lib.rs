//! Go's concurrency for async Rust.

#[expect(dead_code, reason = "the scheduler is about to drive it")]
pub(crate) mod reactor;
pub(crate) mod sys;
pub(crate) mod wait;

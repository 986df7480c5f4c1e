//! Go's concurrency for async Rust.

pub(crate) mod sys;
pub(crate) mod wait;

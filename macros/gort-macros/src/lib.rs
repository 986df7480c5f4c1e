//! Proc macros of [gort](https://docs.rs/gort). Use them through that crate, never directly.

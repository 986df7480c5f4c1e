//! Tasks by their tokio names: goroutines and blocking jobs, and handles to them.

pub mod coop;

pub use crate::runtime::{
    AbortHandle, JoinError, JoinHandle, YieldNow, spawn, spawn_blocking, yield_now,
};

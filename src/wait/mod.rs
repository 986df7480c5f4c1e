//! Who waits for what: goroutine records, waiter lists, claims and wake batches.
//!
//! See `README.md` in this folder for the protocol, its table of valid states and its proof sketch.

pub(crate) mod batch;
pub(crate) mod record;

//! Who waits for what: goroutine records, waiter lists, claims and wake batches.
//!
//! See `README.md` in this folder for the protocol, its table of valid states and its proof sketch.

pub(crate) mod arm;
pub(crate) mod batch;
pub(crate) mod list;
pub(crate) mod object;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod waiter;

#[cfg(all(test, gort_loom))]
mod loom;
#[cfg(all(test, any(gort_loom, gort_shuttle)))]
pub(crate) mod model;
#[cfg(test)]
mod tests;

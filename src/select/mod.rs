//! `select!`: wait for the first of several operations.
//!
//! Users write [`select!`](macro@crate::select), or [`Select`] for cases that are made at run time. The
//! macro (in `gort-macros`) only parses and expands; what it expands to is here.

// For who works on this module:
//
// `arm.rs` says what an arm is to the engine; `operand.rs` what may stand beside `<-`, and the arms on
// channels; `sync.rs` those on locks, groups and conditions; `engine.rs` which arm wins and how a select
// waits (start there); `park.rs` what is done under all locks; `live.rs` sets of arms and the uniform
// choice among them; `dynamic.rs` is `Select`.

mod arm;
mod dynamic;
mod engine;
mod live;
#[cfg(all(test, gort_loom))]
mod loom;
mod operand;
mod park;
#[cfg(all(test, gort_shuttle))]
mod shuttle;
mod sync;
#[cfg(all(test, not(gort_loom)))]
mod tests;

pub use dynamic::{Select, SelectFuture};
pub use operand::{RecvOperand, SendOperand};

pub(crate) use operand::complete;

/// What `select!` expands to. Not public API.
#[doc(hidden)]
pub mod private {
    pub use super::arm::{Arm, Ask, Channel, Face, FutureArm, How, Operand, Polled};
    pub use super::arm::{Step, Stepped};
    pub use super::engine::{Core, Head, Idle, NoCore, Outcome, Select};
    pub use super::engine::{first_look, first_look_in_budget, none_ready, poll, try_now};
    pub use super::engine::{forever, must_yield, yield_now};
    pub use super::live::Live;
    pub use super::operand::*;
    pub use super::park::Parking;
    pub use super::sync::SyncAs;
    pub use std::future::poll_fn;
    pub use std::task::{Context, Poll, ready};

    /// Asks the closure for an arm that there is not.
    #[cold]
    pub fn no_such_arm(index: usize) -> ! {
        unreachable!("select has no arm {index}")
    }
}

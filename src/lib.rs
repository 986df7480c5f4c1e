//! Go's concurrency for async Rust.

pub mod chan;
pub mod compat;
pub mod io;
pub mod net;
pub(crate) mod reactor;
pub mod runtime;
pub mod select;
pub mod sync;
pub(crate) mod sys;
pub mod task;
pub mod time;
pub(crate) mod wait;

mod macros;

pub use chan::{Chan, Receiver, Sender, chan};
pub use gort_macros::{main, test};
pub use runtime::{go, run, spawn};
pub use select::Select;
pub use wait::record::WaitReason;

/// What the macros expand to. Not public API: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::macros::Deferred;
    pub use crate::runtime::entry;
    pub use crate::select::private as select;
    pub use gort_macros::select_impl;
}

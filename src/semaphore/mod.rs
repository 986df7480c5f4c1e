//! Go's package `golang.org/x/sync/semaphore`: a semaphore of which one may take several at once.
//!
//! ```
//! use gort::context::background;
//! use gort::semaphore::Weighted;
//!
//! gort::run(async {
//!     let memory = Weighted::new(100);
//!     memory.acquire(&background(), 60).await.unwrap();
//!     assert!(!memory.try_acquire(60));
//!     memory.release(60);
//!     assert!(memory.try_acquire(60));
//! });
//! ```

mod acquire;
mod arm;
#[cfg(all(test, gort_loom))]
mod loom;
mod state;
mod weighted;

pub use acquire::Acquire;
pub use weighted::Weighted;

#[doc(hidden)]
pub use arm::AcquireArm;

pub(crate) use acquire::Request;

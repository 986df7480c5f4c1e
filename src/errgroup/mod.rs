//! Go's package `golang.org/x/sync/errgroup`: goroutines that work on one task and may fail.
//!
//! ```
//! use gort::context::background;
//! use gort::errgroup::Group;
//!
//! gort::run(async {
//!     let (group, ctx) = Group::with_context(&background());
//!     group.set_limit(2);
//!     for text in ["1", "2", "three", "4"] {
//!         let ctx = ctx.clone();
//!         group
//!             .go(async move {
//!                 ctx.check()?; // another one has failed: do not start
//!                 let _number: u32 = text.parse()?;
//!                 Ok(())
//!             })
//!             .await;
//!     }
//!     let error = group.wait().await.unwrap_err();
//!     assert_eq!(error.to_string(), "invalid digit found in string");
//! });
//! ```

mod failure;
mod group;

pub use crate::context::BoxError;
pub use failure::Failure;
pub use group::{Go, Group, Wait};

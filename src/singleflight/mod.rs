//! Go's package `golang.org/x/sync/singleflight`: who asks for the same thing at the same time shares one
//! answer.
//!
//! ```
//! use gort::singleflight::Group;
//! use gort::sync::WaitGroup;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! gort::run(async {
//!     let (flights, asked) = (Group::new(), Arc::new(AtomicU32::new(0)));
//!     let wg = WaitGroup::new();
//!     for _ in 0..10 {
//!         let (flights, asked) = (flights.clone(), asked.clone());
//!         wg.go(async move {
//!             let flight = flights
//!                 .run("weather", async move {
//!                     asked.fetch_add(1, Ordering::Relaxed);
//!                     gort::runtime::gosched().await;
//!                     "sunny"
//!                 })
//!                 .await;
//!             assert_eq!(flight.value, "sunny");
//!         });
//!     }
//!     wg.wait().await;
//!     assert!(asked.load(Ordering::Relaxed) <= 10);
//! });
//! ```

mod call;
mod group;

pub use group::{Flight, Group, Run};

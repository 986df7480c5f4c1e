//! Cooperation: a goroutine that always finds its operations ready lets the others run now and then.
//!
//! Every waiting operation of gort takes a unit of the budget that each poll of a goroutine gets, and
//! yields when none is left. Code that does long work without such operations can take part itself.

use crate::sys::point::{self, Op};
use std::future::poll_fn;

/// Takes one unit of the running goroutine's budget; if none is left, lets the others run first.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
///
/// ```
/// # gort::run(async {
/// let mut sum = 0u64;
/// for i in 0..1_000 {
///     sum += i;
///     gort::task::coop::consume_budget().await;
/// }
/// assert_eq!(sum, 499_500);
/// # });
/// ```
pub fn consume_budget() -> impl Future<Output = ()> + Send {
    poll_fn(|cx| point::poll(cx, Op::Select))
}

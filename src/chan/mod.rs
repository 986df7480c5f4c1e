//! Go's channels.
//!
//! A channel passes values between goroutines, in order. Make one with [`chan`], which
//! gives its two ends, or with [`Chan::new`], which gives Go's bidirectional value:
//!
//! ```
//! # gort::run(async {
//! let (tx, rx) = gort::chan(0);
//! gort::go(async move {
//!     for i in 0..3 {
//!         tx.send(i).await.unwrap();
//!     }
//! }); // the last sender is dropped: the channel is closed
//! let mut sum = 0;
//! while let Some(i) = rx.next().await {
//!     sum += i;
//! }
//! assert_eq!(sum, 3);
//! # });
//! ```
//!
//! # Waiting
//!
//! Receivers that wait are served in the order they came, and so are senders; whoever comes later
//! does not get in front. Every waiting operation is a future that can be dropped at any moment
//! without losing a value that was sent: see the `# Cancel safety` of each. The futures work under any
//! executor, and [`blocking_send`](Sender::blocking_send) and
//! [`blocking_recv`](Receiver::blocking_recv) without one.
//!
//! Under another executor than gort's, which does not tell who is being polled, two things are missing:
//! operations that are ready at once never give way to others, and a receive that was handed a value and is
//! then kept without being polled keeps that value (in a goroutine, somebody who waits gets it).
//!
//! On an unbuffered channel a send completes when a receive has been *matched* with it. If that
//! receive is dropped before it yielded the value, the value goes to the next receive.
//!
//! # Closing
//!
//! | | explicitly closed | no sender left | no receiver left |
//! |---|---|---|---|
//! | send | panics | | yields the value back as an error |
//! | receive | what is left, then the zero value or `None` | the same | |
//!
//! So Go code, which shares a [`Chan`] and closes it, behaves as in Go; code that splits the
//! ends is told when the other side has gone.

// For who works on this module:
//
// `state.rs` is what a channel is, its invariants, and all that happens under the lock; `core.rs` puts the
// lock around it, and what may be known without the lock beside it; `recv.rs` and `send.rs` are the two
// operations and their futures; `watch.rs` those who are only woken; `feed.rs` channels whose values come
// from a timer; `signal.rs` channels that no handle closes; `stream.rs` the adapters; `handle.rs` the handles and their counts.
//
// A select drives channel operations through `wait::arm::Arm`, which `arm.rs` implements:
// `RecvArm::new(rx.core())`, `SendArm::new(tx.core(), Some(value))`; `None` for a core is nil and
// `None` for a value an arm that is off. They never match with each other, as a select tries before it
// enqueues, with its locks held throughout. When the arm is done, `RecvArm::take` yields the value (or
// `None`: closed), `SendArm::outcome` and `SendArm::take_value` what became of the value.

mod arm;
mod core;
mod error;
mod feed;
mod handle;
#[cfg(all(test, gort_loom))]
mod loom;
mod recv;
mod send;
#[cfg(all(test, gort_shuttle))]
mod shuttle;
mod signal;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod watch;
mod zero;

pub use error::{SendError, TryRecvError, TrySendError};
pub use handle::{Chan, Receiver, Sender, chan};
pub use recv::{Next, Recv, RecvOk};
pub use send::{ChanSend, Send};
pub use stream::{Closed, RecvStream, SendSink};
pub use zero::ZeroValue;

pub(crate) use self::{
    arm::{RecvArm, SendArm},
    core::Core,
    feed::{Feed, fed},
    send::Outcome,
    signal::{Signal, unclosed},
    watch::Watch,
};

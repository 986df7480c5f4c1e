//! Signals of the operating system, as Go's `os/signal` and as tokio's streams. Unix only.
//!
//! ```no_run
//! use gort::signal::{self, SignalKind};
//! use gort::{Chan, select, time};
//!
//! gort::run(async {
//!     let quit = Chan::new(1);
//!     signal::notify(&quit, [SignalKind::interrupt(), SignalKind::terminate()]);
//!     let ticker = time::Ticker::new(time::Duration::from_secs(1));
//!     loop {
//!         select! {
//!             signal = <-quit => {
//!                 println!("{signal}, good bye");
//!                 return;
//!             }
//!             <-ticker.c() => println!("at work"),
//!         }
//!     }
//! });
//! ```
//!
//! # Who gets a signal
//!
//! Nothing is caught before somebody asks for it. From then on a signal goes to every channel that was
//! [notified](notify()) of its kind and to every [stream](unix::signal), or, when the last of these channels
//! has been [stopped](stop), again to where it went before. One that comes at the very moment of the stop
//! is either received or does what it would do without the channel: ends the program, for most kinds. It
//! is never lost.
//!
//! Several signals of one kind that come in quick succession may be one, as everywhere in Unix.
//!
//! A single thread of the process, `gort-signal`, hands out what the handlers have noted. It is started
//! with the first channel or stream, belongs to no runtime, and sleeps as long as no signal comes.
//!
//! # What cannot be caught
//!
//! `SIGKILL` and `SIGSTOP`; and `SIGILL`, `SIGFPE` and `SIGSEGV`, which the program brings upon itself.
//!
//! # Go
//!
//! `os/signal`. Two differences: a signal is not ignored for the processes that this one starts when it is
//! [ignored](ignore) here, and the default of real-time signals, which are received as any other, is not
//! restored.

mod context;
mod ctrl_c;
mod handler;
mod kind;
mod notify;
mod registry;
pub mod unix;

pub use self::context::{SignalReceived, Stop, notify_context};
pub use self::ctrl_c::{CtrlC, ctrl_c};
pub use self::kind::SignalKind;
pub use self::notify::{ignore, ignored, notify, reset, stop};

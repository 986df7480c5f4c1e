//! Waiting for Ctrl-C.

use super::SignalKind;
use super::unix::{Signal, signal};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits until the user presses Ctrl-C.
///
/// It listens from the call on. From then on Ctrl-C does not end the program any more, for the whole life of
/// the process; one that comes while nobody waits is told to the next who does. See
/// [`unix::signal`](super::unix::signal()).
///
/// # Errors
///
/// If the system refuses what is needed to catch a signal.
///
/// # Cancel safety
///
/// If the future is dropped, nothing is lost: a Ctrl-C that it was told of, and no other future has yielded, is
/// told to the next.
///
/// ```
/// # gort::run(async {
/// let pressed = gort::signal::ctrl_c();
/// # signal_hook::low_level::raise(gort::signal::SignalKind::interrupt().as_raw_value())?;
/// pressed.await?;
/// println!("good bye");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn ctrl_c() -> CtrlC {
    CtrlC { listening: signal(SignalKind::interrupt()).map_err(Some) }
}

/// Future of [`ctrl_c`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct CtrlC {
    /// The error goes to who polls first.
    listening: Result<Signal, Option<io::Error>>,
}

impl Future for CtrlC {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.listening {
            Ok(signal) => signal.poll_recv(cx).map(|_| Ok(())),
            Err(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

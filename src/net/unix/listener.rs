//! Listening sockets.

use super::super::descriptors::{self, Shortage};
use super::super::wait::{
    AsyncIo, Place, Readable, Readiness, Writable, one_direction, poll_operation,
};
use super::super::waiting::{impl_accept_deadline, impl_waiting};
use super::{SocketAddr, UnixStream};
use crate::reactor::{Direction, Interest, Registered, Timer, WaitId};
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A socket in the file system that accepts connections.
///
/// The file stays when the listener is dropped.
///
/// # Go
///
/// `net.UnixListener`, which removes its file.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::net::{UnixListener, UnixStream};
///
/// # let dir = std::env::temp_dir().join(format!("gort-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let path = dir.join("socket");
/// # let _ = std::fs::remove_file(&path);
/// gort::run(async move {
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let (server, _) = listener.accept().await?;
///     client.try_write(b"hello")?;
///     server.readable().await?;
///     # std::fs::remove_dir_all(dir)?;
///     Ok(())
/// })
/// # }
/// ```
pub struct UnixListener {
    io: Registered<net::UnixListener>,
    shortage: Shortage,
    site: &'static Location<'static>,
}

impl UnixListener {
    /// Makes a socket at `path` and listens there.
    ///
    /// # Errors
    ///
    /// What the system says: there is a file already, or the folder may not be written to.
    ///
    /// # Go
    ///
    /// `net.Listen("unix", path)`.
    #[doc(alias = "ListenUnix")]
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        Self::from_std(net::UnixListener::bind(path).map_err(descriptors::explain)?)
    }

    /// Takes over a listener of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    #[track_caller]
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        let io = Registered::new(listener, super::super::driver())?;
        Ok(Self { io, shortage: Shortage::new(), site: Location::caller() })
    }

    /// Gives it to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        self.io.into_inner()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// When the process (or the system) has no descriptors left for it, the error names the limit
    /// ([`TooManyFiles`](crate::net::TooManyFiles)). The connection stays where it is, and `accept` pauses before it
    /// fails again, as that of [`TcpListener`](crate::net::TcpListener::accept) does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    ///
    /// # Go
    ///
    /// `Accept`.
    #[doc(alias = "Accept")]
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        let place = Place::new(&self.io, Direction::Read);
        Accept { listener: self, place, pause: None, site: Location::caller() }
    }

    /// Accepts a connection if there is one, otherwise arranges for the task of `cx` to be woken when
    /// there is. Only the last task to poll is woken.
    ///
    /// # Errors
    ///
    /// Those of [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let id = &mut WaitId::poll();
        let accepted = ready!(poll_operation(cx, self.site, |cx| {
            self.shortage.poll_kept(cx, self.io.driver(), |cx| {
                self.io.poll_io(Direction::Read, id, cx, |io, _| io.accept())
            })
        }));
        Poll::Ready(stream(accepted?, self.site))
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    #[doc(alias = "Addr")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get().local_addr()
    }

    /// The error that the socket has met with, if any; asking takes it away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get().take_error()
    }
}

fn stream(
    (stream, addr): (net::UnixStream, SocketAddr),
    site: &'static Location<'static>,
) -> io::Result<(UnixStream, SocketAddr)> {
    Ok((UnixStream::new(stream, site)?, addr))
}

impl_waiting!(UnixListener);
impl_accept_deadline!(UnixListener);

impl TryFrom<net::UnixListener> for UnixListener {
    type Error = io::Error;

    /// See [`UnixListener::from_std`].
    fn try_from(listener: net::UnixListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.get().as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.io.get().as_raw_fd()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// Future of [`UnixListener::accept`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Accept<'a> {
    listener: &'a UnixListener,
    place: Place<'a, net::UnixListener>,
    pause: Option<Timer>,
    site: &'static Location<'static>,
}

impl Future for Accept<'_> {
    type Output = io::Result<(UnixStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Accept { listener, place, pause, site } = &mut *self;
        let accepted = ready!(poll_operation(cx, site, |cx| {
            let driver = listener.io.driver();
            listener.shortage.poll(cx, pause, driver, |cx| place.poll_io(cx, |io, _| io.accept()))
        }));
        Poll::Ready(stream(accepted?, site))
    }
}

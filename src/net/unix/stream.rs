//! Connections.

use super::super::descriptors;
use super::super::io_traits::{impl_read, impl_write};
use super::super::os;
use super::super::wait::{
    AsyncIo, Readable, Readiness, Writable, one_direction, poll_as_last, poll_operation,
};
use super::super::waiting::{impl_deadlines, impl_waiting};
use super::SocketAddr;
use super::halves::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::reactor::{Direction, Interest, Registered, WaitId};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// A connection to another process of this machine, or to another part of this one.
///
/// It is used as a [`TcpStream`](crate::net::TcpStream) is.
///
/// # Go
///
/// `net.UnixConn`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::io::{AsyncReadExt, AsyncWriteExt};
/// use gort::net::UnixStream;
///
/// gort::run(async {
///     let (mut one, mut other) = UnixStream::pair()?;
///     one.write_all(b"hello").await?;
///     one.shutdown().await?;
///     let mut text = String::new();
///     other.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "UnixConn")]
pub struct UnixStream {
    io: Registered<net::UnixStream>,
    /// Where it was made: that is where a goroutine waits that reads or writes through a trait.
    site: &'static Location<'static>,
}

impl UnixStream {
    pub(super) fn new(
        stream: net::UnixStream,
        site: &'static Location<'static>,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { io: Registered::new(stream, super::super::driver())?, site })
    }

    /// Connects to the listener at `path`.
    ///
    /// # Errors
    ///
    /// What the system says: there is nothing, nobody listens, or too many wait to be accepted already
    /// (`WouldBlock`). When the process has no descriptors left, the error says so
    /// ([`TooManyFiles`](crate::net::TooManyFiles)).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    ///
    /// # Go
    ///
    /// `net.Dial("unix", path)`.
    #[doc(alias = "DialUnix")]
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> Connect {
        Connect { state: State::Start(SockAddr::unix(path)), site: Location::caller() }
    }

    /// Two connections to each other.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use gort::io::{AsyncReadExt, AsyncWriteExt};
    /// use gort::net::UnixStream;
    ///
    /// gort::run(async {
    ///     let (mut one, mut other) = UnixStream::pair()?;
    ///     one.write_all(b"hello").await?;
    ///     drop(one);
    ///     let mut text = String::new();
    ///     other.read_to_string(&mut text).await?;
    ///     assert_eq!(text, "hello");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = net::UnixStream::pair().map_err(descriptors::explain)?;
        let site = Location::caller();
        Ok((Self::new(one, site)?, Self::new(other, site)?))
    }

    /// Takes over a connection of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    #[track_caller]
    pub fn from_std(stream: net::UnixStream) -> io::Result<UnixStream> {
        Self::new(stream, Location::caller())
    }

    /// Gives it to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.io.into_inner()
    }

    fn std(&self) -> &net::UnixStream {
        self.io.get()
    }

    /// Its own address.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    #[doc(alias = "LocalAddr")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// When it is not connected any more.
    #[doc(alias = "RemoteAddr")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std().peer_addr()
    }

    /// Who is on the other side: the process that connected, or the one that listened.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # gort::run(async {
    /// let (one, _other) = gort::net::UnixStream::pair()?;
    /// assert_eq!(one.peer_cred()?.pid(), Some(std::process::id().cast_signed()));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn peer_cred(&self) -> io::Result<super::UCred> {
        super::UCred::of_peer(self.std())
    }

    /// The error that the socket has met with, if any; asking takes it away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    /// Reads what is there, without waiting. `Ok(0)` is the end.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing; what the system says.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Direction::Read, |mut io| io.read(buf))
    }

    /// As [`try_read`](Self::try_read), into several buffers.
    ///
    /// # Errors
    ///
    /// Those of [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.io.try_io(Direction::Read, |mut io| io.read_vectored(bufs))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; what the system says.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |mut io| io.write(buf))
    }

    /// As [`try_write`](Self::try_write), from several buffers.
    ///
    /// # Errors
    ///
    /// Those of [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |mut io| io.write_vectored(bufs))
    }

    /// Splits it into a half that reads and one that writes, for the same task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Splits it into a half that reads and one that writes, which may go to different tasks.
    /// Dropping the half that writes tells the other side that there is no more to come.
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        halves::into_split(self)
    }

    fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        operation: impl FnMut(&net::UnixStream) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        poll_as_last(&self.io, cx, direction, self.site, operation)
    }

    pub(in crate::net) fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unfilled = buf.initialize_unfilled();
        let count = ready!(self.poll_read_slice(cx, unfilled))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }

    pub(in crate::net) fn poll_read_slice(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_io(cx, Direction::Read, |mut io| io.read(buf))
    }

    pub(in crate::net) fn poll_read_slices(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll_io(cx, Direction::Read, |mut io| io.read_vectored(bufs))
    }

    pub(in crate::net) fn poll_write_slice(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Direction::Write, |mut io| io.write(buf))
    }

    pub(in crate::net) fn poll_write_slices(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Direction::Write, |mut io| io.write_vectored(bufs))
    }

    /// Tells the other side that there is no more to come.
    pub(in crate::net) fn shut_down_writing(&self) -> io::Result<()> {
        match self.std().shutdown(Shutdown::Write) {
            // The other side is gone: it needs not be told.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

impl_waiting!(UnixStream);
impl_deadlines!(UnixStream);

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}

impl TryFrom<net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// See [`UnixStream::from_std`].
    fn try_from(stream: net::UnixStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std().as_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.std().as_raw_fd()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// Future of [`UnixStream::connect`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Connect {
    state: State,
    site: &'static Location<'static>,
}

#[derive(Debug)]
enum State {
    Start(io::Result<SockAddr>),
    Connecting(Registered<net::UnixStream>),
    Done,
}

/// Makes a socket and starts to connect it.
fn start(addr: &SockAddr) -> io::Result<Registered<net::UnixStream>> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(descriptors::explain)?;
    socket.set_nonblocking(true)?;
    match socket.connect(addr) {
        Ok(()) => Registered::new(socket.into(), super::super::driver()),
        // Registered only now: a socket that is not even connecting counts as hung up.
        Err(e) if os::in_progress(&e) && e.kind() != io::ErrorKind::WouldBlock => {
            Registered::new_unready(socket.into(), super::super::driver())
        }
        Err(e) => Err(e),
    }
}

impl Connect {
    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        if let State::Start(addr) = &mut self.state {
            let addr = std::mem::replace(addr, Err(io::ErrorKind::Other.into()));
            self.state = State::Done;
            self.state = State::Connecting(start(&addr?)?);
        }
        if let State::Connecting(io) = &self.state {
            ready!(io.poll_ready(Direction::Write, &mut WaitId::poll(), cx))?;
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Connecting(io) => Poll::Ready(match io.get().take_error()? {
                None => Ok(UnixStream { io, site: self.site }),
                Some(error) => Err(error),
            }),
            _ => panic!("polled after it was ready"),
        }
    }
}

impl Future for Connect {
    type Output = io::Result<UnixStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let site = self.site;
        poll_operation(cx, site, |cx| self.poll_connect(cx))
    }
}

impl_read!(UnixStream, UnixStream);
impl_write!(UnixStream, UnixStream, |_| ());

//! Connections.

use super::addr::{LookupHost, ToSocketAddrs};
use super::connect::Connect;
use super::io_traits::{impl_read, impl_write};
use super::os;
use super::recv;
use super::remainder::Remainder;
use super::tcp::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::wait::{AsyncIo, Place, Readable, Readiness, Writable, one_direction, poll_operation};
use super::waiting::{impl_deadlines, impl_waiting};
use crate::reactor::{Direction, Interest, Registered, Snapshot, WaitId};
use socket2::SockRef;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{self, Shutdown, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;

/// A TCP connection.
///
/// It reads and writes through the traits of [`io`](crate::io) (tokio's) and of [`futures_io`]. One
/// task may read while another writes, through [`split`](Self::split) or
/// [`into_split`](Self::into_split). If several tasks poll the same direction, the last one is woken;
/// of [`readable`](Self::readable), [`writable`](Self::writable), [`ready`](Self::ready) and
/// [`peek`](Self::peek) any number may wait.
///
/// Dropping it closes the connection; shutting down the writer (`AsyncWriteExt::shutdown`) tells the
/// other side that there is no more to come.
///
/// Where reads keep filling their buffer and leave nothing, it sets the option `TCP_INQ` of Linux on its socket, by
/// which a read tells what it leaves; [`into_std`](Self::into_std) takes it back.
///
/// # Go
///
/// `net.TCPConn`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::io::{AsyncReadExt, AsyncWriteExt};
/// use gort::net::{TcpListener, TcpStream};
///
/// gort::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let mut client = TcpStream::connect(listener.local_addr()?).await?;
///     let (mut server, _) = listener.accept().await?;
///
///     client.write_all(b"ping").await?;
///     client.shutdown().await?;
///     let mut request = Vec::new();
///     server.read_to_end(&mut request).await?;
///     assert_eq!(request, b"ping");
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "TCPConn")]
pub struct TcpStream {
    io: Registered<net::TcpStream>,
    remainder: Remainder,
    /// Where it was connected or accepted: that is where a goroutine waits that reads or writes
    /// through a trait, whose methods do not know their caller.
    site: &'static Location<'static>,
}

impl TcpStream {
    pub(super) fn new(io: Registered<net::TcpStream>, site: &'static Location<'static>) -> Self {
        Self { io, remainder: Remainder::new(), site }
    }

    /// Connects to `addr`. If it has several addresses they are tried in order until one answers.
    ///
    /// # Errors
    ///
    /// That of the last address: refused, unreachable, timed out by the system; `InvalidInput` if
    /// there is none. When the process has no descriptors left, the error says so
    /// ([`TooManyFiles`](super::TooManyFiles)).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    ///
    /// # Go
    ///
    /// `net.Dial("tcp", addr)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # gort::run(async {
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "Dial")]
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(addr: A) -> Connect {
        Connect::new(LookupHost::new(&addr), Location::caller())
    }

    /// Takes over a connection of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        Ok(Self::new(Registered::new(stream, super::driver())?, Location::caller()))
    }

    /// Gives it to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.remainder.restore(self.std());
        self.io.into_inner()
    }

    pub(super) fn std(&self) -> &net::TcpStream {
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

    /// The error that the socket has met with, if any; asking takes it away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.std().nodelay()
    }

    /// Says whether small writes are sent at once, or gathered while others are on their way. New
    /// connections gather, unlike Go's.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    #[doc(alias = "SetNoDelay")]
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.std().set_nodelay(nodelay)
    }

    /// How long closing waits for what is still to be sent (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(self.std()).linger()
    }

    /// Says how long closing waits for what is still to be sent. With `Some` of zero, closing throws
    /// it away and resets the connection. Other durations block the thread that drops the stream.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    #[doc(alias = "SetLinger")]
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.std()).set_linger(linger)
    }

    /// Makes closing throw away what is still to be sent, and reset the connection:
    /// [`set_linger`](Self::set_linger) with zero, which never blocks.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// The `IP_TTL` of what is sent.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn ttl(&self) -> io::Result<u32> {
        self.std().ttl()
    }

    /// Sets the `IP_TTL` of what is sent.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.std().set_ttl(ttl)
    }

    /// Ready when it may be read from. Otherwise the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// Those of [`ready`](Self::ready).
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_ready(Direction::Read, &mut WaitId::poll(), cx).map_ok(|_| ())
    }

    /// Ready when it may be written to. Otherwise the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// Those of [`ready`](Self::ready).
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_ready(Direction::Write, &mut WaitId::poll(), cx).map_ok(|_| ())
    }

    /// Reads what is there, without waiting. `Ok(0)` is the end.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing; what the system says.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let seen = self.io.snapshot();
        let buf = &mut ReadBuf::new(buf);
        let (count, drained) =
            self.io.try_io(Direction::Read, |io| recv::recv(io, &self.remainder, buf))?;
        self.note_read(seen, drained);
        Ok(count)
    }

    /// As [`try_read`](Self::try_read), into several buffers.
    ///
    /// # Errors
    ///
    /// Those of [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.io.try_io(Direction::Read, |io| os::recv_slices(io, bufs))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; what the system says.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # gort::run(async {
    /// # let listener = gort::net::TcpListener::bind("127.0.0.1:0").await?;
    /// use gort::io::Interest;
    /// use gort::net::TcpStream;
    ///
    /// let conn = TcpStream::connect(listener.local_addr()?).await?;
    /// let ready = conn.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// conn.try_write(b"x")?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |io| os::send(io, buf))
    }

    /// As [`try_write`](Self::try_write), from several buffers.
    ///
    /// # Errors
    ///
    /// Those of [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |io| os::send_slices(io, bufs))
    }

    /// Reads what is there, waits if there is nothing, and leaves it to be read again. `Ok(0)` is the
    /// end.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use gort::io::{AsyncReadExt, AsyncWriteExt};
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// gort::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let mut client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (mut server, _) = listener.accept().await?;
    ///     client.write_all(b"hello").await?;
    ///     let mut buf = [0; 2];
    ///     assert_eq!(server.peek(&mut buf).await?, 2);
    ///     server.read_exact(&mut buf).await?; // the same again
    ///     assert_eq!(&buf, b"he");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
        let place = Place::new(&self.io, Direction::Read);
        Peek { place, buf, site: Location::caller() }
    }

    /// As [`peek`](Self::peek); the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        poll_operation(cx, self.site, |cx| {
            let id = &mut WaitId::poll();
            self.io.poll_io(Direction::Read, id, cx, |io, _| recv::peek(io, buf))
        })
    }

    /// Splits it into a half that reads and one that writes, for the same task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        tcp::split(self)
    }

    /// Splits it into a half that reads and one that writes, which may go to different tasks.
    /// Dropping the half that writes tells the other side that there is no more to come.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use gort::io::{AsyncReadExt, AsyncWriteExt};
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// gort::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let mut client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (mut server, _) = listener.accept().await?;
    ///     let (mut reader, mut writer) = client.into_split();
    ///     gort::go(async move { writer.write_all(b"ping").await }); // dropped at its end: nothing more will come
    ///     let (mut echo_reader, mut echo_writer) = server.split();
    ///     gort::io::copy(&mut echo_reader, &mut echo_writer).await?;
    ///     drop(server);
    ///     let mut text = String::new();
    ///     reader.read_to_string(&mut text).await?;
    ///     assert_eq!(text, "ping");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        tcp::into_split(self)
    }

    /// After a read begun at `seen`: if it has `drained` the socket the next one waits without asking the
    /// system.
    fn note_read(&self, seen: Snapshot, drained: bool) {
        if drained && seen.short_read_drains() {
            self.io.clear_drained(Direction::Read, seen);
        }
    }

    pub(super) fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.poll_recv(cx, |io| recv::recv(io, &self.remainder, buf)).map_ok(|_| ())
    }

    pub(super) fn poll_read_slice(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let buf = &mut ReadBuf::new(buf);
        self.poll_recv(cx, |io| recv::recv(io, &self.remainder, buf))
    }

    pub(super) fn poll_read_slices(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        // The system is asked for no more: if it does that, there may be more to read.
        let asked = bufs.iter().take(os::MOST_SLICES).map(|buf| buf.len()).sum();
        if asked == 0 {
            return Poll::Ready(Ok(0));
        }
        self.poll_recv(cx, |io| {
            let count = os::recv_slices(io, bufs)?;
            Ok((count, count > 0 && count < asked))
        })
    }

    /// `recv` returns how much it has received, and whether nothing is left.
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        mut recv: impl FnMut(&net::TcpStream) -> io::Result<(usize, bool)>,
    ) -> Poll<io::Result<usize>> {
        poll_operation(cx, self.site, |cx| {
            self.io.poll_io(Direction::Read, &mut WaitId::poll(), cx, |io, seen| {
                let (count, drained) = recv(io)?;
                self.note_read(seen, drained);
                Ok(count)
            })
        })
    }

    pub(super) fn poll_write_slice(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, buf.len(), |io| os::send(io, buf))
    }

    pub(super) fn poll_write_slices(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The system is asked for no more: if it does that, there may be more room.
        let asked = bufs.iter().take(os::MOST_SLICES).map(|buf| buf.len()).sum();
        self.poll_send(cx, asked, |io| os::send_slices(io, bufs))
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        asked: usize,
        mut send: impl FnMut(&net::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        poll_operation(cx, self.site, |cx| {
            self.io.poll_io(Direction::Write, &mut WaitId::poll(), cx, |io, seen| {
                let count = send(io)?;
                if count > 0 && count < asked {
                    self.io.clear_drained(Direction::Write, seen);
                }
                Ok(count)
            })
        })
    }

    /// Tells the other side that there is no more to come.
    pub(super) fn shut_down_writing(&self) -> io::Result<()> {
        match self.std().shutdown(Shutdown::Write) {
            // The other side is gone: it needs not be told.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// See [`TcpStream::from_std`].
    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// Future of [`TcpStream::peek`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Peek<'a> {
    place: Place<'a, net::TcpStream>,
    buf: &'a mut [u8],
    site: &'static Location<'static>,
}

impl Future for Peek<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Peek { place, buf, site } = &mut *self;
        poll_operation(cx, site, |cx| place.poll_io(cx, |io, _| io.peek(buf)))
    }
}

impl_waiting!(TcpStream);
impl_deadlines!(TcpStream);
impl_read!(TcpStream, TcpStream);
impl_write!(TcpStream, TcpStream, |_| ());

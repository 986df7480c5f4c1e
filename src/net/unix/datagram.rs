//! Datagrams.

use super::super::descriptors;
use super::super::wait::{
    AsyncIo, Place, Readable, Readiness, Writable, one_direction, poll_as_last, poll_operation,
    poll_pause,
};
use super::super::waiting::{impl_deadlines, impl_waiting, operations};
use super::SocketAddr;
use crate::reactor::{Direction, Driver, Interest, Registered, Timer, WaitId};
use crate::sys::clock::duration_to_nanos;
use crate::sys::sync::Mutex;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;

/// A socket for datagrams between processes of one machine. None is lost or overtaken: who sends more than
/// the other side has room for waits.
///
/// # Go
///
/// `net.UnixConn` of the network `unixgram`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::net::UnixDatagram;
///
/// gort::run(async {
///     let (one, other) = UnixDatagram::pair()?;
///     one.send(b"ping").await?;
///     let mut buf = [0; 16];
///     assert_eq!(other.recv(&mut buf).await?, 4);
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "UnixConn")]
pub struct UnixDatagram {
    io: Registered<net::UnixDatagram>,
    /// Of [`poll_send_to`](Self::poll_send_to).
    no_room: Mutex<NoRoom>,
}

impl UnixDatagram {
    /// Makes a socket at `path`. The file stays when it is dropped.
    ///
    /// # Errors
    ///
    /// What the system says: there is a file already, or the folder may not be written to.
    ///
    /// # Go
    ///
    /// `net.ListenUnixgram`.
    #[doc(alias = "ListenUnixgram")]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        Self::from_std(net::UnixDatagram::bind(path).map_err(descriptors::explain)?)
    }

    /// Makes a socket without an address, which nobody can send to until it is connected.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Self::from_std(net::UnixDatagram::unbound().map_err(descriptors::explain)?)
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = net::UnixDatagram::pair().map_err(descriptors::explain)?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Takes over a socket of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        socket.set_nonblocking(true)?;
        let io = Registered::new(socket, super::super::driver())?;
        Ok(Self { io, no_room: Mutex::default() })
    }

    /// Gives it to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        self.io.into_inner()
    }

    /// Makes the socket at `path` the one that [`send`](Self::send) sends to.
    ///
    /// # Errors
    ///
    /// What the system says: there is no socket.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.io.get().connect(path)
    }

    /// Sends a datagram to the socket that this one is connected to. Waits while that has no room.
    ///
    /// # Errors
    ///
    /// What the system says: it is not connected, or the datagram is too long.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has completed, nothing was sent.
    ///
    /// # Go
    ///
    /// `Write`.
    #[track_caller]
    pub fn send<'a>(&'a self, buf: &'a [u8]) -> Send<'a> {
        Send::new(&self.io, buf, Location::caller())
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; those of [`send`](Self::send).
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |io| io.send(buf))
    }

    /// As [`send`](Self::send); the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    #[track_caller]
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        poll_as_last(&self.io, cx, Direction::Write, Location::caller(), |io| io.send(buf))
    }

    /// Sends a datagram to the socket at `path`. Waits while that has no room.
    ///
    /// Who is not [connected](Self::connect) to a socket is not told when that has room again, so this tries
    /// again after pauses of one to ten milliseconds, at whose end it also sees that its deadline has passed.
    /// Where many datagrams go to one socket, connect to it and [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has completed, nothing was sent.
    ///
    /// # Go
    ///
    /// `WriteTo`.
    #[doc(alias = "WriteTo")]
    #[track_caller]
    pub fn send_to<'a, P: AsRef<Path>>(&'a self, buf: &'a [u8], path: P) -> SendTo<'a> {
        let place = Place::new(&self.io, Direction::Write);
        let (path, no_room) = (path.as_ref().to_owned(), NoRoom::default());
        SendTo { place, buf, path, no_room, site: Location::caller() }
    }

    /// As [`send_to`](Self::send_to), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; what the system says. [`writable`](Self::writable) does not wait for
    /// the room of a socket that this one is not connected to.
    pub fn try_send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |io| io.send_to(buf, path))
    }

    /// As [`send_to`](Self::send_to); the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        path: P,
    ) -> Poll<io::Result<usize>> {
        let path = path.as_ref();
        poll_operation(cx, Location::caller(), |cx| {
            let mut no_room = std::mem::take(&mut *self.no_room.lock());
            let polled = no_room.poll(cx, self.io.driver(), |cx, tries| {
                self.io.poll_io(Direction::Write, &mut WaitId::poll(), cx, |io, _| {
                    try_send_to(io, buf, path, tries)
                })
            });
            if polled.is_pending() {
                let old = std::mem::replace(&mut *self.no_room.lock(), no_room);
                drop(old);
            }
            polled
        })
    }

    /// Receives a datagram, and returns its length, or that of the buffer if that is less.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no datagram.
    ///
    /// # Go
    ///
    /// `Read`.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.io, buf, Location::caller())
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; what the system says.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Direction::Read, |io| io.recv(buf))
    }

    /// As [`recv`](Self::recv); the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let received = poll_as_last(&self.io, cx, Direction::Read, Location::caller(), |io| {
            io.recv(buf.initialize_unfilled())
        });
        received.map_ok(|count| buf.advance(count))
    }

    /// As [`recv`](Self::recv), and tells who sent it.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no datagram.
    ///
    /// # Go
    ///
    /// `ReadFrom`.
    #[doc(alias = "ReadFrom")]
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a> {
        RecvFrom::new(&self.io, buf, Location::caller())
    }

    /// As [`recv_from`](Self::recv_from), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; what the system says.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.try_io(Direction::Read, |io| io.recv_from(buf))
    }

    /// As [`recv_from`](Self::recv_from); the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let received = poll_as_last(&self.io, cx, Direction::Read, Location::caller(), |io| {
            io.recv_from(buf.initialize_unfilled())
        });
        received.map_ok(|(count, from)| {
            buf.advance(count);
            from
        })
    }

    /// Its own address.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    #[doc(alias = "LocalAddr")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get().local_addr()
    }

    /// The address of the socket that it is connected to.
    ///
    /// # Errors
    ///
    /// When it is not connected.
    #[doc(alias = "RemoteAddr")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get().peer_addr()
    }

    /// The error that the socket has met with, if any; asking takes it away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get().take_error()
    }

    /// Says that nothing will be sent any more, or received, or both.
    ///
    /// # Errors
    ///
    /// When it is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get().shutdown(how)
    }
}

impl_waiting!(UnixDatagram);
impl_deadlines!(UnixDatagram);

operations! { net::UnixDatagram;
    /// Future of [`UnixDatagram::send`].
    Send<'a>(Write; buf: &'a [u8]) -> usize = |io| io.send(buf);
    /// Future of [`UnixDatagram::recv`].
    Recv<'a>(Read; buf: &'a mut [u8]) -> usize = |io| io.recv(buf);
    /// Future of [`UnixDatagram::recv_from`].
    RecvFrom<'a>(Read; buf: &'a mut [u8]) -> (usize, SocketAddr) = |io| io.recv_from(buf);
}

/// Future of [`UnixDatagram::send_to`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SendTo<'a> {
    place: Place<'a, net::UnixDatagram>,
    buf: &'a [u8],
    path: PathBuf,
    no_room: NoRoom,
    site: &'static Location<'static>,
}

impl Future for SendTo<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let SendTo { place, buf, path, no_room, site } = &mut *self;
        let driver = place.io.driver();
        poll_operation(cx, site, |cx| {
            no_room.poll(cx, driver, |cx, tries| {
                place.poll_io(cx, |io, _| try_send_to(io, buf, path, tries))
            })
        })
    }
}

/// What a sender knows of a receiver that had no room.
///
/// The system tells nobody who is not connected to it when it has room again. At each such try it tells that
/// the sender has room, since the datagram's memory is given back; to wait for that would be to spin. So
/// that is waited for after the first try only, which may have failed for want of the sender's own room, and
/// later tries are apart in time.
#[derive(Debug, Default)]
struct NoRoom {
    /// How often in a row that was so.
    tries: u32,
    pause: Option<Timer>,
}

impl NoRoom {
    /// Sends through `poll`, whose operation is [`try_send_to`].
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        driver: &Driver,
        mut poll: impl FnMut(&mut Context<'_>, &mut u32) -> Poll<io::Result<Option<usize>>>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(poll_pause(&mut self.pause, cx));
            let Some(sent) = ready!(poll(cx, &mut self.tries)).transpose() else {
                let delay = duration_to_nanos(delay(self.tries));
                self.pause = Some(Timer::after(driver.shard().clone(), delay));
                continue;
            };
            self.tries = 0;
            return Poll::Ready(sent);
        }
    }
}

/// How long to wait after `tries` in a row: 1 ms after the second, doubling up to 10 ms.
fn delay(tries: u32) -> Duration {
    Duration::from_millis((1 << tries.saturating_sub(2).min(4)).min(10))
}

/// `None` if there was no room once more, so that waiting for readiness would be no use.
fn try_send_to(
    io: &net::UnixDatagram,
    buf: &[u8],
    path: &Path,
    tries: &mut u32,
) -> io::Result<Option<usize>> {
    match io.send_to(buf, path) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            *tries = tries.saturating_add(1);
            if *tries == 1 { Err(error) } else { Ok(None) }
        }
        sent => sent.map(Some),
    }
}

impl TryFrom<net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    /// See [`UnixDatagram::from_std`].
    fn try_from(socket: net::UnixDatagram) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.get().as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.io.get().as_raw_fd()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

//! UDP.

use super::addr::{Addrs, LookupHost, ToSocketAddrs};
use super::descriptors;
use super::wait::{
    AsyncIo, Place, Readable, Readiness, Writable, one_direction, poll_as_last, poll_operation,
};
use super::waiting::{impl_deadlines, impl_waiting, operations};
use crate::reactor::{Direction, Interest, Registered};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// A socket for datagrams.
///
/// Each send is one datagram and each receive yields one; what does not fit into the buffer is cut off.
/// Any number of goroutines may send and receive by one socket at a time, behind an `Arc`. A socket that
/// is [connected](Self::connect) has one peer, and [`send`](Self::send) and [`recv`](Self::recv) leave
/// addresses out.
///
/// # Go
///
/// `net.UDPConn`, `net.PacketConn`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::net::UdpSocket;
///
/// gort::run(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.send_to(b"ping", server.local_addr()?).await?;
///
///     let mut buf = [0; 1500];
///     let (count, from) = server.recv_from(&mut buf).await?;
///     assert_eq!((&buf[..count], from), (&b"ping"[..], client.local_addr()?));
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "UDPConn")]
#[doc(alias = "PacketConn")]
pub struct UdpSocket {
    io: Registered<net::UdpSocket>,
}

impl UdpSocket {
    /// Makes a socket that receives at the first of the addresses of `addr` that can be had. Port 0
    /// lets the system choose one; [`local_addr`](Self::local_addr) tells which.
    ///
    /// # Errors
    ///
    /// That of the last address: it is in use, not one of this machine's, or not permitted; if there is
    /// no address, `InvalidInput`. When the process has no descriptors left, the error says so
    /// ([`TooManyFiles`](super::TooManyFiles)).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Go
    ///
    /// `net.ListenPacket("udp", addr)`, `net.ListenUDP`.
    #[doc(alias = "ListenPacket")]
    #[doc(alias = "ListenUDP")]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> BindUdp {
        BindUdp { lookup: LookupHost::new(&addr) }
    }

    /// Takes over a socket of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        Ok(Self { io: Registered::new(socket, super::driver())? })
    }

    /// Gives it to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        self.io.into_inner()
    }

    pub(super) fn std(&self) -> &net::UdpSocket {
        self.io.get()
    }

    /// Makes the first of the addresses of `addr` that can be reached the only peer: datagrams of
    /// others are not received any more.
    ///
    /// # Errors
    ///
    /// That of the last address; `InvalidInput` if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the socket as it was.
    ///
    /// # Go
    ///
    /// `net.Dial("udp", addr)` is [`bind`](Self::bind) and this.
    #[doc(alias = "Dial")]
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> ConnectUdp<'_> {
        ConnectUdp { socket: self, lookup: LookupHost::new(&addr) }
    }

    /// Sends a datagram to the peer of a [connected](Self::connect) socket.
    ///
    /// # Errors
    ///
    /// What the system says: it is not connected, the datagram is too long, or an earlier one has found
    /// nobody.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has completed, nothing was sent.
    ///
    /// # Go
    ///
    /// `Write` of a connected `UDPConn`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use gort::net::UdpSocket;
    ///
    /// gort::run(async {
    ///     let one = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let other = UdpSocket::bind("127.0.0.1:0").await?;
    ///     one.connect(other.local_addr()?).await?;
    ///     other.connect(one.local_addr()?).await?;
    ///     one.send(b"ping").await?;
    ///     let mut buf = [0; 16];
    ///     assert_eq!(other.recv(&mut buf).await?, 4);
    ///     Ok(())
    /// })
    /// # }
    /// ```
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

    /// Sends a datagram to the first of the addresses of `target`.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if there is no address.
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
    pub fn send_to<'a, A: ToSocketAddrs>(&'a self, buf: &'a [u8], target: A) -> SendTo<'a> {
        let place = Place::new(&self.io, Direction::Write);
        let target = Err(LookupHost::new(&target));
        SendTo { place, buf, target, site: Location::caller() }
    }

    /// As [`send_to`](Self::send_to), without waiting and without a look-up.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; what the system says.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.io.try_io(Direction::Write, |io| io.send_to(buf, target))
    }

    /// As [`send_to`](Self::send_to), without a look-up; the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        poll_as_last(&self.io, cx, Direction::Write, Location::caller(), |io| {
            io.send_to(buf, target)
        })
    }

    /// Receives a datagram of the peer of a [connected](Self::connect) socket, and returns its length,
    /// or that of the buffer if that is less.
    ///
    /// # Errors
    ///
    /// What the system says: it is not connected, or a datagram that was sent has found nobody.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no datagram.
    ///
    /// # Go
    ///
    /// `Read` of a connected `UDPConn`.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.io, buf, Location::caller())
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; those of [`recv`](Self::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Direction::Read, |io| io.recv(buf))
    }

    /// As [`recv`](Self::recv); the last task to ask is woken.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let received = poll_as_last(&self.io, cx, Direction::Read, Location::caller(), |io| {
            io.recv(buf.initialize_unfilled())
        });
        received.map_ok(|count| buf.advance(count))
    }

    /// Receives a datagram, and returns its length, or that of the buffer if that is less, and who sent
    /// it.
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

    /// As [`recv`](Self::recv), and leaves the datagram to be received again.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
        Peek::new(&self.io, buf, Location::caller())
    }

    /// As [`recv_from`](Self::recv_from), and leaves the datagram to be received again.
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
    /// use gort::net::UdpSocket;
    ///
    /// gort::run(async {
    ///     let server = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let client = UdpSocket::bind("127.0.0.1:0").await?;
    ///     client.send_to(b"ping", server.local_addr()?).await?;
    ///     let mut buf = [0; 16];
    ///     assert_eq!(server.peek_from(&mut buf).await?, server.recv_from(&mut buf).await?);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn peek_from<'a>(&'a self, buf: &'a mut [u8]) -> PeekFrom<'a> {
        PeekFrom::new(&self.io, buf, Location::caller())
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

    /// The address of its peer.
    ///
    /// # Errors
    ///
    /// When it is not connected.
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
}

/// Options of the socket: a getter and a setter each.
macro_rules! options {
    ($($(#[doc = $doc:literal])* $get:ident, $set:ident: $type:ty;)+) => {
        impl UdpSocket {$(
            $(#[doc = $doc])*
            ///
            /// # Errors
            ///
            /// When the system does not tell.
            pub fn $get(&self) -> io::Result<$type> {
                self.std().$get()
            }

            $(#[doc = $doc])*
            ///
            /// # Errors
            ///
            /// When the system refuses.
            pub fn $set(&self, value: $type) -> io::Result<()> {
                self.std().$set(value)
            }
        )+}
    };
}

options! {
    /// Whether datagrams may go to everybody in the network (`SO_BROADCAST`).
    broadcast, set_broadcast: bool;
    /// The `IP_TTL` of what is sent.
    ttl, set_ttl: u32;
    /// Whether multicast datagrams are received on this machine, too (`IP_MULTICAST_LOOP`).
    multicast_loop_v4, set_multicast_loop_v4: bool;
    /// How far multicast datagrams go (`IP_MULTICAST_TTL`).
    multicast_ttl_v4, set_multicast_ttl_v4: u32;
    /// Whether multicast datagrams are received on this machine, too (`IPV6_MULTICAST_LOOP`).
    multicast_loop_v6, set_multicast_loop_v6: bool;
}

impl UdpSocket {
    /// Receives what is sent to the group `address`, on the interface that has the address `interface`.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn join_multicast_v4(&self, address: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.std().join_multicast_v4(&address, &interface)
    }

    /// Receives what is sent to the group `address`, on the interface with this number.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn join_multicast_v6(&self, address: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std().join_multicast_v6(address, interface)
    }

    /// Undoes [`join_multicast_v4`](Self::join_multicast_v4).
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn leave_multicast_v4(&self, address: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.std().leave_multicast_v4(&address, &interface)
    }

    /// Undoes [`join_multicast_v6`](Self::join_multicast_v6).
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn leave_multicast_v6(&self, address: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std().leave_multicast_v6(address, interface)
    }
}

impl_waiting!(UdpSocket);
impl_deadlines!(UdpSocket);

impl TryFrom<net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// See [`UdpSocket::from_std`].
    fn try_from(socket: net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// Tries `each` on the addresses until one is good.
fn first<R>(addrs: Addrs, mut each: impl FnMut(SocketAddr) -> io::Result<R>) -> io::Result<R> {
    let mut error = None;
    for addr in addrs {
        match each(addr) {
            Ok(good) => return Ok(good),
            Err(bad) => error = Some(bad),
        }
    }
    Err(error.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the name has no addresses")
    }))
}

/// Future of [`UdpSocket::bind`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct BindUdp {
    lookup: LookupHost,
}

impl Future for BindUdp {
    type Output = io::Result<UdpSocket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addrs = ready!(Pin::new(&mut self.lookup).poll(cx))?;
        let bound = first(addrs, net::UdpSocket::bind).map_err(descriptors::explain);
        Poll::Ready(bound.and_then(UdpSocket::from_std))
    }
}

/// Future of [`UdpSocket::connect`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ConnectUdp<'a> {
    socket: &'a UdpSocket,
    lookup: LookupHost,
}

impl Future for ConnectUdp<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addrs = ready!(Pin::new(&mut self.lookup).poll(cx))?;
        let socket = self.socket.std();
        Poll::Ready(first(addrs, |addr| socket.connect(addr)))
    }
}

/// Future of [`UdpSocket::send_to`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SendTo<'a> {
    place: Place<'a, net::UdpSocket>,
    buf: &'a [u8],
    /// Who it goes to, once that is known.
    target: Result<SocketAddr, LookupHost>,
    site: &'static Location<'static>,
}

impl Future for SendTo<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let SendTo { place, buf, target, site } = &mut *self;
        let to = match target {
            Ok(to) => *to,
            Err(lookup) => first(ready!(Pin::new(lookup).poll(cx))?, Ok)?,
        };
        *target = Ok(to);
        poll_operation(cx, site, |cx| place.poll_io(cx, |io, _| io.send_to(buf, to)))
    }
}

operations! { net::UdpSocket;
    /// Future of [`UdpSocket::send`].
    Send<'a>(Write; buf: &'a [u8]) -> usize = |io| io.send(buf);
    /// Future of [`UdpSocket::recv`].
    Recv<'a>(Read; buf: &'a mut [u8]) -> usize = |io| io.recv(buf);
    /// Future of [`UdpSocket::recv_from`].
    RecvFrom<'a>(Read; buf: &'a mut [u8]) -> (usize, SocketAddr) = |io| io.recv_from(buf);
    /// Future of [`UdpSocket::peek`].
    Peek<'a>(Read; buf: &'a mut [u8]) -> usize = |io| io.peek(buf);
    /// Future of [`UdpSocket::peek_from`].
    PeekFrom<'a>(Read; buf: &'a mut [u8]) -> (usize, SocketAddr) = |io| io.peek_from(buf);
}

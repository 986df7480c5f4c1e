//! A TCP socket before it is connected or listens.

use super::connect::Connect;
use super::descriptors;
use super::listener::TcpListener;
use super::os;
use socket2::{Domain, SockRef, Socket};
use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::panic::Location;
use std::time::Duration;

/// A TCP socket that is not connected and does not listen yet, to be set up before it does.
///
/// # Go
///
/// `net.Dialer` and `net.ListenConfig`, as far as they set up sockets.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::net::{TcpSocket, TcpStream};
///
/// gort::run(async {
///     let socket = TcpSocket::new_v4()?;
///     socket.set_reuseaddr(true)?;
///     socket.bind("127.0.0.1:0".parse().unwrap())?;
///     let listener = socket.listen(64)?;
///
///     let socket = TcpSocket::new_v4()?;
///     socket.set_nodelay(true)?;
///     let client = socket.connect(listener.local_addr()?).await?;
///     assert!(client.nodelay()?);
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "Dialer")]
#[doc(alias = "ListenConfig")]
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// When the system has none, or the process no descriptors left.
    pub fn new_v4() -> io::Result<TcpSocket> {
        Self::new(Domain::IPV4)
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    ///
    /// When the system has none, or the process no descriptors left.
    pub fn new_v6() -> io::Result<TcpSocket> {
        Self::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        Ok(Self { socket: os::stream_socket(domain).map_err(descriptors::explain)? })
    }

    /// Takes over a socket of the standard library that is not connected, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn from_std_stream(stream: net::TcpStream) -> io::Result<TcpSocket> {
        stream.set_nonblocking(true)?;
        Ok(Self { socket: stream.into() })
    }

    /// Gives it this address. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// When it is in use, not one of this machine's, or not permitted.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Connects it.
    ///
    /// # Errors
    ///
    /// What the system says: refused, unreachable, timed out.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    #[track_caller]
    pub fn connect(self, addr: SocketAddr) -> Connect {
        Connect::of_socket(self.socket, addr, Location::caller())
    }

    /// Listens. At most `backlog` connections wait to be accepted.
    ///
    /// # Errors
    ///
    /// When it has an address that another socket listens on.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        TcpListener::from_std(self.socket.into())
    }

    /// Its own address.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = self.socket.local_addr()?.as_socket();
        addr.ok_or_else(|| io::Error::other("the socket has an address of another kind"))
    }

    /// The error that the socket has met with, if any; asking takes it away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }
}

/// Options of the socket: a getter and a setter each, and what they are called underneath.
macro_rules! options {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($cfg:meta)])?
        $get:ident = $get_by:ident, $set:ident = $set_by:ident: $type:ty;
    )+) => {
        impl TcpSocket {$(
            $(#[doc = $doc])*
            ///
            /// # Errors
            ///
            /// When the system does not tell.
            $(#[cfg($cfg)])?
            pub fn $get(&self) -> io::Result<$type> {
                SockRef::from(&self.socket).$get_by().map(|value| value as $type)
            }

            $(#[doc = $doc])*
            ///
            /// # Errors
            ///
            /// When the system refuses.
            $(#[cfg($cfg)])?
            pub fn $set(&self, value: $type) -> io::Result<()> {
                SockRef::from(&self.socket).$set_by(value as _)
            }
        )+}
    };
}

options! {
    /// Whether the address may be used although connections of its last user are still around
    /// (`SO_REUSEADDR`).
    reuseaddr = reuse_address, set_reuseaddr = set_reuse_address: bool;
    /// Whether several sockets may have the same address and share what comes (`SO_REUSEPORT`).
    #[cfg(all(unix, not(target_os = "solaris"), not(target_os = "illumos")))]
    reuseport = reuse_port, set_reuseport = set_reuse_port: bool;
    /// Whether the system asks a silent peer now and then if it is still there (`SO_KEEPALIVE`).
    keepalive = keepalive, set_keepalive = set_keepalive: bool;
    /// Whether small writes are sent at once (`TCP_NODELAY`).
    nodelay = tcp_nodelay, set_nodelay = set_tcp_nodelay: bool;
    /// Bytes that the system keeps that are still to be sent (`SO_SNDBUF`).
    send_buffer_size = send_buffer_size, set_send_buffer_size = set_send_buffer_size: u32;
    /// Bytes that the system keeps that are still to be received (`SO_RCVBUF`).
    recv_buffer_size = recv_buffer_size, set_recv_buffer_size = set_recv_buffer_size: u32;
}

impl TcpSocket {
    /// How long closing waits for what is still to be sent (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Says how long closing waits for what is still to be sent; see
    /// [`TcpStream::set_linger`](super::TcpStream::set_linger).
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(linger)
    }
}

#[cfg(unix)]
mod raw {
    use super::TcpSocket;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    impl AsFd for TcpSocket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl AsRawFd for TcpSocket {
        fn as_raw_fd(&self) -> RawFd {
            self.socket.as_raw_fd()
        }
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}

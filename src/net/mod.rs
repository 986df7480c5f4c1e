//! Sockets.
//!
//! A socket belongs to the runtime it was made in (or to the global one, when it was made outside of
//! any) and may be used by any executor. It is closed when it is dropped; a future that is dropped
//! loses neither a connection nor a byte: the operation on the socket and the return of its result
//! are one step.
//!
//! ```
//! use gort::io::{AsyncReadExt, AsyncWriteExt};
//! use gort::net::{TcpListener, TcpStream};
//!
//! # fn main() -> std::io::Result<()> {
//! gort::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let addr = listener.local_addr()?;
//!     gort::go(async move {
//!         let (mut conn, _) = listener.accept().await.unwrap();
//!         conn.write_all(b"hello").await.unwrap();
//!     });
//!     let mut conn = TcpStream::connect(addr).await?;
//!     let mut text = String::new();
//!     conn.read_to_string(&mut text).await?;
//!     assert_eq!(text, "hello");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Go
//!
//! [`TcpListener::bind`] is `net.Listen`, [`TcpStream::connect`] is `net.Dial`, [`UdpSocket::bind`] is
//! `net.ListenPacket`, [`lookup_host`] is `net.LookupHost`; [`UnixListener`],
//! [`UnixStream`] and [`UnixDatagram`] are the networks `unix` and
//! `unixgram`, and [`TcpSocket`] sets a socket up before it connects or listens. Every socket has
//! `set_deadline`.

mod addr;
mod connect;
mod descriptors;
mod halves;
mod io_traits;
mod listener;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "os_linux.rs"]
mod os;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "os_other.rs"]
mod os;
#[cfg(unix)]
#[path = "raw_unix.rs"]
mod raw;
#[cfg(windows)]
#[path = "raw_windows.rs"]
mod raw;
mod recv;
mod remainder;
mod stream;
pub mod tcp;
mod tcp_socket;
#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests;
mod udp;
#[cfg(unix)]
pub mod unix;
mod wait;
mod waiting;

pub use self::{
    addr::{Addrs, LookupHost, ToSocketAddrs, lookup_host},
    connect::Connect,
    descriptors::TooManyFiles,
    listener::{Accept, Bind, Incoming, TcpListener},
    stream::{Peek, TcpStream},
    tcp_socket::TcpSocket,
    udp::UdpSocket,
    wait::{AsyncIo, Readable, Readiness, Writable},
};

#[cfg(unix)]
pub use self::unix::{UnixDatagram, UnixListener, UnixStream};

/// Futures of a [`UdpSocket`].
pub mod udp_io {
    pub use super::udp::{BindUdp, ConnectUdp, Peek, PeekFrom, Recv, RecvFrom, Send, SendTo};
}

use crate::runtime::context;
use std::sync::Arc;

/// The driver that sockets are registered with that are made on this thread.
fn driver() -> Arc<crate::reactor::Driver> {
    context::driver()
}

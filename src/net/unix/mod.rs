//! Unix sockets: connections and datagrams between processes of one machine, and the futures and halves that
//! belong to them.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod credentials;
mod datagram;
mod halves;
mod listener;
mod stream;

#[doc(no_inline)]
pub use std::os::unix::net::SocketAddr;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use self::credentials::UCred;
pub use self::datagram::{Recv, RecvFrom, Send, SendTo, UnixDatagram};
pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use self::listener::{Accept, UnixListener};
pub use self::stream::{Connect, UnixStream};

//! System calls that Linux saves us: sockets are non-blocking from the start.

use rustix::net::SocketFlags;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// A stream socket: non-blocking, not inherited by other programs.
pub(super) fn stream_socket(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))
}

/// Takes a connection: non-blocking, not inherited by other programs.
pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (fd, addr) = rustix::net::acceptfrom_with(listener, flags)?;
    let stream = TcpStream::from(fd);
    let addr = match addr.map(SocketAddr::try_from) {
        Some(Ok(addr)) => addr,
        _ => stream.peer_addr()?,
    };
    Ok((stream, addr))
}

/// How many descriptors the process may have.
pub(super) fn descriptor_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Whether the process (first) or the system (second) has no descriptors left.
pub(super) fn out_of_descriptors(error: &io::Error) -> (bool, bool) {
    let is = |errno: rustix::io::Errno| error.raw_os_error() == Some(errno.raw_os_error());
    (is(rustix::io::Errno::MFILE), is(rustix::io::Errno::NFILE))
}

/// Whether `error` says that a connection is being made.
pub(super) fn in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

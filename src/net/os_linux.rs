//! What Linux saves us. Sockets are non-blocking from the start; and reads and writes are bare system
//! calls, where the C library has points of cancellation, which cost as much as we do.

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// How many buffers one system call takes.
pub(super) const MOST_SLICES: usize = 1024;

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

/// Receives into the start of `buf`, and initialises as much of it as is returned.
pub(super) fn recv(io: &TcpStream, buf: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    Ok(rustix::net::recv(io, buf, RecvFlags::empty())?.1)
}

/// Receives into the start of `buf`.
pub(super) fn recv_slice(io: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(io, buf, RecvFlags::empty())?.1)
}

pub(super) fn recv_slices(io: &TcpStream, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let count = bufs.len().min(MOST_SLICES);
    Ok(rustix::io::readv(io, &mut bufs[..count])?)
}

pub(super) fn send(io: &TcpStream, buf: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(io, buf, SendFlags::NOSIGNAL)?)
}

pub(super) fn send_slices(io: &TcpStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    if let [one] = bufs {
        return send(io, one);
    }
    let bufs = &bufs[..bufs.len().min(MOST_SLICES)];
    let mut nothing = SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(io, bufs, &mut nothing, SendFlags::NOSIGNAL)?)
}

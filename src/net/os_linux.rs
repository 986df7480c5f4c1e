//! What Linux saves us. Sockets are non-blocking from the start; and reads and writes are bare system
//! calls, where the C library has points of cancellation, which cost as much as we do.

#![expect(unsafe_code, reason = "what a read leaves is told by system calls that nobody wraps")]

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

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

/// Says whether [`recv_telling`] is to tell.
pub(super) fn tell_remainder(io: &TcpStream, tell: bool) -> io::Result<()> {
    let tell = libc::c_int::from(tell);
    let size = size_of_val(&tell) as libc::socklen_t;
    // SAFETY: the option's value is an int, and is only read.
    let result = unsafe {
        libc::setsockopt(
            io.as_raw_fd(),
            libc::SOL_TCP,
            libc::TCP_INQ,
            (&raw const tell).cast(),
            size,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The message beside what is received: its header, which is as long as three words at most, and an int.
#[repr(C)]
struct Told {
    header: libc::cmsghdr,
    remainder: libc::c_int,
}

/// As [`recv`], and returns how many bytes are left, if the system [tells](tell_remainder); the end of the
/// stream counts as one.
pub(super) fn recv_telling(
    io: &TcpStream,
    buf: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, Option<usize>)> {
    let mut slice = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: its fields are numbers, which may be zero.
    let mut told = unsafe { mem::zeroed::<Told>() };
    // SAFETY: its fields are numbers and raw pointers, which may be zero.
    let mut message = unsafe { mem::zeroed::<libc::msghdr>() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut told).cast();
    message.msg_controllen = size_of::<Told>() as _;
    // The C library's `recvmsg` is a point of cancellation.
    // SAFETY: `message` says where the buffers are and how long, and they may be written to.
    let count = unsafe { libc::syscall(libc::SYS_recvmsg, io.as_raw_fd(), &raw mut message, 0) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    // Another option of the socket's may have taken the room for what it has to say.
    let is_told =
        (told.header.cmsg_level, told.header.cmsg_type) == (libc::SOL_TCP, libc::TCP_CM_INQ);
    Ok((count, is_told.then_some(told.remainder).and_then(|left| usize::try_from(left).ok())))
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

//! Receiving into memory that nobody has written to yet.

#![expect(unsafe_code, reason = "a read buffer has to be told what was written to it")]

use super::remainder::Remainder;
use socket2::SockRef;
use std::io;
use std::net::TcpStream;
use tokio::io::ReadBuf;

/// Receives into the unfilled part of `buf` and fills it by what came. Returns how much that was, and whether
/// nothing is left.
pub(super) fn recv(
    io: &TcpStream,
    remainder: &Remainder,
    buf: &mut ReadBuf<'_>,
) -> io::Result<(usize, bool)> {
    // SAFETY: `recv` writes to it and does nothing else, so no byte becomes uninitialised.
    let room = unsafe { buf.unfilled_mut() };
    let (count, drained) = remainder.recv(io, room)?;
    // SAFETY: the system has written `count` bytes to the start of `room`.
    unsafe { buf.assume_init(count) };
    buf.advance(count);
    Ok((count, drained))
}

/// As [`recv`], and leaves what came to be received again.
pub(super) fn peek(io: &TcpStream, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: as in `recv`.
    let room = unsafe { buf.unfilled_mut() };
    let count = SockRef::from(io).peek(room)?;
    // SAFETY: as in `recv`.
    unsafe { buf.assume_init(count) };
    buf.advance(count);
    Ok(count)
}

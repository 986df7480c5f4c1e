//! Halves of a [`TcpStream`].

use super::{Peek, TcpStream};
use std::net::SocketAddr;

super::halves::halves!(TcpStream, SocketAddr);

macro_rules! peeking {
    ($half:ty) => {
        impl $half {
            /// See [`TcpStream::peek`].
            ///
            /// # Errors
            ///
            /// What the system says.
            ///
            /// # Cancel safety
            ///
            /// As [`TcpStream::peek`].
            #[track_caller]
            pub fn peek<'b>(&'b mut self, buf: &'b mut [u8]) -> Peek<'b> {
                self.0.peek(buf)
            }

            /// See [`TcpStream::poll_peek`].
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.0.poll_peek(cx, buf)
            }
        }
    };
}

peeking!(ReadHalf<'_>);
peeking!(OwnedReadHalf);

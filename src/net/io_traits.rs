//! The traits of tokio and of futures, for streams and their halves: both lead to the same methods of the stream,
//! `poll_read_buf`, `poll_read_slice`, `poll_read_slices`, `poll_write_slice`, `poll_write_slices` and
//! `shut_down_writing`.

/// Reading, by the traits of tokio and of futures, for a `$type` that has a `$stream`.
macro_rules! impl_read {
    ($type:ty, $stream:ident) => {
        impl tokio::io::AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                AsRef::<$stream>::as_ref(&*self).poll_read_buf(cx, buf)
            }
        }

        impl futures_io::AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                AsRef::<$stream>::as_ref(&*self).poll_read_slice(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                AsRef::<$stream>::as_ref(&*self).poll_read_slices(cx, bufs)
            }
        }
    };
}

/// Writing, by the traits of tokio and of futures, for a `$type` that has a `$stream`. `$shut_down` notes
/// that the stream has been shut down.
macro_rules! impl_write {
    ($type:ty, $stream:ident, $shut_down:expr) => {
        impl tokio::io::AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                AsRef::<$stream>::as_ref(&*self).poll_write_slice(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                AsRef::<$stream>::as_ref(&*self).poll_write_slices(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                AsRef::<$stream>::as_ref(&*self).shut_down_writing()?;
                let shut_down: fn(&mut $type) = $shut_down;
                shut_down(&mut self);
                Poll::Ready(Ok(()))
            }
        }

        impl futures_io::AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                AsRef::<$stream>::as_ref(&*self).poll_write_slice(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                AsRef::<$stream>::as_ref(&*self).poll_write_slices(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                tokio::io::AsyncWrite::poll_shutdown(self, cx)
            }
        }
    };
}

pub(super) use {impl_read, impl_write};

//! Halves of a connection: references to it for one task, or for two tasks that share it.

/// The halves of `$stream`, whose addresses are `$address`, for a module of their own. The stream has the methods
/// that they pass on, and those that [`io_traits`](super::io_traits) names.
macro_rules! halves {
    ($stream:ident, $address:ty) => {
        use $crate::net::halves::{either_half, read_half, write_half};
        use $crate::net::io_traits::{impl_read, impl_write};
        use $crate::net::{Readable, Readiness, Writable};
        use $crate::reactor::Interest;
        use std::error::Error;
        use std::fmt;
        use std::io::{self, IoSlice, IoSliceMut};
        use std::pin::Pin;
        use std::sync::Arc;
        use std::task::{Context, Poll};
        use tokio::io::ReadBuf;

        #[doc = concat!("The half of [`", stringify!($stream), "::split`] that reads.")]
        #[derive(Debug)]
        pub struct ReadHalf<'a>(&'a $stream);

        #[doc = concat!("The half of [`", stringify!($stream), "::split`] that writes. Dropping it changes nothing.")]
        #[derive(Debug)]
        pub struct WriteHalf<'a>(&'a $stream);

        #[doc = concat!("The half of [`", stringify!($stream), "::into_split`] that reads.")]
        #[derive(Debug)]
        pub struct OwnedReadHalf(Arc<$stream>);

        #[doc = concat!("The half of [`", stringify!($stream), "::into_split`] that writes. Dropping it tells the")]
        /// other side that there is no more to come.
        #[derive(Debug)]
        pub struct OwnedWriteHalf {
            stream: Arc<$stream>,
            shut_down_on_drop: bool,
        }

        pub(in $crate::net) fn split(stream: &mut $stream) -> (ReadHalf<'_>, WriteHalf<'_>) {
            (ReadHalf(stream), WriteHalf(stream))
        }

        pub(in $crate::net) fn into_split(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
            let stream = Arc::new(stream);
            let write = OwnedWriteHalf { stream: Arc::clone(&stream), shut_down_on_drop: true };
            (OwnedReadHalf(stream), write)
        }

        fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
            if !Arc::ptr_eq(&read.0, &write.stream) {
                return Err(ReuniteError(read, write));
            }
            write.forget();
            // Only the two halves share it, and the other one is gone.
            Ok(Arc::into_inner(read.0).expect("no third owner"))
        }

        /// The two halves are not of the same connection; here they are again.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tried to reunite halves that are not from the same socket")
            }
        }

        impl Error for ReuniteError {}

        impl OwnedReadHalf {
            /// Puts the two halves together again.
            ///
            /// # Errors
            ///
            /// If they are not of the same connection; the error gives them back.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                reunite(self, other)
            }
        }

        impl OwnedWriteHalf {
            /// Puts the two halves together again.
            ///
            /// # Errors
            ///
            /// If they are not of the same connection; the error gives them back.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                reunite(other, self)
            }

            /// Drops it without a word to the other side.
            pub fn forget(mut self) {
                self.shut_down_on_drop = false;
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if self.shut_down_on_drop {
                    // Whoever wants to know whether it worked calls `shutdown`.
                    let _ = self.stream.shut_down_writing();
                }
            }
        }

        either_half!(ReadHalf<'_>, $stream, $address, |half| half.0);
        either_half!(WriteHalf<'_>, $stream, $address, |half| half.0);
        either_half!(OwnedReadHalf, $stream, $address, |half| &half.0);
        either_half!(OwnedWriteHalf, $stream, $address, |half| &half.stream);
        read_half!(ReadHalf<'_>, $stream);
        read_half!(OwnedReadHalf, $stream);
        write_half!(WriteHalf<'_>, $stream);
        write_half!(OwnedWriteHalf, $stream);
        impl_read!(ReadHalf<'_>, $stream);
        impl_read!(OwnedReadHalf, $stream);
        impl_write!(WriteHalf<'_>, $stream, |_| ());
        impl_write!(OwnedWriteHalf, $stream, |half| half.shut_down_on_drop = false);
    };
}

/// What every half has in common with the stream.
macro_rules! either_half {
    ($half:ty, $stream:ident, $address:ty, |$this:ident| $of:expr) => {
        impl AsRef<$stream> for $half {
            fn as_ref(&self) -> &$stream {
                let $this = self;
                $of
            }
        }

        impl $half {
            #[doc = concat!("See [`", stringify!($stream), "::ready`].")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of [`", stringify!($stream), "::ready`].")]
            ///
            /// # Cancel safety
            ///
            #[doc = concat!("As [`", stringify!($stream), "::ready`].")]
            #[track_caller]
            pub fn ready(&self, interest: Interest) -> Readiness<'_> {
                AsRef::<$stream>::as_ref(self).ready(interest)
            }

            /// The address of the other side.
            ///
            /// # Errors
            ///
            /// When it is not connected any more.
            pub fn peer_addr(&self) -> io::Result<$address> {
                AsRef::<$stream>::as_ref(self).peer_addr()
            }

            /// The connection's own address.
            ///
            /// # Errors
            ///
            /// When the system does not tell.
            pub fn local_addr(&self) -> io::Result<$address> {
                AsRef::<$stream>::as_ref(self).local_addr()
            }
        }
    };
}

/// What halves that read have in common with the stream.
macro_rules! read_half {
    ($half:ty, $stream:ident) => {
        impl $half {
            #[doc = concat!("See [`", stringify!($stream), "::readable`].")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of [`", stringify!($stream), "::ready`].")]
            ///
            /// # Cancel safety
            ///
            #[doc = concat!("As [`", stringify!($stream), "::ready`].")]
            #[track_caller]
            pub fn readable(&self) -> Readable<'_> {
                AsRef::<$stream>::as_ref(self).readable()
            }

            #[doc = concat!("See [`", stringify!($stream), "::try_read`].")]
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing; what the system says.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                AsRef::<$stream>::as_ref(self).try_read(buf)
            }

            #[doc = concat!("See [`", stringify!($stream), "::try_read_vectored`].")]
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing; what the system says.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                AsRef::<$stream>::as_ref(self).try_read_vectored(bufs)
            }
        }
    };
}

/// What halves that write have in common with the stream.
macro_rules! write_half {
    ($half:ty, $stream:ident) => {
        impl $half {
            #[doc = concat!("See [`", stringify!($stream), "::writable`].")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of [`", stringify!($stream), "::ready`].")]
            ///
            /// # Cancel safety
            ///
            #[doc = concat!("As [`", stringify!($stream), "::ready`].")]
            #[track_caller]
            pub fn writable(&self) -> Writable<'_> {
                AsRef::<$stream>::as_ref(self).writable()
            }

            #[doc = concat!("See [`", stringify!($stream), "::try_write`].")]
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room; what the system says.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                AsRef::<$stream>::as_ref(self).try_write(buf)
            }

            #[doc = concat!("See [`", stringify!($stream), "::try_write_vectored`].")]
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room; what the system says.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                AsRef::<$stream>::as_ref(self).try_write_vectored(bufs)
            }
        }
    };
}

pub(super) use {either_half, halves, read_half, write_half};

//! What all sockets have: waiting until they are ready, and operations of the caller's.

/// Methods of a socket that has a `Registered` in its field `io`.
macro_rules! impl_waiting {
    ($socket:ident) => {
        impl $socket {
            /// Waits until it is ready for some of `interest`, and returns for which. It may be wrong:
            /// the operation may still return `WouldBlock`, and then the next call waits.
            ///
            /// # Errors
            ///
            /// When the runtime is gone that the socket was made in.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future changes nothing: readiness stays until an operation would block.
            #[track_caller]
            pub fn ready(&self, interest: Interest) -> Readiness<'_> {
                Readiness::new(&self.io, interest, Location::caller())
            }

            /// Waits until it may be read from; see [`ready`](Self::ready).
            ///
            /// # Errors
            ///
            /// Those of [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// As [`ready`](Self::ready).
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use gort::net::UdpSocket;
            ///
            /// gort::run(async {
            ///     let server = UdpSocket::bind("127.0.0.1:0").await?;
            ///     let client = UdpSocket::bind("127.0.0.1:0").await?;
            ///     client.send_to(b"ping", server.local_addr()?).await?;
            ///     let mut buf = [0; 16];
            ///     let count = loop {
            ///         server.readable().await?;
            ///         match server.try_recv(&mut buf) {
            ///             // It was not, after all.
            ///             Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            ///             received => break received?,
            ///         }
            ///     };
            ///     assert_eq!(&buf[..count], b"ping");
            ///     Ok(())
            /// })
            /// # }
            /// ```
            #[track_caller]
            pub fn readable(&self) -> Readable<'_> {
                Readable::new(&self.io, Location::caller())
            }

            /// Waits until it may be written to; see [`ready`](Self::ready).
            ///
            /// # Errors
            ///
            /// Those of [`ready`](Self::ready).
            ///
            /// # Cancel safety
            ///
            /// As [`ready`](Self::ready).
            #[track_caller]
            pub fn writable(&self) -> Writable<'_> {
                Writable::new(&self.io, Location::caller())
            }

            /// Tries an operation of the caller's on the socket. It must be one on this socket, of the
            /// direction that `interest` says, and say `WouldBlock` if and only if the socket does.
            ///
            /// # Errors
            ///
            /// `WouldBlock`, without a try, if the socket is not ready; what `operation` says.
            ///
            /// # Panics
            ///
            /// If `interest` is more or less than one direction.
            #[track_caller]
            pub fn try_io<R>(
                &self,
                interest: Interest,
                operation: impl FnOnce() -> io::Result<R>,
            ) -> io::Result<R> {
                let direction = one_direction(interest);
                self.io.try_io(direction, |_| operation())
            }

            /// As [`try_io`](Self::try_io), and waits as often as the operation would block.
            ///
            /// # Errors
            ///
            /// What `operation` says, and those of [`ready`](Self::ready).
            ///
            /// # Panics
            ///
            /// If `interest` is more or less than one direction.
            ///
            /// # Cancel safety
            ///
            /// That of `operation`, which either has returned or has not been called.
            #[track_caller]
            pub fn async_io<R, F>(&self, interest: Interest, operation: F) -> AsyncIo<'_, F>
            where
                F: FnMut() -> io::Result<R>,
            {
                AsyncIo::new(&self.io, one_direction(interest), operation, Location::caller())
            }
        }
    };
}

/// Deadlines of a socket that has a `Registered` in its field `io`.
macro_rules! impl_deadlines {
    ($socket:ident) => {
        impl $socket {
            /// Sets the deadline of reading and of writing; see
            /// [`set_read_deadline`](Self::set_read_deadline).
            ///
            /// # Go
            ///
            /// `SetDeadline`.
            #[doc(alias = "SetDeadline")]
            pub fn set_deadline(&self, deadline: Option<crate::time::Instant>) {
                self.set_read_deadline(deadline);
                self.set_write_deadline(deadline);
            }

            /// From `deadline` on, reading fails with the error `i/o timeout` of the kind `TimedOut`, also
            /// where somebody waits already, and even if there is something to read; at once, if it has
            /// passed. The socket stays usable: another deadline, or `None` for none, lets reading go on.
            ///
            /// # Go
            ///
            /// `SetReadDeadline`.
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use gort::net::UdpSocket;
            /// use gort::time::{Duration, Instant};
            ///
            /// gort::run(async {
            ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
            ///     socket.set_read_deadline(Some(Instant::now() + Duration::from_millis(1)));
            ///     let error = socket.recv_from(&mut [0; 16]).await.unwrap_err();
            ///     assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
            ///     assert_eq!(error.to_string(), "i/o timeout");
            ///     Ok(())
            /// })
            /// # }
            /// ```
            #[doc(alias = "SetReadDeadline")]
            pub fn set_read_deadline(&self, deadline: Option<crate::time::Instant>) {
                let deadline = deadline.map(crate::time::Instant::to_nanos);
                self.io.set_deadline(Direction::Read, deadline);
            }

            /// As [`set_read_deadline`](Self::set_read_deadline), for writing. What was written before
            /// the deadline may have been a part.
            ///
            /// # Go
            ///
            /// `SetWriteDeadline`.
            #[doc(alias = "SetWriteDeadline")]
            pub fn set_write_deadline(&self, deadline: Option<crate::time::Instant>) {
                let deadline = deadline.map(crate::time::Instant::to_nanos);
                self.io.set_deadline(Direction::Write, deadline);
            }
        }
    };
}

/// The deadline of a listener that has a `Registered` in its field `io`.
macro_rules! impl_accept_deadline {
    ($socket:ident) => {
        impl $socket {
            /// From `deadline` on, accepting fails with the error `i/o timeout` of the kind `TimedOut`,
            /// also where somebody waits already; at once, if it has passed. Another deadline, or `None`
            /// for none, lets accepting go on.
            ///
            /// # Go
            ///
            /// `SetDeadline`.
            #[doc(alias = "SetDeadline")]
            pub fn set_deadline(&self, deadline: Option<crate::time::Instant>) {
                let deadline = deadline.map(crate::time::Instant::to_nanos);
                self.io.set_deadline(Direction::Read, deadline);
            }
        }
    };
}

/// Futures that try one operation on a socket until it does not block.
macro_rules! operations {
    ($io:ty; $(
        $(#[$doc:meta])*
        $name:ident<'a>($direction:ident; $($field:ident: $type:ty),+) -> $output:ty =
            |$socket:ident| $operation:expr;
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct $name<'a> {
            place: Place<'a, $io>,
            $($field: $type,)+
            site: &'static Location<'static>,
        }

        impl<'a> $name<'a> {
            fn new(
                io: &'a Registered<$io>,
                $($field: $type,)+
                site: &'static Location<'static>,
            ) -> Self {
                Self { place: Place::new(io, Direction::$direction), $($field,)+ site }
            }
        }

        impl Future for $name<'_> {
            type Output = io::Result<$output>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let Self { place, $($field,)+ site } = &mut *self;
                poll_operation(cx, site, |cx| place.poll_io(cx, |$socket, _| $operation))
            }
        }
    )+};
}

pub(super) use {impl_accept_deadline, impl_deadlines, impl_waiting, operations};

//! Connecting: one address after the other.

use super::addr::{Addrs, LookupHost};
use super::descriptors;
use super::os;
use super::stream::TcpStream;
use super::wait::poll_operation;
use crate::reactor::{Direction, Registered, WaitId};
use socket2::{Domain, Socket};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Future of [`TcpStream::connect`](super::TcpStream::connect).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Connect {
    state: State,
    /// Why the last address was no good.
    error: Option<io::Error>,
    site: &'static Location<'static>,
}

#[derive(Debug)]
enum State {
    Lookup(LookupHost),
    Next(Addrs),
    /// The socket is on its way to be connected. It is `None` only once it has been given away.
    Connecting(Option<Registered<std::net::TcpStream>>, Addrs),
}

impl Connect {
    pub(super) fn new(lookup: LookupHost, site: &'static Location<'static>) -> Self {
        Self { state: State::Lookup(lookup), error: None, site }
    }

    /// Connects a socket that was set up before.
    pub(super) fn of_socket(
        socket: Socket,
        addr: SocketAddr,
        site: &'static Location<'static>,
    ) -> Self {
        let (state, error) = match start_with(socket, addr) {
            Ok(socket) => (State::Connecting(Some(socket), Addrs::none()), None),
            Err(error) => (State::Next(Addrs::none()), Some(error)),
        };
        Self { state, error, site }
    }

    /// Starts connecting to the next address.
    fn start(&mut self, mut rest: Addrs) -> io::Result<()> {
        let Some(addr) = rest.next() else {
            return Err(self.error.take().unwrap_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "the name has no addresses")
            }));
        };
        self.state = match start(addr) {
            Ok(socket) => State::Connecting(Some(socket), rest),
            Err(error) => {
                self.error = Some(error);
                State::Next(rest)
            }
        };
        Ok(())
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            match &mut self.state {
                State::Lookup(lookup) => {
                    self.state = State::Next(ready!(Pin::new(lookup).poll(cx))?);
                }
                State::Next(rest) => {
                    let rest = rest.clone();
                    self.start(rest)?;
                }
                State::Connecting(socket, rest) => {
                    let io = socket.as_ref().expect("polled after it was ready");
                    // The only waiter there can be.
                    let id = &mut WaitId::poll();
                    ready!(io.poll_ready(Direction::Write, id, cx))?;
                    match io.get().take_error()? {
                        None => {
                            let io = socket.take().expect("seen above");
                            return Poll::Ready(Ok(TcpStream::new(io, self.site)));
                        }
                        Some(error) => {
                            self.state = State::Next(rest.clone());
                            self.error = Some(error);
                        }
                    }
                }
            }
        }
    }
}

/// Makes a socket and starts to connect it.
fn start(addr: SocketAddr) -> io::Result<Registered<std::net::TcpStream>> {
    start_with(os::stream_socket(Domain::for_address(addr)).map_err(descriptors::explain)?, addr)
}

/// Starts to connect a socket.
fn start_with(socket: Socket, addr: SocketAddr) -> io::Result<Registered<std::net::TcpStream>> {
    match socket.connect(&addr.into()) {
        Ok(()) => {}
        Err(e) if os::in_progress(&e) => {}
        Err(e) => return Err(e),
    }
    // Registered only now: a socket that is not even connecting counts as hung up.
    Registered::new_unready(socket.into(), super::driver())
}

impl Future for Connect {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let site = self.site;
        poll_operation(cx, site, |cx| self.poll_connect(cx))
    }
}

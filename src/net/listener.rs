//! Listening sockets.

use super::addr::{Addrs, LookupHost, ToSocketAddrs};
use super::descriptors::{self, Shortage};
use super::os;
use super::stream::TcpStream;
use super::wait::{Place, poll_operation};
use super::waiting::impl_accept_deadline;
use crate::reactor::{Direction, Registered, Timer, WaitId};
use futures_core::Stream;
use socket2::Domain;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// How many connections may wait to be accepted; the system allows less if it is set so.
const BACKLOG: i32 = 4096;

/// A socket that accepts connections.
///
/// # Go
///
/// `net.TCPListener`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use gort::net::{TcpListener, TcpStream};
///
/// gort::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, addr) = listener.accept().await?;
///     assert_eq!(addr, client.local_addr()?);
///     assert_eq!(server.peer_addr()?, addr);
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "Listener")]
pub struct TcpListener {
    io: Registered<net::TcpListener>,
    shortage: Shortage,
    site: &'static Location<'static>,
}

impl TcpListener {
    /// Listens on the first of the addresses of `addr` that can be listened on. Port 0 lets the
    /// system choose one; [`local_addr`](Self::local_addr) tells which.
    ///
    /// On unix a port may be used again at once after its last user has closed it (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// That of the last address: it is in use, not one of this machine's, or not permitted; if there
    /// is no address, `InvalidInput`. When the process has no descriptors left, the error says so
    /// ([`TooManyFiles`](super::TooManyFiles)).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Go
    ///
    /// `net.Listen("tcp", addr)`.
    #[doc(alias = "Listen")]
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> Bind {
        Bind { lookup: LookupHost::new(&addr), site: Location::caller() }
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// When the process (or the system) has no descriptors left for it, the error names the limit
    /// ([`TooManyFiles`](super::TooManyFiles)). The connection stays where it is, and the next
    /// `accept` gets it as soon as a descriptor is free: if that is not at once it pauses before it
    /// fails again, so that a loop which goes on after errors does not spin.
    ///
    /// A connection that was given up before it could be accepted is passed over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    ///
    /// # Go
    ///
    /// `Listener.Accept`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # gort::run(async {
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (server, from) = listener.accept().await?;
    /// assert_eq!(from, client.local_addr()?);
    /// # drop(server);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "Accept")]
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        let place = Place::new(&self.io, Direction::Read);
        Accept { listener: self, place, pause: None, site: Location::caller() }
    }

    /// Accepts a connection if there is one, otherwise arranges for the task of `cx` to be woken when
    /// there is. Only the last task to poll is woken.
    ///
    /// # Errors
    ///
    /// Those of [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let id = &mut WaitId::poll();
        let accepted = ready!(poll_operation(cx, self.site, |cx| {
            self.shortage.poll_kept(cx, self.io.driver(), |cx| {
                self.io.poll_io(Direction::Read, id, cx, |io, _| accept(io))
            })
        }));
        Poll::Ready(self.stream(accepted?, self.site))
    }

    fn stream(
        &self,
        (stream, addr): (net::TcpStream, SocketAddr),
        site: &'static Location<'static>,
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let io = Registered::new(stream, Arc::clone(self.io.driver()))?;
        Ok((TcpStream::new(io, site), addr))
    }

    /// All connections, one after the other; it never ends.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use futures::StreamExt;
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// gort::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let server = listener.incoming().next().await.unwrap()?;
    ///     assert_eq!(server.peer_addr()?, client.local_addr()?);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, accept: None, site: self.site }
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    #[doc(alias = "Addr")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// The `IP_TTL` of connections.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn ttl(&self) -> io::Result<u32> {
        self.std().ttl()
    }

    /// Sets the `IP_TTL` of connections.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.std().set_ttl(ttl)
    }

    /// The error that the socket has met with, if any; asking takes it away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    /// Takes over a listener of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to watch it.
    #[track_caller]
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        Self::new(listener, Location::caller())
    }

    fn new(listener: net::TcpListener, site: &'static Location<'static>) -> io::Result<Self> {
        let io = Registered::new(listener, super::driver())?;
        Ok(Self { io, shortage: Shortage::new(), site })
    }

    /// Gives it to the standard library. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// When the system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        self.io.into_inner()
    }

    pub(super) fn std(&self) -> &net::TcpListener {
        self.io.get()
    }
}

impl_accept_deadline!(TcpListener);

/// Accepts, passing over connections that were given up meanwhile.
fn accept(io: &net::TcpListener) -> io::Result<(net::TcpStream, SocketAddr)> {
    loop {
        match os::accept(io) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            other => return other,
        }
    }
}

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// See [`TcpListener::from_std`].
    fn try_from(listener: net::TcpListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// Future of [`TcpListener::bind`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Bind {
    lookup: LookupHost,
    site: &'static Location<'static>,
}

fn bind(addrs: Addrs, site: &'static Location<'static>) -> io::Result<TcpListener> {
    let mut error = None;
    for addr in addrs {
        match bind_one(addr) {
            Ok(listener) => return TcpListener::new(listener, site),
            Err(e) => error = Some(e),
        }
    }
    Err(error.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the name has no addresses")
    }))
}

fn bind_one(addr: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = os::stream_socket(Domain::for_address(addr)).map_err(descriptors::explain)?;
    // Elsewhere it would let two listeners share a port.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Future for Bind {
    type Output = io::Result<TcpListener>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addrs = ready!(Pin::new(&mut self.lookup).poll(cx))?;
        Poll::Ready(bind(addrs, self.site))
    }
}

/// Future of [`TcpListener::accept`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Accept<'a> {
    listener: &'a TcpListener,
    place: Place<'a, net::TcpListener>,
    pause: Option<Timer>,
    site: &'static Location<'static>,
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Accept { listener, place, pause, site } = &mut *self;
        let accepted = ready!(poll_operation(cx, site, |cx| {
            let driver = listener.io.driver();
            listener.shortage.poll(cx, pause, driver, |cx| place.poll_io(cx, |io, _| accept(io)))
        }));
        Poll::Ready(listener.stream(accepted?, site))
    }
}

/// Stream of [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    accept: Option<Accept<'a>>,
    site: &'static Location<'static>,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (listener, site) = (self.listener, self.site);
        let accept = self.accept.get_or_insert_with(|| {
            let place = Place::new(&listener.io, Direction::Read);
            Accept { listener, place, pause: None, site }
        });
        let result = ready!(Pin::new(accept).poll(cx));
        self.accept = None;
        Poll::Ready(Some(result.map(|(stream, _)| stream)))
    }
}

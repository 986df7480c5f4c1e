//! A small HTTP server for sites that a program serves itself, and bodies and answers that misbehave.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use gort::{
    Chan,
    compat::hyper::GortIo,
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::sleep,
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use socket2::{Domain, Socket, Type};

/// A free port of this machine.
const LOCALHOST: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Listens on a free loopback port.
pub(crate) async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(LOCALHOST).await?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

/// A port that refuses connections.
#[derive(Debug)]
pub(crate) struct Refusing {
    /// Bound and not listening, so that nobody else can take the port.
    _socket: Socket,
    addr: SocketAddr,
}

impl Refusing {
    pub(crate) fn open() -> io::Result<Refusing> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from(LOCALHOST).into())?;
        let addr = socket.local_addr()?.as_socket();
        Ok(Refusing { _socket: socket, addr: addr.ok_or(io::ErrorKind::AddrNotAvailable)? })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// The accept loop: a goroutine per connection, that has `answer` called for each request.
pub(crate) async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>, Saboteur) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<BoxBody>> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(gort::go(connection(stream, answer.clone()))),
            // Too few descriptors, mostly: connections wait in the backlog until one is free.
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// What a page does to its connection rather than on it.
#[derive(Debug, Clone, Copy)]
enum Sabotage {
    Reset,
    Garbage,
}

/// Ends a connection in the middle of a request.
#[derive(Debug, Clone)]
pub(crate) struct Saboteur(Chan<Sabotage>);

impl Saboteur {
    /// Resets the connection instead of answering.
    pub(crate) async fn reset(self) -> Response<BoxBody> {
        self.0.send(Sabotage::Reset).await;
        pending().await
    }

    /// Answers with something that is not HTTP.
    pub(crate) async fn garbage(self) -> Response<BoxBody> {
        self.0.send(Sabotage::Garbage).await;
        pending().await
    }
}

/// Serves one connection until its end or until a page sabotages it.
async fn connection<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>, Saboteur) -> F,
    F: Future<Output = Response<BoxBody>>,
{
    let sabotage = Chan::<Sabotage>::new(1);
    let service = service_fn(|request| {
        let response = answer(request, Saboteur(sabotage.clone()));
        async { Ok::<_, Infallible>(response.await) }
    });
    _ = stream.set_nodelay(true);
    let mut connection = http1::Builder::new().serve_connection(GortIo::new(stream), service);

    let sabotage = gort::select! {
        _ = &mut connection => return,
        s = sabotage.next() => s,
    };
    let mut stream = connection.into_parts().io.into_inner();
    match sabotage {
        Some(Sabotage::Garbage) => _ = stream.write_all(b"good morning\r\n\r\n").await,
        // Closing with a linger time of zero sends RST in place of FIN.
        _ => _ = stream.set_zero_linger(),
    }
}

// Bodies.

pub(crate) type BoxBody = UnsyncBoxBody<Bytes, io::Error>;

/// The bytes of every body that nobody reads.
static BYTES: [u8; 256 << 10] = [b'.'; 256 << 10];

/// The length of one piece of a body that is sent in pieces.
pub(crate) const PIECE: usize = 1 << 10;

/// A body that is there as a whole.
pub(crate) fn full(text: impl Into<Bytes>) -> BoxBody {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// So many bytes, up to 256 KiB.
pub(crate) fn fixed(bytes: usize) -> BoxBody {
    full(&BYTES[..bytes])
}

type Piece = io::Result<Frame<Bytes>>;

fn piece(bytes: usize) -> Piece {
    Ok(Frame::data(Bytes::from_static(&BYTES[..bytes])))
}

/// A body that a goroutine feeds through a channel, a piece every two milliseconds. When hyper drops the
/// body, because the client went away, the channel loses its receiver, `send` fails and the goroutine ends.
pub(crate) fn drip(pieces: usize) -> BoxBody {
    let (tx, rx) = gort::chan::<Piece>(0);
    gort::go(async move {
        for _ in 0..pieces {
            sleep(Duration::from_millis(2)).await;
            if tx.send(piece(PIECE)).await.is_err() {
                return;
            }
        }
    });
    StreamBody::new(rx.stream()).boxed_unsync()
}

/// A body without an end.
pub(crate) fn endless() -> BoxBody {
    let (tx, rx) = gort::chan::<Piece>(4);
    gort::go(async move { while tx.send(piece(64 << 10)).await.is_ok() {} });
    StreamBody::new(rx.stream()).boxed_unsync()
}

/// One piece of a body, then an error that makes hyper close the connection.
pub(crate) fn cut() -> BoxBody {
    let (tx, rx) = gort::chan::<Piece>(2);
    gort::go(async move {
        _ = tx.send(piece(PIECE)).await;
        _ = tx.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
    });
    StreamBody::new(rx.stream()).boxed_unsync()
}

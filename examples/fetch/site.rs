//! The embedded site: a small server with good, slow, failing and hostile pages, and the plan that
//! says what a client must make of each.

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
    Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    header::{CONNECTION, CONTENT_LENGTH},
    server::conn::http1,
    service::service_fn,
};
use socket2::{Domain, Socket, Type};

use crate::{args::Limits, client::Answer, failure::Kind};

/// How a page behaves.
#[derive(Debug, Clone, Copy)]
enum Page {
    /// Waits so many milliseconds and answers with so many bytes.
    Plain { status: u16, bytes: usize, after: u64 },
    /// Sends so many pieces of a kilobyte, two milliseconds apart.
    Drip { pieces: usize },
    /// Answers, and closes the connection.
    LastWord,
    /// Closes in the middle of the body.
    Cut,
    /// Resets the connection instead of answering.
    Reset,
    /// Answers with something that is not HTTP.
    Garbage,
    /// Never ends its body.
    Endless,
    /// Never answers.
    Hang,
    /// Is on a port where nobody listens.
    Refused,
}

const fn plain(status: u16, bytes: usize, after: u64) -> Page {
    Page::Plain { status, bytes, after }
}

/// Every page and its share of a thousand requests.
const PLAN: [(&str, usize, Page); 17] = [
    ("/note", 500, plain(200, 512, 0)),
    ("/article", 200, plain(200, 16 << 10, 0)),
    ("/picture", 40, plain(200, 256 << 10, 0)),
    ("/search", 100, plain(200, 2 << 10, 5)),
    ("/archive", 30, plain(200, 4 << 10, 40)),
    ("/ticker", 20, Page::Drip { pieces: 10 }),
    ("/farewell", 12, Page::LastWord),
    ("/moved", 20, plain(301, 0, 0)),
    ("/missing", 30, plain(404, 64, 0)),
    ("/broken", 20, plain(500, 64, 0)),
    ("/busy", 10, plain(503, 64, 1)),
    ("/cut", 6, Page::Cut),
    ("/reset", 6, Page::Reset),
    ("/garbage", 2, Page::Garbage),
    ("/endless", 1, Page::Endless),
    ("/hang", 1, Page::Hang),
    ("/refused", 2, Page::Refused),
];

/// What the plan says a request must bring.
pub(crate) type Expected = Result<Answer, Kind>;

/// The running site.
#[derive(Debug)]
pub(crate) struct Site {
    addr: SocketAddr,
    /// Bound and not listening: its port refuses connections and nobody else can take it.
    refusing: Socket,
}

impl Site {
    /// Opens the site on a free loopback port and serves it on goroutines of its own.
    pub(crate) async fn open() -> io::Result<Site> {
        let localhost = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(localhost).await?;
        let addr = listener.local_addr()?;
        let refusing = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        refusing.bind(&localhost.into())?;
        gort::go(accept(listener));
        Ok(Site { addr, refusing })
    }

    /// Every address of the site with what a client with these limits must make of it.
    ///
    /// Exact as long as no planned delay comes near the timeout.
    pub(crate) fn pages(&self, limits: &Limits) -> io::Result<Vec<(String, Expected)>> {
        let refusing = self.refusing.local_addr()?.as_socket().unwrap_or(self.addr);
        let page = |&(path, _, page): &(&str, usize, Page)| {
            let addr = if matches!(page, Page::Refused) { refusing } else { self.addr };
            (format!("http://{addr}{path}"), expected(page, limits))
        };
        Ok(PLAN.iter().map(page).collect())
    }

    /// Which page the `n`-th request asks for: each thousand requests take every page as often as
    /// its share says, well mixed.
    pub(crate) fn page_of(n: usize) -> usize {
        let mut rest = n.wrapping_mul(389) % 1000;
        let taken = |&(_, share, _): &(&str, usize, Page)| {
            let here = rest < share;
            rest = rest.wrapping_sub(share);
            here
        };
        PLAN.iter().position(taken).expect("the shares sum up to 1000")
    }
}

const _: () = {
    let (mut sum, mut i) = (0, 0);
    while i < PLAN.len() {
        sum += PLAN[i].1;
        i += 1;
    }
    assert!(sum == 1000, "shares are out of a thousand");
};

fn expected(page: Page, limits: &Limits) -> Expected {
    let answer = |status, bytes, after| {
        if Duration::from_millis(after) >= limits.timeout {
            Err(Kind::Timeout)
        } else if bytes as u64 > limits.max_body {
            Err(Kind::TooLong)
        } else {
            Ok(Answer { status, body: bytes as u64 })
        }
    };
    match page {
        Page::Plain { status, bytes, after } => answer(code(status), bytes, after),
        Page::Drip { pieces } => answer(StatusCode::OK, pieces * PIECE, 2 * pieces as u64),
        Page::LastWord => answer(StatusCode::OK, 64, 0),
        Page::Cut if PIECE as u64 * 2 > limits.max_body => Err(Kind::TooLong),
        Page::Cut => Err(Kind::Closed),
        Page::Reset => Err(Kind::Reset),
        Page::Garbage => Err(Kind::Garbage),
        Page::Endless => Err(Kind::TooLong),
        Page::Hang => Err(Kind::Timeout),
        Page::Refused => Err(Kind::Refused),
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("the plan has valid status codes")
}

/// The accept loop: a goroutine per connection.
async fn accept(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(gort::go(serve(stream))),
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

/// Serves one connection until its end or until a page sabotages it.
async fn serve(stream: TcpStream) {
    let sabotage = Chan::<Sabotage>::new(1);
    let service = service_fn(|request| answer(request, sabotage.clone()));
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

type BoxBody = UnsyncBoxBody<Bytes, io::Error>;

/// The bytes of every body.
static BYTES: [u8; 256 << 10] = [b'.'; 256 << 10];

/// The length of one piece of a streamed body.
const PIECE: usize = 1 << 10;

async fn answer(
    request: Request<Incoming>,
    sabotage: Chan<Sabotage>,
) -> Result<Response<BoxBody>, Infallible> {
    let page = PLAN.iter().find(|(path, ..)| *path == request.uri().path());
    let response = Response::builder();
    let response = match page.map_or(plain(404, 64, 0), |&(.., page)| page) {
        Page::Plain { status, bytes, after } => {
            if after > 0 {
                sleep(Duration::from_millis(after)).await;
            }
            response.status(status).body(fixed(bytes))
        }
        Page::LastWord => response.header(CONNECTION, "close").body(fixed(64)),
        Page::Drip { pieces } => response.body(drip(pieces)),
        Page::Cut => response.header(CONTENT_LENGTH, 2 * PIECE).body(cut()),
        Page::Endless => response.body(endless()),
        Page::Reset => {
            sabotage.send(Sabotage::Reset).await;
            pending().await
        }
        Page::Garbage => {
            sabotage.send(Sabotage::Garbage).await;
            pending().await
        }
        Page::Hang | Page::Refused => pending().await,
    };
    Ok(response.expect("the headers are valid"))
}

fn fixed(bytes: usize) -> BoxBody {
    Full::new(Bytes::from_static(&BYTES[..bytes])).map_err(|never| match never {}).boxed_unsync()
}

type Piece = io::Result<Frame<Bytes>>;

fn piece(bytes: usize) -> Piece {
    Ok(Frame::data(Bytes::from_static(&BYTES[..bytes])))
}

/// A body that a goroutine feeds through a channel. When hyper drops the body, because the client
/// went away, the channel loses its receiver, `send` fails and the goroutine ends.
fn drip(pieces: usize) -> BoxBody {
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

fn endless() -> BoxBody {
    let (tx, rx) = gort::chan::<Piece>(4);
    gort::go(async move { while tx.send(piece(64 << 10)).await.is_ok() {} });
    StreamBody::new(rx.stream()).boxed_unsync()
}

/// Half of the body, then an error that makes hyper close the connection.
fn cut() -> BoxBody {
    let (tx, rx) = gort::chan::<Piece>(2);
    gort::go(async move {
        _ = tx.send(piece(PIECE)).await;
        _ = tx.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
    });
    StreamBody::new(rx.stream()).boxed_unsync()
}

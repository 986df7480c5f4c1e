//! The program: a server with the well-behaved and the failing pages of examples/fetch, a client
//! with a pool of connections, a task for each request, results over a channel. Pages whose outcome
//! is a time-out are left out: they would measure the time-out.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};

use super::parts::{
    Io, Mutex, Places, Receiver, Sender, Stop, TcpListener, TcpStream, channel, recv, select,
    sleep, spawn, timeout,
};
use crate::Outcome;

const LIMIT: Duration = Duration::from_secs(10);
const PIECE: usize = 1 << 10;
static BYTES: [u8; 256 << 10] = [b'.'; 256 << 10];

/// How a page behaves.
#[derive(Clone, Copy)]
enum Page {
    /// Waits so many milliseconds and answers with so many bytes.
    Plain { status: u16, bytes: usize, after: u64 },
    /// Sends so many pieces of a kilobyte, two milliseconds apart.
    Drip { pieces: usize },
    /// Answers, and closes the connection.
    LastWord,
    /// Closes in the middle of the body.
    Cut,
}

const fn plain(status: u16, bytes: usize, after: u64) -> Page {
    Page::Plain { status, bytes, after }
}

/// Every page and its share of a thousand requests.
const PLAN: [(&str, usize, Page); 12] = [
    ("/note", 512, plain(200, 512, 0)),
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
];

/// Which page the `n`-th request asks for: each thousand takes every page as its share says.
fn page_of(n: usize) -> usize {
    let mut rest = n.wrapping_mul(389) % 1000;
    let taken = |&(_, share, _): &(&str, usize, Page)| {
        let here = rest < share;
        rest = rest.wrapping_sub(share);
        here
    };
    PLAN.iter().position(taken).expect("the shares sum up to 1000")
}

/// Status and length of the body, or `None` for a failure.
type Answer = Option<(u16, usize)>;

fn expected(page: Page) -> Answer {
    match page {
        Page::Plain { status, bytes, .. } => Some((status, bytes)),
        Page::Drip { pieces } => Some((200, pieces * PIECE)),
        Page::LastWord => Some((200, 64)),
        Page::Cut => None,
    }
}

// ---- the site

async fn open_site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            spawn(async move {
                let http = server::conn::http1::Builder::new();
                let _ = http.serve_connection(Io::new(stream), service_fn(answer)).await;
            });
        }
    });
    addr
}

type BoxBody = UnsyncBoxBody<Bytes, io::Error>;

async fn answer(request: Request<Incoming>) -> Result<Response<BoxBody>, Infallible> {
    let page = PLAN.iter().find(|(path, ..)| *path == request.uri().path());
    let response = Response::builder();
    let response = match page.map_or(plain(404, 64, 0), |&(.., page)| page) {
        Page::Plain { status, bytes, after } => {
            if after > 0 {
                sleep(Duration::from_millis(after)).await;
            }
            response.status(StatusCode::from_u16(status).unwrap()).body(fixed(bytes))
        }
        Page::LastWord => response.header(CONNECTION, "close").body(fixed(64)),
        Page::Drip { pieces } => response.body(drip(pieces)),
        Page::Cut => response.header(CONTENT_LENGTH, 2 * PIECE).body(cut()),
    };
    Ok(response.unwrap())
}

fn fixed(bytes: usize) -> BoxBody {
    Full::new(Bytes::from_static(&BYTES[..bytes])).map_err(|never| match never {}).boxed_unsync()
}

type Piece = io::Result<Frame<Bytes>>;

fn piece(bytes: usize) -> Piece {
    Ok(Frame::data(Bytes::from_static(&BYTES[..bytes])))
}

/// A body that comes through a channel.
fn streamed(rx: Receiver<Piece>) -> BoxBody {
    let next = |mut rx| async move { recv(&mut rx).await.map(|piece| (piece, rx)) };
    StreamBody::new(futures::stream::unfold(rx, next)).boxed_unsync()
}

fn drip(pieces: usize) -> BoxBody {
    let (tx, rx) = channel(1);
    spawn(async move {
        for _ in 0..pieces {
            sleep(Duration::from_millis(2)).await;
            if tx.send(piece(PIECE)).await.is_err() {
                return;
            }
        }
    });
    streamed(rx)
}

fn cut() -> BoxBody {
    let (tx, rx) = channel(2);
    spawn(async move {
        let _ = tx.send(piece(PIECE)).await;
        let _ = tx.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
    });
    streamed(rx)
}

// ---- the client

type Connection = client::conn::http1::SendRequest<Empty<Bytes>>;

struct Client {
    site: SocketAddr,
    idle: Mutex<HashMap<SocketAddr, Vec<Connection>>>,
}

impl Client {
    async fn get(&self, path: &str) -> Answer {
        timeout(LIMIT, self.exchange(path)).await.ok()?
    }

    async fn exchange(&self, path: &str) -> Answer {
        let idle = self.take().await;
        let connection = match idle {
            Some(connection) => connection,
            None => connect(self.site).await,
        };
        self.send(connection, path).await
    }

    async fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().await;
        let idle = idle.get_mut(&self.site)?;
        while let Some(connection) = idle.pop() {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    async fn send(&self, mut connection: Connection, path: &str) -> Answer {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert(HOST, "localhost".parse().unwrap());
        let response = connection.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.ok()?.data_ref().map_or(0, Bytes::len);
        }
        if connection.ready().await.is_ok() {
            self.idle.lock().await.entry(self.site).or_default().push(connection);
        }
        Some((status, length))
    }
}

async fn connect(site: SocketAddr) -> Connection {
    let stream = TcpStream::connect(site).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (connection, driver) = client::conn::http1::handshake(Io::new(stream)).await.unwrap();
    spawn(async move {
        let _ = driver.await;
    });
    connection
}

// ---- the whole

struct Done {
    right: bool,
    took: Duration,
}

/// Everything: a task for each request, at most `concurrency` at work, results over a channel.
pub(super) async fn fetch(requests: usize, concurrency: usize) -> Outcome {
    let client = Arc::new(Client { site: open_site().await, idle: Mutex::new(HashMap::new()) });
    // All at once they would overflow the listener's queue, and a retry takes a second.
    for _ in 0..concurrency {
        let connection = connect(client.site).await;
        client.idle.lock().await.entry(client.site).or_default().push(connection);
    }
    let start = Instant::now();
    let (places, stop) = (Places::new(concurrency), Stop::new());
    let (tx, mut rx) = channel::<Done>(concurrency);
    for n in 0..requests {
        spawn(request(n, client.clone(), places.clone(), stop.clone(), tx.clone()));
    }
    drop(tx);
    let mut right = 0;
    let mut latencies = Vec::with_capacity(requests);
    while let Some(done) = recv(&mut rx).await {
        right += usize::from(done.right);
        latencies.push(done.took);
    }
    let time = start.elapsed();
    latencies.sort();
    Outcome { right, time, latencies }
}

async fn request(n: usize, client: Arc<Client>, places: Places, stop: Stop, results: Sender<Done>) {
    select! {
        () = places.take() => {}
        () = stop.stopped() => return,
    }
    let start = Instant::now();
    let (path, _, page) = PLAN[page_of(n)];
    let fetch = Box::pin(client.get(path));
    let answer = select! {
        answer = fetch => answer,
        () = stop.stopped() => return,
    };
    places.give();
    let done = Done { right: answer == expected(page), took: start.elapsed() };
    let _ = results.send(done).await;
}

//! The embedded site: a small server with good, slow, failing and hostile pages, and the plan that
//! says what a client must make of each.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use gort::time::sleep;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, CONTENT_LENGTH},
};

use crate::{
    answer::Answer,
    common::{
        client::Limits,
        failure::Kind,
        server::{self, BoxBody, PIECE, Refusing, Saboteur, cut, drip, endless, fixed},
    },
};

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
    refusing: Refusing,
}

impl Site {
    /// Opens the site on a free loopback port and serves it on goroutines of its own.
    pub(crate) async fn open() -> io::Result<Site> {
        let (listener, addr) = server::listen().await?;
        gort::go(server::serve(listener, answer));
        Ok(Site { addr, refusing: Refusing::open()? })
    }

    /// Every address of the site with what a client with these limits must make of it.
    ///
    /// Exact as long as no planned delay comes near the timeout.
    pub(crate) fn pages(&self, limits: &Limits) -> Vec<(String, Expected)> {
        let page = |&(path, _, page): &(&str, usize, Page)| {
            let refused = matches!(page, Page::Refused);
            let addr = if refused { self.refusing.addr() } else { self.addr };
            (format!("http://{addr}{path}"), expected(page, limits))
        };
        PLAN.iter().map(page).collect()
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

async fn answer(request: Request<Incoming>, saboteur: Saboteur) -> Response<BoxBody> {
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
        Page::Reset => return saboteur.reset().await,
        Page::Garbage => return saboteur.garbage().await,
        Page::Hang | Page::Refused => pending().await,
    };
    response.expect("the headers are valid")
}

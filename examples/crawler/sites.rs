//! The embedded sites: five hosts on loopback ports, and the plan that says what a crawl must find there.
//!
//! The `library` is large and well kept, and has rules; the `museum` has everything that can go wrong and no
//! rules; of the `vault` nobody can learn the rules; at the `ruin` nobody answers. These four are the start
//! URLs. The library and the museum lead to a fifth host, `abroad`.

use std::{
    collections::HashMap,
    fmt::Display,
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
    http::response::Builder,
};

use crate::{
    REDIRECTS,
    common::{
        failure::Kind,
        server::{self, BoxBody, PIECE, Refusing, Saboteur, cut, endless, full},
    },
    plan::{Fate, Plan},
};

/// The shelves of the library, and the books on each.
const SHELVES: usize = 24;
const BOOKS: usize = 12;

/// The postcards abroad: so many visits at once that want to know the rules there.
const CARDS: usize = 20;

/// What the server does when it is asked for a page.
#[derive(Debug)]
enum Content {
    Answer {
        status: u16,
        /// The `Content-Type`.
        kind: Option<&'static str>,
        body: String,
    },
    /// A redirect.
    Moved { status: u16, to: String },
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
}

#[derive(Debug)]
struct Page {
    content: Content,
    /// How many links away from the start it is, and what becomes of it. `None`: no link leads there.
    planned: Option<(u32, Fate)>,
    /// How many requests there were.
    asked: AtomicU64,
}

#[derive(Debug)]
struct Host {
    name: &'static str,
    addr: SocketAddr,
    /// By path and query.
    pages: HashMap<String, Page>,
    /// Requests for pages that there are none of.
    strays: AtomicU64,
}

/// The running sites.
#[derive(Debug)]
pub(crate) struct Sites {
    hosts: Vec<Arc<Host>>,
    _ruin: Refusing,
}

impl Sites {
    /// Opens the sites on free loopback ports and serves them on goroutines of their own.
    pub(crate) async fn open() -> io::Result<Sites> {
        let (library, museum) = (server::listen().await?, server::listen().await?);
        let (vault, abroad) = (server::listen().await?, server::listen().await?);
        let ruin = Refusing::open()?;

        let host = |name, addr, pages: Pages| {
            Arc::new(Host { name, addr, pages: pages.0, strays: AtomicU64::new(0) })
        };
        let hosts = vec![
            host("library", library.1, self::library(museum.1, abroad.1)),
            host("museum", museum.1, self::museum(library.1, abroad.1)),
            host("vault", vault.1, self::vault()),
            host("ruin", ruin.addr(), self::ruin()),
            host("abroad", abroad.1, self::abroad(library.1)),
        ];
        let served = hosts.iter().filter(|host| host.name != "ruin");
        for (host, (listener, _)) in served.zip([library, museum, vault, abroad]) {
            let host = host.clone();
            gort::go(server::serve(listener, move |request, saboteur| {
                host.clone().answer(request, saboteur)
            }));
        }
        Ok(Sites { hosts, _ruin: ruin })
    }

    pub(crate) fn starts(&self) -> Vec<String> {
        let hosts = self.hosts.iter().filter(|host| host.name != "abroad");
        hosts.map(|host| format!("http://{}/", host.addr)).collect()
    }

    /// What a crawl must find that goes so deep, and perhaps abroad.
    pub(crate) fn plan(&self, depth: u32, any_host: bool) -> Plan {
        let hosts = self.hosts.iter().filter(|host| any_host || host.name != "abroad");
        let pages = hosts.flat_map(|host| {
            host.pages.iter().filter_map(|(path, page)| {
                let (depth, fate) = page.planned?;
                Some((format!("http://{}{path}", host.addr), depth, fate))
            })
        });
        Plan::new(pages.filter(|page| page.1 <= depth))
    }

    /// The name of a host in the plan.
    pub(crate) fn name(&self, authority: &str) -> Option<&'static str> {
        self.host(authority).map(|host| host.name)
    }

    /// How often a host was asked for its `robots.txt`.
    pub(crate) fn robots_asked(&self, authority: &str) -> Option<u64> {
        Some(self.host(authority)?.pages.get("/robots.txt")?.asked.load(Relaxed))
    }

    fn host(&self, authority: &str) -> Option<&Arc<Host>> {
        self.hosts.iter().find(|host| host.addr.to_string() == authority)
    }

    /// The lines to print about requests that should not have been made.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.hosts.iter().flat_map(|host| host.complaints()).collect()
    }
}

impl Host {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        saboteur: Saboteur,
    ) -> Response<BoxBody> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Some(page) = self.pages.get(path) else {
            self.strays.fetch_add(1, Relaxed);
            return finish(Response::builder().status(404).body(full("")));
        };
        page.asked.fetch_add(1, Relaxed);
        let html = || Response::builder().header(CONTENT_TYPE, HTML);
        finish(match &page.content {
            Content::Answer { status, kind, body } => {
                let response = Response::builder().status(*status);
                with_kind(response, *kind).body(full(body.clone()))
            }
            Content::Moved { status, to } => {
                Response::builder().status(*status).header(LOCATION, to).body(full("moved"))
            }
            Content::Cut => html().header(CONTENT_LENGTH, 2 * PIECE).body(cut()),
            Content::Endless => html().body(endless()),
            Content::Reset => return saboteur.reset().await,
            Content::Garbage => return saboteur.garbage().await,
            Content::Hang => pending().await,
        })
    }

    fn complaints(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, page) in &self.pages {
            let most = match page.planned {
                Some((_, Fate::Excluded)) => 0,
                // A client may try again when a connection that it has used before is lost.
                Some((_, Fate::Failed(_))) => continue,
                _ => 1,
            };
            let asked = page.asked.load(Relaxed);
            if asked > most {
                let url = format!("http://{}{path}", self.addr);
                lines.push(format!("{url}: asked for {asked} times, planned were {most}"));
            }
        }
        let strays = self.strays.load(Relaxed);
        if strays > 0 {
            lines.push(format!(
                "{}: asked {strays} times for pages that nothing leads to",
                self.addr
            ));
        }
        lines
    }
}

fn with_kind(response: Builder, kind: Option<&str>) -> Builder {
    match kind {
        Some(kind) => response.header(CONTENT_TYPE, kind),
        None => response,
    }
}

fn finish(response: hyper::http::Result<Response<BoxBody>>) -> Response<BoxBody> {
    response.expect("the headers are valid")
}

const HTML: &str = "text/html; charset=utf-8";

/// The pages of a host, as they are put together.
#[derive(Debug, Default)]
struct Pages(HashMap<String, Page>);

impl Pages {
    fn add(&mut self, path: &str, content: Content, planned: impl Into<Option<(u32, Fate)>>) {
        let (planned, asked) = (planned.into(), AtomicU64::new(0));
        let twice = self.0.insert(path.to_owned(), Page { content, planned, asked });
        assert!(twice.is_none(), "{path} is there twice");
    }

    /// A page that nothing leads to.
    fn hidden(&mut self, path: &str, status: u16, body: &str) {
        self.add(path, answer(status, Some("text/plain"), body), None);
    }

    /// An HTML page with these links, all of which lead to different addresses.
    fn links(&mut self, depth: u32, path: &str, links: impl IntoIterator<Item: Display>) {
        let anchors: Vec<_> =
            links.into_iter().map(|link| format!("<p><a href=\"{link}\">{link}</a>\n")).collect();
        self.html(depth, path, &anchors.concat(), anchors.len());
    }

    /// An HTML page that leads to so many addresses.
    fn html(&mut self, depth: u32, path: &str, body: &str, links: usize) {
        let body = format!("<!doctype html><title>{path}</title>\n{body}");
        let fate = Fate::Answer { status: 200, links };
        self.add(path, answer(200, Some(HTML), &body), (depth, fate));
    }

    /// A page whose links, if it has any, are not to be followed.
    fn leaf(&mut self, depth: u32, path: &str, status: u16, kind: Option<&'static str>) {
        let fate = Fate::Answer { status, links: 0 };
        self.add(path, answer(status, kind, "<a href=/stray>stray</a>"), (depth, fate));
    }

    fn moved(&mut self, depth: u32, path: &str, status: u16, to: impl Into<String>) {
        let content = Content::Moved { status, to: to.into() };
        self.add(path, content, (depth, Fate::Moved { status }));
    }

    fn excluded(&mut self, depth: u32, path: &str) {
        self.add(path, answer(200, Some(HTML), "secret"), (depth, Fate::Excluded));
    }

    fn fails(&mut self, depth: u32, path: &str, content: Content, kind: Kind) {
        self.add(path, content, (depth, Fate::Failed(kind)));
    }
}

fn answer(status: u16, kind: Option<&'static str>, body: &str) -> Content {
    Content::Answer { status, kind, body: body.to_owned() }
}

fn library(museum: SocketAddr, abroad: SocketAddr) -> Pages {
    let mut pages = Pages::default();
    pages.hidden(
        "/robots.txt",
        200,
        "# Rules of the library\n\
         User-agent: *\nDisallow: /\n\n\
         User-agent: Gort-Crawler\nUser-agent: another\n\
         Disallow: /staff/\nAllow: /staff/hours\nDisallow: /*.pdf$\n\n\
         Sitemap: /sitemap.xml\n",
    );
    let home = format!(
        "<base href=/>
        <a href=/catalogue>Catalogue</a> <a href='catalogue#new'>New</a> <A HREF=./x/../catalogue>All</A>
        <a href=about>About us</a> <a href=/moved>The old building</a>
        <a href=/staff/rota>Rota</a> <a href=/staff/hours>Hours</a>
        <a href=/annual.pdf>Report</a> <a href='/annual.pdf?page=2'>Page 2</a>
        <a href=http://{museum}>Museum</a> <a href=//{abroad}/>Abroad</a>
        <a href=https://{abroad}/>Safely abroad</a> <a href=mailto:desk@library.example>Mail</a>
        <a href=/visitors rel=nofollow>Visitors</a>
        <!-- <a href=/comment>Comment</a> --><script>'<a href=/script>Script</a>'</script>"
    );
    pages.html(0, "/", &home, 9);
    pages.links(1, "/about", ["/", "/catalogue", "about?lang=eo"]);
    pages.leaf(2, "/about?lang=eo", 200, Some("text/plain"));
    pages.moved(1, "/moved", 301, "new-home");
    pages.links(1, "/new-home", ["/"]);
    pages.excluded(1, "/staff/rota");
    pages.links(1, "/staff/hours", ["/", "rota"]);
    pages.excluded(1, "/annual.pdf");
    pages.leaf(1, "/annual.pdf?page=2", 200, Some("application/pdf"));

    pages.links(1, "/catalogue", (0..SHELVES).map(|n| format!("shelf/{n}")));
    for shelf in 0..SHELVES {
        let books = (0..BOOKS).map(|n| format!("/book/{}", shelf * BOOKS + n));
        let others = [format!("{}", (shelf + 1) % SHELVES), "../catalogue".to_owned()];
        pages.links(2, &format!("/shelf/{shelf}"), books.chain(others));
    }
    let last = SHELVES * BOOKS - 1;
    for book in 0..last {
        let links = [format!("/shelf/{}", book / BOOKS), format!("{}", book + 1)];
        pages.links(3, &format!("/book/{book}"), links);
    }
    pages.links(3, &format!("/book/{last}"), ["/book/0", "/colophon"]);
    pages.links(4, "/colophon", ["/appendix"]);
    pages.links(5, "/appendix", ["/errata"]);
    pages.links(6, "/errata", ["/"]);
    pages
}

fn museum(library: SocketAddr, abroad: SocketAddr) -> Pages {
    let mut pages = Pages::default();
    pages.hidden("/robots.txt", 404, "no rules here");
    let rooms = ["painting.png", "untyped", "missing", "gone", "broken", "cut", "reset", "garbage"];
    let more = ["endless", "hang", "loop/a", "chain/0", "nowhere", "elsewhere", "gallery", "café"];
    let outside = [format!("http://{library}/"), format!("http://{library}/about")];
    let cards = (0..CARDS).map(|n| format!("http://{abroad}/card/{n}"));
    let links = rooms.into_iter().chain(more).map(String::from).chain(outside).chain(cards);
    pages.links(0, "/", links);

    pages.leaf(1, "/painting.png", 200, Some("image/png"));
    pages.leaf(1, "/untyped", 200, None);
    pages.leaf(1, "/missing", 404, Some(HTML));
    pages.leaf(1, "/gone", 410, Some(HTML));
    pages.leaf(1, "/broken", 500, Some(HTML));
    pages.fails(1, "/cut", Content::Cut, Kind::Closed);
    pages.fails(1, "/reset", Content::Reset, Kind::Reset);
    pages.fails(1, "/garbage", Content::Garbage, Kind::Garbage);
    pages.fails(1, "/endless", Content::Endless, Kind::TooLong);
    pages.fails(1, "/hang", Content::Hang, Kind::Timeout);
    pages.moved(1, "/loop/a", 302, "b");
    pages.moved(1, "/loop/b", 302, "a");
    for n in 0..REDIRECTS {
        pages.moved(1, &format!("/chain/{n}"), 307, format!("{}", n + 1));
    }
    let end = Content::Moved { status: 308, to: format!("{}", REDIRECTS + 1) };
    pages.fails(1, &format!("/chain/{REDIRECTS}"), end, Kind::Redirects);
    pages.leaf(1, "/nowhere", 302, Some(HTML));
    pages.moved(1, "/elsewhere", 302, format!("http://{abroad}/borrowed"));
    pages.links(1, "/caf%C3%A9", ["/caf%C3%A9", "menu"]);
    pages.links(2, "/menu", ["caf%c3%a9"]);
    pages.html(1, "/gallery", "<base href=/rooms/><a href=1>1</a><map><area href=2></map>", 2);
    pages.links(2, "/rooms/1", ["2", "/gallery"]);
    let room = answer(200, Some("application/xhtml+xml"), "<p><a href='/gallery'>back</a></p>");
    pages.add("/rooms/2", room, (2, Fate::Answer { status: 200, links: 1 }));
    pages
}

fn vault() -> Pages {
    let mut pages = Pages::default();
    pages.hidden("/robots.txt", 503, "come back later");
    pages.excluded(0, "/");
    pages
}

fn ruin() -> Pages {
    let mut pages = Pages::default();
    pages.fails(0, "/", Content::Hang, Kind::Refused);
    pages
}

fn abroad(library: SocketAddr) -> Pages {
    let mut pages = Pages::default();
    pages.add("/robots.txt", Content::Moved { status: 301, to: "/rules".to_owned() }, None);
    pages.hidden("/rules", 200, "User-agent: *\nCrawl-delay: 0.002\nDisallow: /customs");
    pages.links(1, "/", ["/town".to_owned(), "/customs".to_owned(), format!("http://{library}/")]);
    pages.links(2, "/town", ["/"]);
    pages.excluded(2, "/customs");
    pages.links(1, "/borrowed", ["/"]);
    for card in 0..CARDS {
        pages.links(1, &format!("/card/{card}"), ["/"]);
    }
    pages
}

//! `examples/crawler`, run as the program it is: pages, lines and exit statuses, on its own sites and on a
//! server of this test. The parts of it that need no network have their tests beside them, which run here.

#![cfg(unix)]

mod example;

#[path = "../examples/crawler/frontier.rs"]
mod frontier;
#[path = "../examples/crawler/links.rs"]
mod links;
#[path = "../examples/crawler/pace.rs"]
mod pace;
#[path = "../examples/crawler/robots.rs"]
mod robots;

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    sync::{Arc, LazyLock, Mutex, mpsc},
    thread,
};

use example::run;
use serde_json::{Value, json};

fn crawler(args: &[&str]) -> Command {
    let mut command = example::example("crawler");
    command.args(args).stdin(Stdio::null());
    command
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("not JSON: {e}\n{text}"))
}

/// The summary of a crawl in which all was as planned. The page that hangs takes as long as the timeout, which
/// is for a busy machine.
fn summary(args: &[&str]) -> Value {
    let (code, out, errors) = run(crawler(&[&["--json", "--timeout", "5s"], args].concat()));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let summary = parse(&out);
    assert_eq!((&summary["planned"], &summary["surprises"]), (&json!(true), &json!(0)));
    summary
}

// Its own sites.

/// A crawl of all there is on the start hosts.
static WHOLE: LazyLock<Value> = LazyLock::new(|| summary(&["--depth", "9"]));

/// A crawl of all there is, with as much at a time as possible.
static ABROAD: LazyLock<Value> =
    LazyLock::new(|| summary(&["--depth", "9", "--any-host", "--limit", "64", "--delay", "0"]));

/// The hosts of its own sites by their addresses.
struct Names(HashMap<String, String>);

impl Names {
    fn of(summary: &Value) -> Names {
        let hosts = summary["hosts"].as_array().expect("hosts");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Names(hosts.iter().map(|host| (text(&host["host"]), text(&host["name"]))).collect())
    }

    /// `http://127.0.0.1:40123/shelf/1` as `library/shelf/1`.
    fn short(&self, url: &Value) -> String {
        let url = url.as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
        let (host, path) = url.split_once('/').expect("a path");
        format!("{}/{path}", self.0.get(host).map_or("?", |name| name))
    }
}

/// What became of each page: its depth, and in short what the summary says.
fn pages(summary: &Value) -> BTreeMap<String, (u64, String)> {
    let names = Names::of(summary);
    let page = |page: &Value| {
        let status = &page["status"];
        let fate = if let Some(error) = page["error"].as_str() {
            error.to_owned()
        } else if page["excluded"] == true {
            "excluded".to_owned()
        } else if page["moved_to"].is_string() {
            format!("{status} -> {}", names.short(&page["moved_to"]))
        } else {
            format!("{status} {}", page["links"])
        };
        (names.short(&page["url"]), (page["depth"].as_u64().expect("a depth"), fate))
    };
    summary["pages"].as_array().expect("pages").iter().map(page).collect()
}

/// What must become of each page, by the sites' description and not by the program's own plan; the numbers
/// are of links that are followed.
fn expected() -> BTreeMap<String, (u64, String)> {
    let mut pages: Vec<(u64, String, String)> = Vec::new();
    let mut add = |depth, page: &str, fate: &str| {
        pages.push((depth, page.to_owned(), fate.to_owned()));
    };
    for (depth, page, fate) in [
        (0, "library/", "200 8"),
        (1, "library/about", "200 3"),
        (2, "library/about?lang=eo", "200 null"),
        (1, "library/moved", "301 -> library/new-home"),
        (1, "library/new-home", "200 1"),
        (1, "library/staff/rota", "excluded"),
        (1, "library/staff/hours", "200 2"),
        (1, "library/annual.pdf", "excluded"),
        (1, "library/annual.pdf?page=2", "200 null"),
        (1, "library/catalogue", "200 24"),
        (4, "library/colophon", "200 1"),
        (5, "library/appendix", "200 1"),
        (6, "library/errata", "200 1"),
        (0, "museum/", "200 18"),
        (1, "museum/painting.png", "200 null"),
        (1, "museum/untyped", "200 null"),
        (1, "museum/missing", "404 null"),
        (1, "museum/gone", "410 null"),
        (1, "museum/broken", "500 null"),
        (1, "museum/cut", "closed early"),
        (1, "museum/reset", "reset"),
        (1, "museum/garbage", "not HTTP"),
        (1, "museum/endless", "too long"),
        (1, "museum/hang", "timeout"),
        (1, "museum/loop/a", "302 -> museum/loop/b"),
        (1, "museum/loop/b", "302 -> museum/loop/a"),
        (1, "museum/chain/0", "307 -> museum/chain/1"),
        (1, "museum/chain/1", "307 -> museum/chain/2"),
        (1, "museum/chain/2", "307 -> museum/chain/3"),
        (1, "museum/chain/3", "307 -> museum/chain/4"),
        (1, "museum/chain/4", "307 -> museum/chain/5"),
        (1, "museum/chain/5", "redirects"),
        (1, "museum/nowhere", "302 null"),
        (1, "museum/elsewhere", "302 -> ?/borrowed"),
        (1, "museum/caf%C3%A9", "200 2"),
        (2, "museum/menu", "200 1"),
        (1, "museum/gallery", "200 2"),
        (2, "museum/rooms/1", "200 2"),
        (2, "museum/rooms/2", "200 1"),
        (0, "vault/", "excluded"),
        (0, "ruin/", "refused"),
    ] {
        add(depth, page, fate);
    }
    for shelf in 0..24 {
        add(2, &format!("library/shelf/{shelf}"), "200 14");
    }
    for book in 0..288 {
        add(3, &format!("library/book/{book}"), "200 2");
    }
    pages.into_iter().map(|(depth, page, fate)| (page, (depth, fate))).collect()
}

/// The same with the host abroad.
fn expected_abroad() -> BTreeMap<String, (u64, String)> {
    let mut pages = expected();
    let mut set = |page: &str, depth, fate: &str| {
        pages.insert(page.to_owned(), (depth, fate.to_owned()));
    };
    set("library/", 0, "200 9");
    set("museum/", 0, "200 38");
    set("museum/elsewhere", 1, "302 -> abroad/borrowed");
    set("abroad/", 1, "200 3");
    set("abroad/borrowed", 1, "200 1");
    set("abroad/town", 2, "200 1");
    set("abroad/customs", 2, "excluded");
    for card in 0..20 {
        set(&format!("abroad/card/{card}"), 1, "200 1");
    }
    pages
}

#[track_caller]
fn assert_pages(
    found: &BTreeMap<String, (u64, String)>,
    expected: &BTreeMap<String, (u64, String)>,
) {
    for (page, fate) in expected {
        assert_eq!(found.get(page), Some(fate), "{page}");
    }
    let more: Vec<_> = found.keys().filter(|page| !expected.contains_key(*page)).collect();
    assert!(more.is_empty(), "{more:?}");
}

/// A figure of each host by its name.
fn by_host(summary: &Value, figure: &str) -> Value {
    let hosts = summary["hosts"].as_array().expect("hosts").iter();
    hosts
        .map(|host| (host["name"].as_str().expect("a name").to_owned(), host[figure].clone()))
        .collect()
}

#[test]
fn own_sites_come_page_for_page() {
    let summary = &*WHOLE;
    assert_pages(&pages(summary), &expected());
    assert_eq!((&summary["left"], &summary["left_for"]), (&json!(0), &json!("nothing")));
    assert_eq!(summary["known"], 353);
    assert_eq!(summary["visited"], 350);
    assert_eq!(summary["excluded"], 3);
    assert_eq!(
        summary["status"],
        json!({ "1xx": 0, "2xx": 330, "3xx": 10, "4xx": 2, "5xx": 1, "other": 0 })
    );
    assert_eq!(
        summary["errors"],
        json!({
            "refused": 1, "timeout": 1, "reset": 1, "closed early": 1, "not HTTP": 1, "too long": 1,
            "redirects": 1
        })
    );
    assert_eq!(summary["skipped"]["other_hosts"], 22);
    assert_eq!(
        (&summary["skipped"]["https"], &summary["skipped"]["other_schemes"]),
        (&json!(1), &json!(1))
    );
    let visited = json!({ "library": 323, "museum": 26, "ruin": 1, "vault": 0 });
    assert_eq!(by_host(summary, "visited"), visited);
    assert_eq!(
        by_host(summary, "excluded"),
        json!({ "library": 2, "museum": 0, "ruin": 0, "vault": 1 })
    );
}

/// Starts, links that lead to a page, and redirects that do, are either the first to make it known or
/// duplicates.
#[test]
fn every_link_is_a_page_or_a_duplicate() {
    let summary = &*WHOLE;
    let pages = summary["pages"].as_array().expect("pages");
    let links: u64 = pages.iter().filter_map(|page| page["links"].as_u64()).sum();
    // That of `museum/elsewhere` leads outside.
    let moved = pages.iter().filter(|page| page["moved_to"].is_string()).count() as u64 - 1;
    let known = summary["known"].as_u64().expect("a count");
    assert_eq!(summary["skipped"]["duplicates"], 4 + links + moved - known);
}

#[test]
fn other_hosts_are_visited_when_asked_for() {
    assert_pages(&pages(&ABROAD), &expected_abroad());
    assert_eq!(ABROAD["skipped"]["other_hosts"], 0);
}

#[test]
fn few_descriptors_make_fewer_pages_at_a_time() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 32; exec \"$0\" \"$@\""]).arg(crawler(&[]).get_program());
    shell.args(["--json", "--timeout", "5s", "--depth", "9", "--any-host", "--delay", "0"]);
    let (code, out, errors) = run(shell);
    let line =
        "crawler: 32 file descriptors (`ulimit -n`) are enough for 2 pages at a time, not 16";
    assert_eq!((code, &errors[..]), (Some(0), &[line.to_owned()][..]), "{out}");
    assert_pages(&pages(&parse(&out)), &expected_abroad());
}

#[test]
fn every_host_is_asked_for_its_rules_once() {
    // Twenty-two visits of the same round want to know those of the host abroad.
    let asked = json!({ "library": 1, "museum": 1, "vault": 1, "abroad": 1, "ruin": null });
    assert_eq!(by_host(&ABROAD, "robots_asked"), asked);
}

#[test]
fn dead_links_are_listed_with_the_pages_that_have_them() {
    let names = Names::of(&WHOLE);
    let dead = WHOLE["dead"].as_array().expect("a list").iter().map(|dead| {
        let on = dead["on"].as_array().expect("a list").iter().map(|url| names.short(url));
        (names.short(&dead["url"]), on.collect::<Vec<_>>().join(" "))
    });
    let dead: BTreeMap<_, _> = dead.collect();
    let mut expected: BTreeMap<_, _> =
        ["missing", "gone", "broken", "cut", "reset", "garbage", "endless", "hang"]
            .into_iter()
            .map(|page| (format!("museum/{page}"), "museum/".to_owned()))
            .collect();
    expected.insert("museum/chain/5".to_owned(), "museum/chain/4".to_owned());
    expected.insert("ruin/".to_owned(), String::new());
    assert_eq!(dead, expected);
}

#[test]
fn depth_ends_the_crawl() {
    let summary = summary(&["--depth", "1"]);
    let mut expected = expected();
    expected.retain(|_, (depth, _)| *depth <= 1);
    assert_pages(&pages(&summary), &expected);
    // The shelves, `about?lang=eo`, `menu` and two rooms.
    assert_eq!((&summary["left"], &summary["left_for"]), (&json!(28), &json!("depth")));
}

#[test]
fn starts_alone_are_depth_zero() {
    let summary = summary(&["--depth", "0"]);
    let found: Vec<_> = pages(&summary).into_keys().collect();
    assert_eq!(found, ["library/", "museum/", "ruin/", "vault/"]);
}

#[test]
fn no_more_pages_are_asked_for_than_may_be() {
    for pages in [1, 7, 12] {
        let summary = summary(&["--max-pages", &pages.to_string()]);
        // The host that cannot be asked for its rules costs no page.
        let refused = summary["errors"]["refused"].as_u64().unwrap_or(0);
        assert_eq!(summary["visited"], pages + refused);
        assert_eq!(summary["left_for"], "max-pages");
        let excluded = summary["excluded"].as_u64().expect("a count");
        let known = summary["known"].as_u64().expect("a count");
        assert_eq!(summary["left"], known - pages - refused - excluded);
    }
}

#[test]
fn deadline_cuts_off_what_hangs_and_leaves_a_summary() {
    let args = ["--json", "--timeout", "10m", "--deadline", "1s", "--depth", "9"];
    let (code, out, errors) = run(crawler(&args));
    assert_eq!((code, &errors[..]), (Some(1), &[][..]), "{out}");
    let summary = parse(&out);
    assert_eq!((&summary["left_for"], &summary["surprises"]), (&json!("deadline"), &json!(0)));
    assert!(summary["left"].as_u64().expect("a count") > 0, "{out}");
    assert_eq!(summary["errors"]["timeout"], Value::Null, "the page that hangs was not waited for");
    assert!(!pages(&summary).contains_key("museum/hang"));
}

#[test]
fn table_and_lines_of_pages() {
    let (code, out, errors) = run(crawler(&["--pages", "--depth", "1", "--timeout", "5s"]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let at = out.find("pages       ").expect("a table");
    let (lines, table) = out.split_at(at);
    let all = expected().into_values().filter(|(depth, _)| *depth <= 1).count();
    assert_eq!(lines.lines().count(), all, "{lines}");
    let line = |tail: &str| assert!(lines.lines().any(|l| l.contains(tail)), "{tail}: {lines}");
    line("/catalogue  24 links");
    line("/moved  -> http://");
    line("/annual.pdf  excluded by robots.txt");
    line("/annual.pdf?page=2  no HTML");
    line("/endless  the body is over 2097152 bytes (--max-body)");
    assert!(lines.lines().any(|line| line.starts_with("404  1 http://")), "{lines}");
    assert!(lines.lines().any(|line| line.starts_with("---  0 http://")), "{lines}");

    let names = table.lines().take_while(|line| !line.is_empty());
    let names: Vec<_> = names.map(|line| line.split(' ').next().unwrap_or_default()).collect();
    let expected = [
        "pages",
        "status",
        "errors",
        "excluded",
        "skipped",
        "left",
        "plan",
        "size",
        "time",
        "goroutines",
    ];
    assert_eq!(names, expected);
    assert!(table.contains("\nleft        28 beyond --depth 1\n"), "{table}");
    assert!(table.contains("\nplan        all as planned\n"), "{table}");
    assert!(table.contains("(museum)  "), "{table}");
    assert!(table.contains("/missing: 404\n    on http://"), "{table}");
}

// A server of the test.

/// Serves the pages it is given on threads, and `/silent`, which is never answered.
struct Server {
    addr: SocketAddr,
    /// The path and the `User-Agent` of each request.
    asked: Arc<Mutex<Vec<(String, String)>>>,
    /// Gets a message for each request to `/silent`.
    silent: mpsc::Receiver<()>,
}

/// Paths and answers.
type Pages = HashMap<&'static str, String>;

impl Server {
    fn start(pages: impl IntoIterator<Item = (&'static str, String)>) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let (asked, pages) =
            (Arc::<Mutex<Vec<_>>>::default(), Arc::new(pages.into_iter().collect()));
        let (tx, silent) = mpsc::channel();
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (pages, log, tx) = (Arc::clone(&pages), log.clone(), tx.clone());
                thread::spawn(move || serve(stream, &pages, &log, &tx));
            }
        });
        Server { addr, asked, silent }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The paths that were asked for, in order of the alphabet.
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("no panic under the lock");
        let mut paths: Vec<_> = asked.iter().map(|(path, _)| path.clone()).collect();
        paths.sort();
        paths
    }
}

/// Answers requests until the client has had enough.
fn serve(
    mut stream: TcpStream,
    pages: &Pages,
    asked: &Mutex<Vec<(String, String)>>,
    silent: &mpsc::Sender<()>,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        let path = request.split(' ').nth(1)?.to_owned();
        let mut agent = String::new();
        loop {
            let line = lines.next()?.ok()?;
            if line.is_empty() {
                break;
            }
            if let Some(name) = line.strip_prefix("user-agent: ") {
                agent = name.to_owned();
            }
        }
        asked.lock().expect("no panic under the lock").push((path.clone(), agent));
        if path == "/silent" {
            silent.send(()).ok()?;
            continue;
        }
        let nothing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(pages.get(path.as_str()).map_or(nothing, |page| page).as_bytes()).ok()?;
    }
}

/// An answer of this `Content-Type`.
fn answer(kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The answer for a page with these links.
fn html(links: &[&str]) -> String {
    let anchors = links.iter().map(|link| format!("<a href='{link}'>{link}</a>"));
    answer("text/html", &anchors.collect::<String>())
}

fn moved(to: &str) -> String {
    format!("HTTP/1.1 301 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn rules_are_asked_for_once_however_many_want_them() {
    let server = Server::start([]);
    let urls: Vec<_> = (0..40).map(|n| server.url(&format!("/{n}"))).collect();
    let mut command = crawler(&["--json", "--limit", "40", "--delay", "0"]);
    command.args(&urls);
    let (code, out, errors) = run(command);
    // Nobody promised that the pages are there, so their absence is nobody's failure.
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    assert_eq!(parse(&out)["status"]["4xx"], 40);
    let asked = server.asked();
    assert_eq!(asked.iter().filter(|path| *path == "/robots.txt").count(), 1, "{asked:?}");
    assert_eq!(asked.len(), 41, "{asked:?}");
    let agents =
        server.asked.lock().unwrap().iter().map(|(_, agent)| agent.clone()).collect::<Vec<_>>();
    assert!(agents.iter().all(|agent| agent.starts_with("gort-crawler/")), "{agents:?}");
}

#[test]
fn given_site_is_crawled_and_other_hosts_are_not() {
    let other = Server::start([("/", html(&[]))]);
    let away = other.url("/");
    let server = Server::start([
        ("/", html(&["a", "b?x=1&y=2#z", &away, "/"])),
        ("/a", html(&["/", "deep/"])),
        ("/b?x=1&y=2", html(&["missing"])),
        ("/deep/", html(&["../a"])),
        ("/robots.txt", answer("text/plain", "User-agent: *\nDisallow: /deep/\n")),
    ]);
    let (code, out, errors) = run(crawler(&["--json", "--delay", "0", &server.url("/")]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    assert_eq!(server.asked(), ["/", "/a", "/b?x=1&y=2", "/missing", "/robots.txt"]);
    assert_eq!(other.asked(), [""; 0]);
    let summary = parse(&out);
    assert_eq!((&summary["visited"], &summary["excluded"]), (&json!(4), &json!(1)));
    assert_eq!(
        summary["dead"],
        json!([{ "url": server.url("/missing"), "why": "404", "on": [server.url("/b?x=1&y=2")] }])
    );

    let (code, ..) = run(crawler(&["--any-host", "--delay", "0", &server.url("/")]));
    assert_eq!(code, Some(0));
    assert_eq!(other.asked(), ["/", "/robots.txt"]);
}

#[test]
fn page_with_two_addresses_is_visited_once() {
    let server = Server::start([
        ("/", html(&["/old", "/page", "/old#again", "/./page"])),
        ("/old", moved("/new")),
        ("/page", html(&["/new", "/"])),
        ("/new", html(&["/page", "/old"])),
    ]);
    let (code, out, _) = run(crawler(&["--json", "--delay", "0", &server.url("/")]));
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(server.asked(), ["/", "/new", "/old", "/page", "/robots.txt"]);
    let pages = parse(&out)["pages"].clone();
    // By the redirect it is as near as the old one, by the link a step further.
    assert_eq!((&pages[1]["url"], &pages[1]["depth"]), (&json!(server.url("/new")), &json!(1)));
}

/// The deadline comes long before the second turn of a host whose turns are an hour apart.
#[test]
fn no_host_is_asked_before_its_turn() {
    let rules = answer("text/plain", "User-agent: *\nCrawl-delay: 3600\n");
    for (delay, rules) in [("60m", answer("text/plain", "")), ("0", rules)] {
        let server = Server::start([("/", html(&[])), ("/robots.txt", rules)]);
        let args = ["--json", "--deadline", "3s", "--delay", delay, &server.url("/")];
        let (code, out, errors) = run(crawler(&args));
        assert_eq!((code, &errors[..]), (Some(1), &[][..]), "{out}");
        let summary = parse(&out);
        assert_eq!((&summary["visited"], &summary["left"]), (&json!(0), &json!(1)));
        let asked = server.asked();
        assert!(asked.iter().all(|path| path == "/robots.txt"), "{asked:?}");
    }
}

#[test]
fn start_may_have_a_query_and_no_path() {
    let server = Server::start([("/?x=1", html(&[]))]);
    let (code, out, errors) = run(crawler(&["--json", "--delay", "0", &server.url("?x=1")]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    assert_eq!(server.asked(), ["/?x=1", "/robots.txt"]);
}

#[test]
fn status_of_no_class_is_counted_apart() {
    let odd = "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n".to_owned();
    let server = Server::start([("/", odd)]);
    let (code, out, errors) = run(crawler(&["--json", "--delay", "0", &server.url("/")]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let status = &parse(&out)["status"];
    assert_eq!((&status["5xx"], &status["other"]), (&json!(0), &json!(1)));
}

/// The paths that are asked for of a site with `/open` and `/secret`, when its rules come so.
fn asked_under(rules: String) -> Vec<String> {
    let server = Server::start([("/", html(&["/open", "/secret"])), ("/robots.txt", rules)]);
    let args = ["--json", "--delay", "0", "--max-body", "4KiB", &server.url("/")];
    let (code, out, errors) = run(crawler(&args));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    server.asked()
}

#[test]
fn rules_may_be_longer_than_pages() {
    let rules = format!("User-agent: *\n#{}\nDisallow: /secret\n", "x".repeat(8 << 10));
    assert_eq!(asked_under(answer("text/plain", &rules)), ["/", "/open", "/robots.txt"]);
}

#[test]
fn of_a_very_long_file_of_rules_the_whole_lines_at_its_beginning_count() {
    const LIMIT: usize = 500 << 10;
    let (first, half) = ("User-agent: *\nDisallow: /secret\n#", "\nAllow: /secret");
    // What is behind the limit makes the last rule another one.
    let filler = "x".repeat(LIMIT - first.len() - half.len());
    let rules = format!("{first}{filler}{half}ary\n#{}", "x".repeat(LIMIT));
    // Its length comes first, or nobody knows it.
    for answer in [answer("text/plain", &rules), format!("HTTP/1.1 200 OK\r\n\r\n{rules}")] {
        assert_eq!(asked_under(answer), ["/", "/open", "/robots.txt"]);
    }
}

#[test]
fn where_no_rule_can_be_read_nothing_is_asked_for() {
    assert_eq!(asked_under(answer("text/plain", &"x".repeat(1 << 20))), ["/robots.txt"]);
}

// Everything that goes wrong: a line each, and the rest goes on.

#[test]
fn each_failure_is_one_line_and_the_rest_goes_on() {
    let server = Server::start([
        ("/", html(&["/page"])),
        ("/page", html(&[])),
        ("/away", moved("http://other.invalid/")),
        ("/safe", moved("https://other.invalid/")),
        ("/long", html(&[&"x".repeat(5000)])),
    ]);
    // Bound and not listening: nobody else can take the port, and it refuses.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let refused = format!("http://{}/", socket.local_addr().unwrap().as_socket().unwrap());
    let (ok, away, safe, long) =
        (server.url("/"), server.url("/away"), server.url("/safe"), server.url("/long"));
    let urls = [
        "gopher://host/",
        "host",
        "http://host:99999/",
        "http://[::1/",
        "https://localhost/",
        &refused,
        &away,
        &safe,
        &long,
        &ok,
    ];
    let mut args = vec!["--json", "--max-body", "4KiB", "--timeout", "10m", "--delay", "0"];
    args.extend(urls);
    let (code, out, mut errors) = run(crawler(&args));
    assert_eq!(code, Some(1), "{errors:#?}");
    let summary = parse(&out);
    assert_eq!((&summary["visited"], &summary["status"]["2xx"]), (&json!(11), &json!(2)));
    assert_eq!((&summary["left"], &summary["surprises"]), (&json!(0), &json!(9)));
    assert_eq!(
        summary["errors"],
        json!({ "bad URL": 4, "https": 2, "refused": 1, "too long": 1, "redirects": 1 })
    );

    errors.sort();
    let mut expected = [
        "gopher://host/: not a valid URL: gopher is not http".to_owned(),
        "host: not a valid URL: it does not start with http://".to_owned(),
        "http://host:99999/: not a valid URL: the port is not a number up to 65535".to_owned(),
        "http://[::1/: not a valid URL: invalid authority".to_owned(),
        "https://localhost/: https is not supported yet".to_owned(),
        format!("cannot learn the rules ({refused}robots.txt): connection refused"),
        format!("{away}: it has moved to http://other.invalid/, which is not on a start host (--any-host)"),
        format!("{safe}: it has moved to https://other.invalid/, and https is not supported yet"),
        format!("{long}: the body is over 4096 bytes (--max-body)"),
    ]
    .map(|line| format!("crawler: {line}"));
    expected.sort();
    assert_eq!(errors, expected);
}

#[test]
fn rules_that_cannot_be_learnt_are_told_once() {
    let safe = "https://other.invalid/robots.txt";
    let moved_away = format!("it has moved to {safe}: https is not supported yet");
    for (to, timeout, why, kind) in [
        (safe, "10m", &moved_away[..], "https"),
        ("/silent", "1s", "not done within 1s (--timeout)", "timeout"),
    ] {
        let server = Server::start([("/robots.txt", moved(to))]);
        let urls = ["/", "/1", "/2"].map(|path| server.url(path));
        let mut command = crawler(&["--json", "--delay", "0", "--timeout", timeout]);
        command.args(&urls);
        let (code, out, errors) = run(command);
        let why = format!("cannot learn the rules ({}): {why}", server.url("/robots.txt"));
        assert_eq!((code, &errors[..]), (Some(1), &[format!("crawler: {why}")][..]), "{out}");
        let summary = parse(&out);
        assert_eq!((&summary["errors"], &summary["surprises"]), (&json!({ kind: 3 }), &json!(3)));
        assert_eq!(summary["dead"][2], json!({ "url": urls[2], "why": why, "on": [] }));
        assert!(!server.asked().contains(&"/".to_owned()));
    }
}

#[test]
fn crawl_ends_when_nobody_reads_its_lines() {
    let server = Server::start([("/", html(&["/silent"]))]);
    let args = ["--pages", "--timeout", "10m", "--deadline", "10s", "--delay", "0"];
    let mut command = crawler(&args);
    command.arg(server.url("/")).stdout(example::nobody());
    assert_eq!(run(command), (Some(141), String::new(), vec![]));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let server = Server::start([("/", html(&["/silent"]))]);
    for how in ["--pages", "--json", "--help"] {
        let mut command = crawler(&[how, "--timeout", "1s", "--delay", "0"]);
        command.arg(server.url("/robots.txt")).stdout(example::full());
        let line = "crawler: standard output: No space left on device (os error 28)".to_owned();
        assert_eq!(run(command), (Some(1), String::new(), vec![line]), "{how}");
    }
}

/// Starts it, sends it the signal when as many requests are with `/silent`, and waits for its end.
fn interrupt(
    server: &Server,
    silent: usize,
    signal: rustix::process::Signal,
    mut command: Command,
) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    for _ in 0..silent {
        server.silent.recv().expect("a request");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, signal).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(example::complaints(&output), [""; 0]);
    assert_eq!(output.status.code(), Some(130));
    output
}

#[test]
fn ctrl_c_stops_and_prints_the_summary() {
    let server = Server::start([("/", html(&["/silent", "/1"])), ("/1", html(&["/2", "/3"]))]);
    let command = crawler(&["--timeout", "10m", "--limit", "1", "--delay", "0", &server.url("/")]);
    let output = interrupt(&server, 1, rustix::process::Signal::INT, command);
    let text = String::from_utf8(output.stdout).expect("text");
    // `/1` comes first, by the alphabet.
    assert!(
        text.starts_with("interrupted after 2 pages\n\npages       2 of 5 known, 1 at a time\n"),
        "{text}"
    );
    assert!(text.contains("\nleft        3\n"), "{text}");
    assert_eq!(server.asked(), ["/", "/1", "/robots.txt", "/silent"]);
}

#[test]
fn kill_does_the_same_and_what_is_at_work_is_no_failure() {
    let server = Server::start([("/", html(&["/silent", "/silent?", "/late"]))]);
    let mut command = crawler(&["--json", "--timeout", "10m", "--limit", "2", "--delay", "0"]);
    command.args([server.url("/"), server.url("/silent")]);
    let output = interrupt(&server, 1, rustix::process::Signal::TERM, command);
    let summary = parse(std::str::from_utf8(&output.stdout).expect("text"));
    assert_eq!(
        (&summary["interrupted"], &summary["left_for"]),
        (&json!(true), &json!("interrupted"))
    );
    assert_eq!((&summary["errors"], &summary["surprises"]), (&json!({}), &json!(0)));
}

#[test]
fn rules_that_never_come_do_not_keep_the_crawl_from_its_end() {
    let server = Server::start([("/robots.txt", moved("/silent"))]);
    let command = crawler(&["--json", "--timeout", "10m", &server.url("/")]);
    let output = interrupt(&server, 1, rustix::process::Signal::INT, command);
    let summary = parse(std::str::from_utf8(&output.stdout).expect("text"));
    assert_eq!((&summary["visited"], &summary["left"]), (&json!(0), &json!(1)));
    assert_eq!(server.asked(), ["/robots.txt", "/silent"]);
}

#[test]
fn mistakes_on_the_command_line() {
    let complaint = |args: &[&str]| {
        let (code, out, errors) = run(crawler(args));
        assert_eq!((code, out.as_str(), errors.len()), (Some(2), "", 1), "{errors:?}");
        errors[0].clone()
    };
    for (args, line) in [
        (&["--timeout", "soon"][..], "--timeout does not take \"soon\""),
        (&["--deadline", "0"], "--deadline does not take \"0\""),
        (&["--delay", "-1s"], "--delay does not take \"-1s\""),
        (&["--limit", "0"], "--limit does not take \"0\""),
        (&["--max-pages", "all"], "--max-pages does not take \"all\""),
        (&["--depth", "-1"], "--depth does not take \"-1\""),
        (&["--max-body", "8MB?"], "--max-body does not take \"8MB?\""),
        (&["--fast"], "invalid option '--fast'"),
    ] {
        assert_eq!(complaint(args), format!("crawler: {line} (--help tells more)"));
    }
}

#[test]
fn help_names_every_option() {
    let (code, out, errors) = run(crawler(&["--help"]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]));
    for option in [
        "--depth",
        "--max-pages",
        "--any-host",
        "--limit",
        "--delay",
        "--timeout",
        "--deadline",
        "--max-body",
        "--pages",
        "--json",
    ] {
        assert!(out.contains(option), "{option}");
    }
}

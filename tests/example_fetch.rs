//! `examples/fetch`, run as the program it is: counts, lines and exit statuses, against its own site
//! and against a server of this test. The parts of it that need no network have their tests beside them, which
//! run here.

#![cfg(unix)]

#[path = "../examples/common/mod.rs"]
mod common;
mod example;

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use example::run;
use serde_json::{Value, json};

fn fetch(args: &[&str]) -> Command {
    let mut command = example::example("fetch");
    command.args(args).stdin(Stdio::null());
    command
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("not JSON: {e}\n{text}"))
}

// Its own site.

#[test]
fn site_of_its_own_gives_every_planned_outcome_exactly() {
    let (code, out, errors) = run(fetch(&["--requests", "1000", "--concurrency", "16", "--json"]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let summary = parse(&out);
    assert_eq!(summary["done"], 1000);
    assert_eq!(summary["planned"], true);
    assert_eq!(summary["surprises"], 0);
    assert_eq!(
        summary["status"],
        json!({ "1xx": 0, "2xx": 902, "3xx": 20, "4xx": 30, "5xx": 30, "other": 0 })
    );
    assert_eq!(
        summary["errors"],
        json!({
            "timeout": 1, "reset": 6, "closed early": 6, "not HTTP": 2, "too long": 1, "refused": 2
        })
    );
    let kib = 500 / 2 + 200 * 16 + 40 * 256 + 100 * 2 + 30 * 4 + 20 * 10;
    assert_eq!(summary["body_bytes"], kib * 1024 + 72 * 64);
    let rows = summary["histogram"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 982);
    assert!(summary["peak_goroutines"].as_u64().unwrap() > 1);
}

#[test]
fn plan_follows_the_limits() {
    // The first 473 requests of the plan have none that hangs, so no clock decides.
    let args = ["-n", "473", "-t", "10m", "-c", "8", "--max-body", "16KiB", "--json"];
    let (code, out, errors) = run(fetch(&args));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let summary = parse(&out);
    let pictures = summary["urls"][2]["requests"].as_u64().expect("a count");
    assert!(pictures > 0);
    assert_eq!(summary["errors"]["too long"], pictures);
}

#[test]
fn table_has_every_line() {
    let (code, out, errors) = run(fetch(&["--requests=400", "--timeout=10m"]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let starts = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let names: Vec<_> = out.lines().map(starts).filter(|name| !name.is_empty()).collect();
    assert_eq!(
        names,
        [
            "requests",
            "status",
            "errors",
            "plan",
            "throughput",
            "time",
            "latency",
            "goroutines",
            "memory"
        ]
    );
    assert!(out.starts_with("requests    400, 256 at a time\nstatus      2xx "), "{out}");
    assert!(out.contains("\nplan        400 of 400 went as planned\n"), "{out}");
    assert!(out.contains("\nlatency     p50 "), "{out}");
    assert!(out.lines().any(|line| line.contains('≤') && line.contains('#')), "{out}");
}

// A server of the test.

/// Serves `/ok`, `/odd`, `/endless`, `/header`, `/once`, `/pause` and `/silent` on threads.
struct Server {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Gets a message for each request to `/silent`.
    silent: mpsc::Receiver<()>,
    /// A request to `/pause` comes here twice before it is answered.
    pause: Arc<Barrier>,
}

impl Server {
    fn start() -> Server {
        Server::start_at(Ipv4Addr::LOCALHOST)
    }

    fn start_at(address: Ipv4Addr) -> Server {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (tx, silent) = mpsc::channel();
        let pause = Arc::new(Barrier::new(2));
        let (count, at_pause) = (connections.clone(), pause.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Relaxed);
                let (tx, pause) = (tx.clone(), at_pause.clone());
                thread::spawn(move || serve(stream, &tx, &pause));
            }
        });
        Server { addr, connections, silent, pause }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Answers requests until the client, or the page, has had enough.
fn serve(mut stream: TcpStream, silent: &mpsc::Sender<()>, pause: &Barrier) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let path = request.split(' ').nth(1)?;
        match path {
            "/endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                while stream.write_all(&[b'x'; 4096]).is_ok() {}
                return None;
            }
            "/header" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").ok()?;
                while stream.write_all(b"Again: and again\r\n").is_ok() {}
                return None;
            }
            "/odd" => {
                stream.write_all(b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n").ok()?;
            }
            "/silent" => silent.send(()).ok()?,
            "/pause" => {
                pause.wait();
                pause.wait();
                stream.write_all(HELLO).ok()?;
            }
            _ => stream.write_all(HELLO).ok()?,
        }
        if path == "/once" {
            return None;
        }
    }
}

#[test]
fn connections_are_used_again() {
    let server = Server::start();
    let url = server.url("/ok");
    let (code, out, errors) = run(fetch(&["-n", "20", "-c", "1", "--json", &url]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let summary = parse(&out);
    assert_eq!((&summary["done"], &summary["planned"]), (&json!(20), &json!(false)));
    assert_eq!((&summary["status"]["2xx"], &summary["body_bytes"]), (&json!(20), &json!(100)));
    assert_eq!(server.connections.load(Relaxed), 1);
}

#[test]
fn without_idle_connections_each_request_makes_its_own() {
    let server = Server::start();
    let url = server.url("/ok");
    let (code, ..) = run(fetch(&["-n", "20", "-c", "1", "--idle-per-host", "0", &url]));
    assert_eq!(code, Some(0));
    assert_eq!(server.connections.load(Relaxed), 20);
}

#[test]
fn connection_that_the_server_closed_meanwhile_is_replaced() {
    let server = Server::start();
    let url = server.url("/once");
    let (code, out, errors) = run(fetch(&["-n", "50", "-c", "2", &url]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
}

#[test]
fn addresses_come_from_arguments_files_and_standard_input() {
    let server = Server::start();
    let (a, b, c) = (server.url("/a"), server.url("/b"), server.url("/c"));
    let file = std::env::temp_dir().join(format!("gort-fetch-{}.txt", server.addr.port()));
    std::fs::write(&file, format!("# a note\n\n  {b}\r\n")).expect("a file");
    let mut command = fetch(&["--json", "-n", "4", &a, "--file"]);
    let child = command.arg(&file).arg("-").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().expect("fetch starts");
    writeln!(child.stdin.take().expect("a pipe"), "{c}").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    std::fs::remove_file(&file).expect("the file was there");
    assert_eq!(output.status.code(), Some(0));
    let summary = parse(std::str::from_utf8(&output.stdout).expect("text"));
    assert_eq!(
        summary["urls"],
        json!([
            { "url": a, "requests": 2, "surprises": 0 },
            { "url": b, "requests": 1, "surprises": 0 },
            { "url": c, "requests": 1, "surprises": 0 },
        ])
    );
}

#[test]
fn status_of_no_class_is_counted_apart() {
    let server = Server::start();
    let url = server.url("/odd");
    let (code, out, errors) = run(fetch(&["--json", &url]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{out}");
    let status = &parse(&out)["status"];
    assert_eq!((&status["5xx"], &status["other"]), (&json!(0), &json!(1)));
    let (_, out, _) = run(fetch(&[&url]));
    assert!(out.contains("\nstatus      other 1\n"), "{out}");
}

// Everything that goes wrong: a line each, and the rest goes on.

#[test]
fn each_failure_is_one_line_and_the_rest_goes_on() {
    let server = Server::start();
    // Bound and not listening: nobody else can take the port, and it refuses.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let refused = format!("http://{}/", socket.local_addr().unwrap().as_socket().unwrap());
    // A label may have 63 letters, so nobody needs to be asked about this name.
    let long = "x".repeat(64);
    let (unknown, endless, ok) =
        (format!("http://{long}/"), server.url("/endless"), server.url("/"));
    let header = server.url("/header");

    let urls = [
        "gopher://host/",
        "//host/",
        "http://host:99999/",
        "http:///path",
        "https://localhost/",
        "http://255.255.255.255/",
        &unknown,
        &refused,
        &endless,
        &header,
        "host/page",
        &ok,
    ];
    let mut args = vec!["--json", "--max-body", "64KiB", "-t", "10m", "-n", "24"];
    args.extend(urls);
    let (code, out, mut errors) = run(fetch(&args));
    assert_eq!(code, Some(1), "{errors:#?}");
    let summary = parse(&out);
    assert_eq!((&summary["done"], &summary["status"]["2xx"]), (&json!(24), &json!(2)));
    assert_eq!(
        summary["errors"],
        json!({
            "bad URL": 10, "https": 2, "unreachable": 2, "unknown host": 2, "refused": 2, "too long": 4
        })
    );

    errors.sort();
    let mut expected = [
        "gopher://host/: not a valid URL: gopher is not http".to_owned(),
        "//host/: not a valid URL: it does not start with http://".to_owned(),
        "host/page: not a valid URL: it does not start with http://".to_owned(),
        "http://host:99999/: not a valid URL: the port is not a number up to 65535".to_owned(),
        "http:///path: not a valid URL: invalid format".to_owned(),
        "https://localhost/: https is not supported yet".to_owned(),
        "http://255.255.255.255/: network unreachable".to_owned(),
        format!("{unknown}: cannot find {long}"),
        format!("{refused}: connection refused"),
        format!("{endless}: the body is over 65536 bytes (--max-body)"),
        format!("{header}: the header of the answer is too long"),
    ]
    .map(|line| format!("fetch: {line}"));
    expected.sort();
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (line, expected) in errors.iter().zip(&expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn few_descriptors_make_fewer_requests_at_a_time() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 38; exec \"$0\" \"$@\""]).arg(fetch(&[]).get_program());
    shell.args(["--json", "-n", "473", "-c", "100", "-t", "10m"]).stdin(Stdio::null());
    let (code, out, errors) = run(shell);
    let line =
        "fetch: 38 file descriptors (`ulimit -n`) are enough for 4 requests at a time, not 100";
    assert_eq!((code, &errors[..]), (Some(0), &[line.to_owned()][..]), "{out}");
    let summary = parse(&out);
    assert_eq!((&summary["done"], &summary["concurrency"]), (&json!(473), &json!(4)));
}

/// On Linux all addresses that begin with 127 are this machine.
#[cfg(target_os = "linux")]
#[test]
fn few_descriptors_are_enough_for_many_hosts() {
    let servers: Vec<_> = (1..=40).map(|n| Server::start_at([127, 0, 1, n].into())).collect();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 38; exec \"$0\" \"$@\""]).arg(fetch(&[]).get_program());
    shell.args(["--json", "-n", "2000", "-c", "100", "-t", "10m"]).stdin(Stdio::null());
    shell.args(servers.iter().map(|server| server.url("/ok")));
    let (code, out, errors) = run(shell);
    let line =
        "fetch: 38 file descriptors (`ulimit -n`) are enough for 6 requests at a time, not 100";
    assert_eq!((code, &errors[..]), (Some(0), &[line.to_owned()][..]), "{out}");
    let summary = parse(&out);
    assert_eq!((&summary["status"]["2xx"], &summary["concurrency"]), (&json!(2000), &json!(6)));
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_descriptors_cost_requests_and_nothing_else() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let server = Server::start();
    let mut command =
        fetch(&["--json", "-n", "10", "-c", "1", "--idle-per-host", "0", "-t", "10m"]);
    command.arg(server.url("/pause")).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The leak sanitizer, in its lane, could not open what it needs either.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    let child = command.spawn().expect("fetch starts");
    server.pause.wait();
    // The first request is under way; from now on no descriptor can be had.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    prlimit(Some(Pid::from_child(&child)), Resource::Nofile, none).expect("it may be lowered");
    server.pause.wait();
    let output = child.wait_with_output().expect("it ends");

    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(errors, "fetch: too many open files: lower --concurrency or raise `ulimit -n`\n");
    assert_eq!(output.status.code(), Some(1));
    let summary = parse(std::str::from_utf8(&output.stdout).expect("text"));
    assert_eq!(summary["status"]["2xx"], 1);
    assert_eq!(summary["errors"], json!({ "descriptors": 9 }));
}

/// Starts it, sends it SIGINT when as many requests are with `/silent`, and waits for its end.
fn interrupt(server: &Server, silent: usize, mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    for _ in 0..silent {
        server.silent.recv().expect("a request");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(example::complaints(&output), [""; 0]);
    assert_eq!(output.status.code(), Some(130));
    output
}

#[test]
fn ctrl_c_stops_and_prints_the_summary() {
    let server = Server::start();
    let command = fetch(&["-n", "10", "-t", "10m", &server.url("/silent")]);
    let text = String::from_utf8(interrupt(&server, 10, command).stdout).expect("text");
    assert!(text.starts_with("interrupted after 0 of 10 requests\n"), "{text}");
}

#[test]
fn ctrl_c_cuts_off_what_is_at_work_and_starts_no_more() {
    let server = Server::start();
    let urls = [server.url("/ok"), server.url("/silent"), server.url("/silent")];
    let mut command = fetch(&["--json", "-n", "1000", "-c", "2", "-t", "10m"]);
    command.args(urls);
    let summary = interrupt(&server, 2, command).stdout;
    let summary = parse(std::str::from_utf8(&summary).expect("text"));
    assert_eq!((&summary["interrupted"], &summary["done"]), (&json!(true), &json!(1)));
    assert_eq!((&summary["status"]["2xx"], &summary["errors"]), (&json!(1), &json!({})));
    assert!(server.silent.try_recv().is_err(), "a third silent request was made");
}

#[test]
fn output_that_nobody_reads_is_no_complaint_and_no_success() {
    let server = Server::start();
    for args in [&["--json", &server.url("/ok")][..], &["--help"]] {
        let mut command = fetch(args);
        command.stdout(example::nobody());
        assert_eq!(run(command), (Some(141), String::new(), vec![]), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let server = Server::start();
    for args in [&["--json", &server.url("/ok")][..], &["--help"]] {
        let mut command = fetch(args);
        command.stdout(example::full());
        let line = "fetch: standard output: No space left on device (os error 28)".to_owned();
        assert_eq!(run(command), (Some(1), String::new(), vec![line]), "{args:?}");
    }
    // Where the complaint cannot be written either, there is the status.
    let mut command = fetch(&["--fast"]);
    command.stderr(example::full());
    assert_eq!(run(command).0, Some(2));
}

#[test]
fn mistakes_on_the_command_line() {
    let complaint = |args: &[&str]| {
        let (code, out, errors) = run(fetch(args));
        assert_eq!((code, out.as_str(), errors.len()), (Some(2), "", 1), "{errors:?}");
        errors[0].clone()
    };
    let tail = "(--help tells more)";
    for (args, line) in [
        (&["--timeout", "soon"][..], "--timeout does not take \"soon\""),
        (&["--timeout", "0"], "--timeout does not take \"0\""),
        (&["--requests", "0"], "--requests does not take \"0\""),
        (&["--concurrency", "many"], "--concurrency does not take \"many\""),
        (&["--max-body", "8MB?"], "--max-body does not take \"8MB?\""),
        (&["--max-body", "99999999999G"], "--max-body does not take \"99999999999G\""),
        (&["-"], "the list of addresses is empty"),
        (&["--fast"], "invalid option '--fast'"),
        (&["--file", "/does/not/exist"], "/does/not/exist: No such file or directory (os error 2)"),
    ] {
        assert_eq!(complaint(args), format!("fetch: {line} {tail}"));
    }
}

#[test]
fn help_names_every_option() {
    let (code, out, errors) = run(fetch(&["--help"]));
    assert_eq!((code, &errors[..]), (Some(0), &[][..]));
    for option in [
        "--file",
        "--requests",
        "--concurrency",
        "--timeout",
        "--idle-per-host",
        "--max-body",
        "--json",
    ] {
        assert!(out.contains(option), "{option}");
    }
}

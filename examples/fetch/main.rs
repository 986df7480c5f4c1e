//! `fetch`: GETs many URLs at once, a goroutine per request.
//!
//! Read this file first: it is the whole concurrent program. `args` reads the command line,
//! `client` sends one request, `failure` says why one failed, `site` is the server that stands in
//! when no URL is given, `report` counts and prints, `terminal` is the progress line and Ctrl-C.
//!
//! ```text
//! main ── go ──> request ─┐
//!      ── go ──> request ─┼─ results ──> main: select { results, tick, Ctrl-C } ──> summary
//!      ── go ──> request ─┘
//! ```

mod args;
mod client;
mod failure;
mod report;
mod site;
mod terminal;

use std::{
    env,
    error::Error,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use gort::{
    Chan, Receiver, Sender,
    time::{Instant, interval},
};

use crate::{
    args::Args,
    client::{Client, Target},
    failure::Failure,
    report::{Done, Report},
    site::{Expected, Site},
    terminal::Progress,
};

fn main() -> ExitCode {
    let args = match args::parse(env::args_os().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print(args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("fetch: {error} (--help tells more)");
            return ExitCode::from(2);
        }
    };
    terminal::raise_descriptor_limit();
    match gort::run(fetch(args)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fetch: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One address of the list.
#[derive(Debug, Clone)]
struct Job {
    url: String,
    /// What it must bring, for the embedded site.
    expected: Option<Expected>,
}

/// Goroutine 1: starts the others, gathers their results, prints the summary.
async fn fetch(args: Args) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let (jobs, site) = match &args.urls {
        Some(urls) => {
            let jobs = urls.iter().map(|url| Job { url: url.clone(), expected: None });
            (jobs.collect::<Vec<_>>(), false)
        }
        None => {
            let pages = Site::open().await?.pages(&args.limits)?;
            let job = |(url, expected)| Job { url, expected: Some(expected) };
            (pages.into_iter().map(job).collect(), true)
        }
    };

    let (mut ctrl_c, start) = (terminal::ctrl_c()?, Instant::now());
    let stop = Chan::<()>::new(0);
    let results = start_requests(&args, &jobs, site, &stop);

    let mut report = Report::new(jobs, args.requests, args.concurrency);
    let mut progress = Progress::new(args.requests);
    let mut tick = interval(Duration::from_millis(100));
    loop {
        report.peak_goroutines = report.peak_goroutines.max(gort::runtime::num_goroutine());
        gort::select! {
            // `None`: the last request has dropped its end of the channel.
            done = results.next() => match done {
                Some(done) => if let Some(line) = report.record(done, start.elapsed()) {
                    progress.line(&line);
                },
                None => break,
            },
            _ = tick.tick(), if progress.is_on() => progress.draw(&report),
            <-ctrl_c => {
                report.interrupted = true;
                stop.close();
                ctrl_c = Receiver::nil(); // which is never ready
            }
        }
    }
    report.elapsed = start.elapsed();
    progress.clear();

    print(&if args.json { format!("{:#}\n", report.json()) } else { report.to_string() });
    Ok(match &report {
        report if report.interrupted => ExitCode::from(130),
        report if report.surprises() > 0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// Starts a goroutine per request. At most `concurrency` of them are at work at a time: each needs
/// one of as many places in the buffer of a channel, as a Go program would do it.
fn start_requests(args: &Args, jobs: &[Job], site: bool, stop: &Chan<()>) -> Receiver<Done> {
    let client = Arc::new(Client::new(args.limits.clone()));
    let targets: Vec<_> = jobs.iter().map(|job| Target::parse(&job.url).map(Arc::new)).collect();
    let slots = Chan::<()>::new(args.concurrency);
    let (tx, rx) = gort::chan::<Done>(args.concurrency.min(args.requests));
    for n in 0..args.requests {
        let job = if site { Site::page_of(n) } else { n % jobs.len() };
        let request = Request { job, target: targets[job].clone(), client: client.clone() };
        gort::go(request.run(slots.clone(), stop.rx(), tx.clone()));
    }
    rx
}

/// One request to be made.
struct Request {
    job: usize,
    target: Result<Arc<Target>, Failure>,
    client: Arc<Client>,
}

impl Request {
    /// Waits for a slot, fetches, sends the result; leaves at once when `stop` is closed.
    async fn run(self, slots: Chan<()>, stop: Receiver<()>, results: Sender<Done>) {
        gort::select! {
            slots <- () => {}
            <-stop => return,
        }
        let start = Instant::now();
        // In a box, so that the thousands that wait for a slot stay small.
        let fetch = Box::pin(async {
            match &self.target {
                Ok(target) => self.client.get(target).await,
                Err(failure) => Err(failure.clone()),
            }
        });
        let outcome = gort::select! {
            outcome = fetch => outcome,
            <-stop => return,
        };
        slots.recv().await;
        // An error would say that nobody wants the result any more.
        _ = results.send(Done { job: self.job, outcome, took: start.elapsed() }).await;
    }
}

/// Writes to standard output; a reader that has gone away (`fetch | head -1`) is no error.
fn print(text: &str) {
    _ = io::stdout().lock().write_all(text.as_bytes());
}

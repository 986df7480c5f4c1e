//! `fetch`: GETs many URLs at once, a goroutine per request.
//!
//! Read this file first: it is the whole concurrent program. `args` reads the command line,
//! `client` sends one request, `failure` says why one failed, `site` is the server that stands in
//! when no URL is given, `report` counts and prints, `terminal` is the progress line and Ctrl-C.
//!
//! ```text
//!                ┌─ go ─> request ─┐
//! fetch ─ start ─┼─ go ─> request ─┼─ results ─> fetch: select! { result, tick, Ctrl-C } ─> summary
//!                └─ go ─> request ─┘
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
    runtime::{gosched, num_goroutine},
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
    let mut args = match args::parse(env::args_os().skip(1)) {
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
    if let Some(line) = terminal::raise_descriptor_limit().and_then(|limit| args.fit(limit)) {
        eprintln!("fetch: {line}");
    }
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

/// Goroutine 1: has the requests made, gathers their results, prints the summary.
async fn fetch(args: Args) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let site = if args.urls.is_none() { Some(Site::open().await?) } else { None };
    let jobs: Vec<Job> = match &site {
        Some(site) => {
            let pages = site.pages(&args.limits)?.into_iter();
            pages.map(|(url, expected)| Job { url, expected: Some(expected) }).collect()
        }
        None => {
            let urls = args.urls.into_iter().flatten();
            urls.map(|url| Job { url, expected: None }).collect()
        }
    };

    let mut ctrl_c = terminal::ctrl_c()?;
    let stop = Chan::<()>::new(0);
    let (tx, results) = gort::chan(args.concurrency.min(args.requests));
    let crew = Crew {
        targets: jobs.iter().map(|job| Target::parse(&job.url)).collect(),
        site: site.is_some(),
        client: Client::new(args.limits),
        slots: Chan::new(args.concurrency),
        stop: stop.rx(),
        results: tx,
    };
    let start = Instant::now();
    gort::go(Arc::new(crew).start(args.requests));

    let mut report = Report::new(jobs, args.requests, args.concurrency);
    let mut progress = Progress::new(args.requests);
    let mut tick = interval(Duration::from_millis(100));
    loop {
        report.peak_goroutines = report.peak_goroutines.max(num_goroutine());
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

/// What the requests share.
struct Crew {
    targets: Vec<Result<Target, Failure>>,
    /// Whether the targets are those of the embedded site, which are not asked in turn.
    site: bool,
    client: Client,
    /// As many places as requests may be at work: who has a value in the buffer is.
    slots: Chan<()>,
    /// Closed when no more requests shall be made.
    stop: Receiver<()>,
    /// The last request to end drops it with the crew, which ends the loop of goroutine 1.
    results: Sender<Done>,
}

impl Crew {
    /// Starts a goroutine per request.
    async fn start(self: Arc<Self>, requests: usize) {
        for n in 0..requests {
            let job = if self.site { Site::page_of(n) } else { n % self.targets.len() };
            gort::go(self.clone().request(job));
            // A long loop that never waits would keep its worker from everything else.
            if n % 1000 == 999 {
                gosched().await;
                if self.stop.is_closed() {
                    return;
                }
            }
        }
    }

    /// Waits for a slot, fetches, sends the result; leaves at once when `stop` is closed.
    async fn request(self: Arc<Self>, job: usize) {
        gort::select! {
            self.slots <- () => {}
            <-self.stop => return,
        }
        let start = Instant::now();
        // In a box, so that the thousands that wait for a slot stay small.
        let fetch = Box::pin(async {
            match &self.targets[job] {
                Ok(target) => self.client.get(target).await,
                Err(failure) => Err(failure.clone()),
            }
        });
        let outcome = gort::select! {
            outcome = fetch => outcome,
            <-self.stop => return,
        };
        self.slots.recv().await;
        // An error would say that nobody wants the result any more.
        _ = self.results.send(Done { job, outcome, took: start.elapsed() }).await;
    }
}

/// Writes to standard output; a reader that has gone away (`fetch | head -1`) is no error.
fn print(text: &str) {
    _ = io::stdout().lock().write_all(text.as_bytes());
}

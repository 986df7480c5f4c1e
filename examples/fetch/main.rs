//! `fetch`: GETs many URLs at once, a goroutine per request.
//!
//! Read this file first: it is the whole concurrent program. `args` reads the command line, `answer` is
//! what a request brings, `site` is the server that stands in when no URL is given, `report` counts and
//! prints. In `common`, which `crawler` uses as well, `client` sends one request, `failure` says why one
//! failed, `terminal` is the progress line and Ctrl-C.
//!
//! ```text
//!              ┌─ group.go ─> request ─┐
//! fetch ─ run ─┼─ group.go ─> request ─┼─ results ─> fetch: select! { result, tick } ─> summary
//!              └─ group.go ─> request ─┘
//! ```
//!
//! Ctrl-C cancels the context of the run, and with it that of each request: those at work are cut
//! off, no more are started, and the channel of results ends as it does when all are done.

mod answer;
mod args;
#[path = "../common/mod.rs"]
mod common;
mod report;
mod site;

use std::{env, error::Error, process::ExitCode, sync::Arc, time::Duration};

use gort::{
    Sender,
    context::{self, Context, ContextExt, with_timeout},
    errgroup::Group,
    runtime::num_goroutine,
    time::{Instant, Ticker},
};

use crate::{
    answer::Answer,
    args::Args,
    common::{
        client::{Client, Target},
        failure::Failure,
        terminal::{Progress, complain, fail, print, raise_descriptor_limit, until_ctrl_c},
    },
    report::{Done, Report},
    site::{Expected, Site},
};

/// The name of the program, for its lines.
const NAME: &str = "fetch";

fn main() -> ExitCode {
    let mut args = match args::parse(env::args_os().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            let help = print(args::HELP);
            return help.map_or_else(|error| fail(NAME, &error), |()| ExitCode::SUCCESS);
        }
        Err(error) => {
            complain(NAME, format_args!("{error} (--help tells more)"));
            return ExitCode::from(2);
        }
    };
    if let Some(line) = raise_descriptor_limit().and_then(|limit| args.fit(limit)) {
        complain(NAME, line);
    }
    gort::run(fetch(args)).unwrap_or_else(|error| fail(NAME, &*error))
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
            let pages = site.pages(&args.limits).into_iter();
            pages.map(|(url, expected)| Job { url, expected: Some(expected) }).collect()
        }
        None => {
            let urls = args.urls.into_iter().flatten();
            urls.map(|url| Job { url, expected: None }).collect()
        }
    };

    let (ctx, _stop) = until_ctrl_c();
    let (tx, results) = gort::chan(args.concurrency.min(args.requests));
    let crew = Crew {
        targets: jobs.iter().map(|job| Target::parse(&job.url)).collect(),
        site: site.is_some(),
        timeout: args.limits.timeout,
        client: Client::new(args.limits, None),
        results: tx,
    };
    let start = Instant::now();
    let run = gort::go(Arc::new(crew).run(ctx, args.requests, args.concurrency));

    let mut report = Report::new(jobs, args.requests, args.concurrency);
    let mut progress = Progress::new(NAME);
    let tick = Ticker::new(Duration::from_millis(100));
    loop {
        report.peak_goroutines = report.peak_goroutines.max(num_goroutine());
        gort::select! {
            // `None`: the run is over and has dropped its end of the channel.
            done = results.next() => match done {
                Some(done) => if let Some(line) = report.record(done, start.elapsed()) {
                    progress.line(&line);
                },
                None => break,
            },
            <-tick.c(), if progress.is_on() => progress.draw(&report.so_far()),
        }
    }
    report.interrupted = run.await?.is_err();
    report.elapsed = start.elapsed();
    progress.clear();

    print(&if args.json { format!("{:#}\n", report.json()) } else { report.to_string() })?;
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
    /// The longest a request may take.
    timeout: Duration,
    /// The run drops it with the crew when the last request is done.
    results: Sender<Done>,
}

impl Crew {
    /// Starts a goroutine per request, as many at a time as the limit allows, and waits for them.
    ///
    /// The error says that `ctx` has ended before all were done.
    async fn run(
        self: Arc<Self>,
        ctx: Context,
        requests: usize,
        limit: usize,
    ) -> Result<(), context::Error> {
        let group = Group::typed();
        group.set_limit(limit);
        for n in 0..requests {
            ctx.check()?;
            let job = if self.site { Site::page_of(n) } else { n % self.targets.len() };
            group.go(self.clone().request(ctx.clone(), job)).await;
        }
        group.wait().await
    }

    /// Fetches and sends the result, unless the end of `ctx` cuts it off.
    async fn request(self: Arc<Self>, ctx: Context, job: usize) -> Result<(), context::Error> {
        let start = Instant::now();
        let outcome = match &self.targets[job] {
            Ok(target) => {
                let (in_time, _cancel) = with_timeout(&ctx, self.timeout);
                match Answer::get(&self.client, target).with_context(&in_time).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        ctx.check()?; // not this request is late, the whole run is over
                        Err(Failure::late(self.timeout))
                    }
                }
            }
            Err(failure) => Err(failure.clone()),
        };
        // An error would say that nobody wants the result any more.
        _ = self.results.send(Done { job, outcome, took: start.elapsed() }).await;
        Ok(())
    }
}

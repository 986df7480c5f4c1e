//! `crawler`: follows the links of web sites, many pages at a time and no host too fast.
//!
//! Read this file first: it is the whole concurrent program. `args` reads the command line; `frontier` has the
//! addresses that are known and those to visit next; `hosts` knows what a host allows (`robots` reads its
//! `robots.txt`) and when it may be asked again (`pace`); `page` gets one page, `links` finds its links; `sites`
//! are the servers that stand in when no URL is given, `plan` is what must be found there; `report` counts and
//! prints. What `fetch` uses as well is in `common`.
//!
//! ```text
//!                  ┌─ group.go ─> visit ─┐
//! crawl ─ run: a ──┼─ group.go ─> visit ─┼─ results ─> crawl: select! { result, tick } ─> summary
//!     ^   round    └─ group.go ─> visit ─┘
//!     └──── the next round <── frontier <── links
//! ```
//!
//! A round is all pages that are equally many links away from the start. When all its visits have ended,
//! what they found is the next round; when that is empty, all is done.
//!
//! The other way would be a queue that visits put their links into and workers take them from. Then the end
//! has to be found out: a `WaitGroup` would count an address before it is queued, and down when its links are
//! queued. And the queue must have room for whatever the workers find, who are the only ones to empty it. Of
//! rounds both questions are answered by what an error group does anyway: it starts as many as the limit allows,
//! and `wait` returns when all have ended. Nothing is queued that has no visit, and no visit is forgotten. Also,
//! `--depth` means the same whichever page is faster. The price: a slow page makes the next round wait, for
//! `--timeout` at most.
//!
//! Ctrl-C or the deadline ends the context of the run, and with it that of each request: those at work are cut
//! off, no more are started, and the channel of results ends as it does when all is done.

mod args;
#[path = "../common/mod.rs"]
mod common;
mod frontier;
mod hosts;
mod links;
mod pace;
mod page;
mod plan;
mod report;
mod robots;
mod sites;

use std::{collections::HashSet, env, error::Error, process::ExitCode, sync::Arc, time::Duration};

use gort::{
    Sender,
    context::{self, Cause, Context, ContextExt, with_timeout},
    errgroup::{self, Group},
    runtime::num_goroutine,
    semaphore::Weighted,
    time::{Instant, Ticker},
};
use url::Url;

use crate::{
    args::Args,
    common::{
        client::{Client, Target},
        failure::{Failure, Kind},
        terminal::{Progress, complain, fail, print, raise_descriptor_limit, until_ctrl_c},
    },
    frontier::Frontier,
    hosts::Hosts,
    page::Outcome,
    report::Report,
    sites::Sites,
};

/// The name of the program, for its lines.
const NAME: &str = "crawler";

/// What the crawler calls itself to servers.
const USER_AGENT: &str =
    concat!("gort-crawler/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")");

/// How many redirects may follow each other.
const REDIRECTS: usize = 5;

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
    gort::run(crawl(args)).unwrap_or_else(|error| fail(NAME, &*error))
}

/// An address that the crawl is done with.
#[derive(Debug)]
struct Visit {
    url: String,
    /// How many links away from the start it is.
    depth: u32,
    outcome: Outcome,
}

/// Goroutine 1: has the pages visited, gathers what becomes of them, prints the summary.
async fn crawl(args: Args) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let sites = if args.urls.is_empty() { Some(Sites::open().await?) } else { None };
    let urls = sites.as_ref().map_or_else(|| args.urls.clone(), Sites::starts);
    let starts: Vec<_> = urls.into_iter().map(Start::new).collect();
    let scope = Arc::new(Scope::new(&args, &starts));

    let (ctx, _stop) = until_ctrl_c();
    let (ctx, _cancel) = with_timeout(&ctx, args.deadline);
    let (tx, results) = gort::chan(args.limit);
    let crew = Arc::new(Crew::new(&args, scope.clone(), tx));
    let mut report = Report::new(&args, scope, starts.len(), sites);
    let start = Instant::now();
    let run = gort::go(crew.run(ctx, starts));

    let mut progress = Progress::new(NAME);
    let tick = Ticker::new(Duration::from_millis(100));
    loop {
        report.peak_goroutines = report.peak_goroutines.max(num_goroutine());
        gort::select! {
            // `None`: the run is over and has dropped its end of the channel.
            visit = results.next() => match visit {
                Some(visit) => {
                    if args.pages && !args.json {
                        progress.clear();
                        // An error ends the run too, whose context does not outlast this function.
                        print(&report::line(&visit))?;
                    }
                    if let Some(line) = report.record(visit) {
                        progress.line(&line);
                    }
                }
                None => break,
            },
            <-tick.c(), if progress.is_on() => progress.draw(&report.so_far()),
        }
    }
    let run = run.await?;
    report.elapsed = start.elapsed();
    progress.clear();
    for line in report.close(run) {
        progress.line(&line);
    }

    print(&if args.json { format!("{:#}\n", report.json()) } else { report.to_string() })?;
    Ok(match run.end {
        End::Interrupted => ExitCode::from(130),
        End::Deadline => ExitCode::FAILURE,
        _ if report.surprises() > 0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// A start URL.
struct Start {
    text: String,
    address: Result<Url, Failure>,
}

impl Start {
    fn new(text: String) -> Self {
        Start { address: Start::read(&text), text }
    }

    fn read(text: &str) -> Result<Url, Failure> {
        Target::parse(text)?; // says what cannot be fetched, https for one
        let bad = |error| Failure::new(Kind::BadUrl, format!("not a valid URL: {error}"));
        Ok(links::tidy(Url::parse(text).map_err(bad)?))
    }
}

/// Which hosts the crawl is about; `None`: all.
#[derive(Debug)]
struct Scope(Option<HashSet<String>>);

impl Scope {
    fn new(args: &Args, starts: &[Start]) -> Self {
        let urls = starts.iter().filter_map(|start| start.address.as_ref().ok());
        let hosts = urls.map(|url| url.authority().to_owned());
        Scope((!args.any_host).then(|| hosts.collect()))
    }

    fn has(&self, url: &Url) -> bool {
        let all = || self.0.as_ref().is_none_or(|hosts| hosts.contains(url.authority()));
        url.scheme() == "http" && all()
    }
}

/// Why a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All pages were visited.
    Complete,
    /// There were pages further away than they may be.
    Depth,
    /// As many were asked for as may be.
    Pages,
    Deadline,
    Interrupted,
}

impl From<context::Error> for End {
    fn from(error: context::Error) -> Self {
        if error.is_timeout() { End::Deadline } else { End::Interrupted }
    }
}

impl errgroup::Failure for End {
    fn to_cause(&self) -> Cause {
        Cause::new(format!("{self:?}"))
    }
}

/// How a run ended, and how many addresses it knew.
#[derive(Debug, Clone, Copy)]
struct Run {
    end: End,
    known: usize,
}

/// What the visits share.
struct Crew {
    limit: usize,
    depth: u32,
    scope: Arc<Scope>,
    frontier: Frontier,
    hosts: Arc<Hosts>,
    /// A permit for each page that may be asked for. It is not given back.
    pages: Weighted,
    client: Arc<Client>,
    /// The longest a request may take.
    timeout: Duration,
    /// The run drops it with the crew when the last visit has ended.
    results: Sender<Visit>,
}

impl Crew {
    fn new(args: &Args, scope: Arc<Scope>, results: Sender<Visit>) -> Self {
        let timeout = args.limits.timeout;
        let client = Arc::new(Client::new(args.limits.clone(), Some(USER_AGENT)));
        Crew {
            limit: args.limit,
            depth: args.depth,
            scope,
            frontier: Frontier::default(),
            hosts: Arc::new(Hosts::new(client.clone(), args.delay, timeout)),
            pages: Weighted::new(args.max_pages),
            client,
            timeout,
            results,
        }
    }

    /// Crawls from the start URLs to the end.
    async fn run(self: Arc<Self>, ctx: Context, starts: Vec<Start>) -> Run {
        let mut bad = 0;
        for start in starts {
            match start.address {
                Ok(address) => self.frontier.add(&[address], 0).await,
                Err(failure) => {
                    bad += 1;
                    self.tell(start.text, 0, Outcome::Failed(failure)).await;
                }
            }
        }
        let end = self.rounds(&ctx).await.err().unwrap_or(End::Complete);
        Run { end, known: self.frontier.len().await + bad }
    }

    /// Makes rounds until one is empty. The error says what kept it from that.
    async fn rounds(self: &Arc<Self>, ctx: &Context) -> Result<(), End> {
        for depth in 0.. {
            let urls = self.frontier.round(depth).await;
            if urls.is_empty() {
                break;
            }
            if depth > self.depth {
                return Err(End::Depth);
            }
            self.round(ctx, urls, depth).await?;
        }
        Ok(())
    }

    /// Visits all of a round, as many at a time as the limit allows, and waits for the visits.
    async fn round(self: &Arc<Self>, ctx: &Context, urls: Vec<Url>, depth: u32) -> Result<(), End> {
        // The group's context ends when a visit fails, or with that of the run. Then no more are started. The
        // visits do not have it: if there are no more permits, those that have one go on.
        let (group, open) = Group::typed_with_context(ctx);
        group.set_limit(self.limit);
        for url in urls {
            if open.err().is_some() {
                // A visit says why, unless there was none when the run was over.
                return group.wait().await.and_then(|()| Ok(ctx.check()?));
            }
            group.go(self.clone().visit(ctx.clone(), url, depth)).await;
        }
        group.wait().await
    }

    /// Visits a page and, if it has moved, the one that it has moved to, and so on.
    async fn visit(self: Arc<Self>, ctx: Context, url: Url, depth: u32) -> Result<(), End> {
        let mut next = Some(url);
        let mut redirects = 0;
        while let Some(url) = next.take() {
            let mut outcome = self.page(&ctx, &url).await?;
            if let Outcome::Page { links, .. } = &mut outcome {
                links.keep(|url| self.scope.has(url));
                self.frontier.add(&links.http, depth + 1).await;
            }
            if let Outcome::Moved { to, .. } = &outcome {
                let to = to.clone();
                if let Some(failure) = self.dead_end(&to, depth, redirects) {
                    outcome = Outcome::Failed(failure);
                } else if self.scope.has(&to) && self.frontier.claim(&to, depth).await {
                    next = Some(to);
                    redirects += 1;
                }
            }
            self.tell(url.into(), depth, outcome).await;
        }
        Ok(())
    }

    /// Why a redirect to `to` is as good as no answer.
    fn dead_end(&self, to: &Url, depth: u32, redirects: usize) -> Option<Failure> {
        let failure = |kind, why| Some(Failure::new(kind, format!("it has moved to {to}{why}")));
        if redirects == REDIRECTS {
            failure(Kind::Redirects, format!(", after {REDIRECTS} redirects"))
        } else if depth > 0 || self.scope.has(to) {
            None
        } else if to.scheme() == "https" {
            // Who is told to start here shall know why there is so little.
            failure(Kind::Https, ", and https is not supported yet".to_owned())
        } else {
            failure(Kind::Redirects, ", which is not on a start host (--any-host)".to_owned())
        }
    }

    /// What becomes of an address. The error is the end of the run, which cuts it off.
    async fn page(&self, ctx: &Context, url: &Url) -> Result<Outcome, End> {
        let host = self.hosts.host(ctx, url).await?;
        match host.allows(url) {
            Ok(true) => {}
            Ok(false) => return Ok(Outcome::Excluded),
            Err(failure) => return Ok(Outcome::NoRules(failure)),
        }
        if !self.pages.try_acquire(1) {
            return Err(End::Pages);
        }
        host.turn().with_context(ctx).await?;
        let (in_time, _cancel) = with_timeout(ctx, self.timeout);
        match page::get(&self.client, url).with_context(&in_time).await {
            Ok(outcome) => Ok(outcome.unwrap_or_else(Outcome::Failed)),
            Err(_) => {
                ctx.check()?; // not this page is late, the whole run is over
                Ok(Outcome::Failed(Failure::late(self.timeout)))
            }
        }
    }

    async fn tell(&self, url: String, depth: u32, outcome: Outcome) {
        // An error would say that nobody wants the result any more.
        _ = self.results.send(Visit { url, depth, outcome }).await;
    }
}

//! The results: counted one by one, and written as a table or as JSON at the end.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Job,
    answer::Answer,
    common::{
        failure::{Failure, Kind},
        status::Classes,
        terminal::peak_rss,
        text::{bytes, counted, grouped, list, ms, time},
    },
    site::Expected,
};

/// One finished request.
#[derive(Debug)]
pub(crate) struct Done {
    /// Which job of the list it was.
    pub(crate) job: usize,
    pub(crate) outcome: Result<Answer, Failure>,
    /// From the moment it got its slot to the last byte.
    pub(crate) took: Duration,
}

/// Everything the summary says.
#[derive(Debug)]
pub(crate) struct Report {
    jobs: Vec<Job>,
    requests: usize,
    concurrency: usize,
    classes: Classes,
    failures: BTreeMap<Kind, u64>,
    /// Requests and surprises by job.
    by_job: Vec<(u64, u64)>,
    /// The lines that were printed, so that each is printed once.
    told: HashSet<String>,
    /// How long the answered requests took.
    latencies: Vec<Duration>,
    body_bytes: u64,
    /// When the last answer came, since the start.
    answered: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) interrupted: bool,
    pub(crate) peak_goroutines: usize,
}

impl Report {
    pub(crate) fn new(jobs: Vec<Job>, requests: usize, concurrency: usize) -> Self {
        Report {
            by_job: vec![(0, 0); jobs.len()],
            jobs,
            requests,
            concurrency,
            classes: Classes::default(),
            failures: BTreeMap::new(),
            told: HashSet::new(),
            latencies: Vec::new(),
            body_bytes: 0,
            answered: Duration::ZERO,
            elapsed: Duration::ZERO,
            interrupted: false,
            peak_goroutines: 0,
        }
    }

    /// Counts a result that came `at` this time after the start. Returns the line to print when it
    /// is a surprise of a new sort.
    pub(crate) fn record(&mut self, done: Done, at: Duration) -> Option<String> {
        match &done.outcome {
            Ok(answer) => {
                self.classes.count(answer.status);
                self.body_bytes += answer.body;
                self.latencies.push(done.took);
                self.answered = at;
            }
            Err(failure) => *self.failures.entry(failure.kind).or_default() += 1,
        }
        let (requests, surprises) = &mut self.by_job[done.job];
        *requests += 1;
        let line = self.jobs[done.job].surprise(&done.outcome)?;
        *surprises += 1;
        self.told.insert(line.clone()).then_some(line)
    }

    /// How many requests are over.
    fn done(&self) -> u64 {
        self.by_job.iter().map(|(requests, _)| requests).sum()
    }

    /// How many went other than planned, or failed where nothing was planned.
    pub(crate) fn surprises(&self) -> u64 {
        self.by_job.iter().map(|(_, surprises)| surprises).sum()
    }

    /// The line of progress.
    pub(crate) fn so_far(&self) -> String {
        let (done, all) = (grouped(self.done()), grouped(self.requests as u64));
        let failed = grouped(self.failures.values().sum());
        let running = grouped(gort::runtime::num_goroutine() as u64);
        format!("{done} of {all} done, {failed} failed, {running} goroutines")
    }

    fn planned(&self) -> bool {
        self.jobs.iter().any(|job| job.expected.is_some())
    }

    fn answers_per_second(&self) -> f64 {
        let seconds = self.answered.as_secs_f64();
        if seconds > 0.0 { self.latencies.len() as f64 / seconds } else { 0.0 }
    }

    pub(crate) fn json(&self) -> Value {
        let latencies = Latencies::new(&self.latencies);
        let status = self.classes.rows().map(|(name, n)| (name.into(), n.into()));
        let failures = self.failures.iter().map(|(kind, &n)| (kind.name().into(), n.into()));
        let pages = self.jobs.iter().zip(&self.by_job).map(|(job, (requests, surprises))| {
            json!({ "url": job.url, "requests": requests, "surprises": surprises })
        });
        let rows = latencies.rows();
        let histogram =
            rows.iter().map(|(upto, count)| json!({ "upto_ms": ms(*upto), "count": count }));
        json!({
            "requests": self.requests,
            "done": self.done(),
            "interrupted": self.interrupted,
            "concurrency": self.concurrency,
            "status": status.collect::<serde_json::Map<_, _>>(),
            "errors": failures.collect::<serde_json::Map<_, _>>(),
            "planned": self.planned(),
            "surprises": self.surprises(),
            "urls": pages.collect::<Vec<_>>(),
            "body_bytes": self.body_bytes,
            "elapsed_ms": ms(self.elapsed),
            "answers_per_second": self.answers_per_second(),
            "latency_ms": {
                "p50": ms(latencies.quantile(0.50)),
                "p90": ms(latencies.quantile(0.90)),
                "p99": ms(latencies.quantile(0.99)),
                "max": ms(latencies.quantile(1.0)),
            },
            "histogram": histogram.collect::<Vec<_>>(),
            "peak_goroutines": self.peak_goroutines,
            "peak_rss_bytes": peak_rss(),
        })
    }
}

/// The table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done();
        if self.interrupted {
            let all = counted(self.requests as u64, "request");
            writeln!(f, "interrupted after {} of {all}\n", grouped(done))?;
        }
        writeln!(
            f,
            "requests    {}, {} at a time",
            grouped(done),
            grouped(self.concurrency as u64)
        )?;
        writeln!(f, "status      {}", self.classes.list())?;
        let failures = self.failures.iter();
        let failures = failures.map(|(kind, &n)| format!("{} {}", kind.name(), grouped(n)));
        writeln!(f, "errors      {}", list(failures))?;
        if self.planned() {
            let good = grouped(done - self.surprises());
            writeln!(f, "plan        {good} of {} went as planned", grouped(done))?;
        }
        let (rate, size) = (self.answers_per_second(), self.body_bytes as f64);
        writeln!(f, "throughput  {} answers/s, {}", grouped(rate as u64), bytes(size))?;
        writeln!(f, "time        {}", time(self.elapsed))?;

        let latencies = Latencies::new(&self.latencies);
        let quantiles = [("p50", 0.50), ("p90", 0.90), ("p99", 0.99), ("max", 1.0)];
        let quantiles = quantiles.into_iter().filter(|_| !self.latencies.is_empty());
        let quantiles =
            quantiles.map(|(name, q)| format!("{name} {}", time(latencies.quantile(q))));
        writeln!(f, "latency     {}", list(quantiles))?;
        latencies.draw(f)?;
        writeln!(f, "goroutines  {} at the peak", grouped(self.peak_goroutines as u64))?;
        match peak_rss() {
            Some(peak) => writeln!(f, "memory      {} at the peak", bytes(peak as f64)),
            None => writeln!(f, "memory      unknown on this system"),
        }
    }
}

/// Latencies in order.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn new(latencies: &[Duration]) -> Self {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        Latencies(sorted)
    }

    /// The least latency that a share `q` of all does not exceed; zero if there is none.
    fn quantile(&self, q: f64) -> Duration {
        let rank = (self.0.len() as f64 * q).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// How many lie up to each doubling of 125 µs, from the first to the last that has any.
    fn rows(&self) -> Vec<(Duration, usize)> {
        let mut rows = Vec::new();
        let (mut upto, mut counted) = (Duration::from_micros(125), 0);
        while counted < self.0.len() {
            let below = self.0.partition_point(|&latency| latency <= upto);
            if below > 0 {
                rows.push((upto, below - counted));
            }
            (upto, counted) = (upto * 2, below);
        }
        rows
    }

    /// A line per row; the longest bar has 40 signs and no row that counts is left empty.
    fn draw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let most = rows.iter().map(|row| row.1).max().unwrap_or(1);
        for (upto, count) in rows {
            let bar = "#".repeat((count * 40).div_ceil(most));
            writeln!(
                f,
                "  {:>9}  {bar:<40} {}",
                format!("≤ {}", time(upto)),
                grouped(count as u64)
            )?;
        }
        Ok(())
    }
}

impl Job {
    /// The line to print about an outcome that was not to be expected.
    fn surprise(&self, outcome: &Result<Answer, Failure>) -> Option<String> {
        let url = &self.url;
        match (&self.expected, outcome) {
            // Not the address's fault: the same line for all of them.
            (_, Err(failure)) if failure.kind == Kind::Descriptors => {
                Some(format!("{failure}: lower --concurrency or raise `ulimit -n`"))
            }
            (None, Ok(_)) => None,
            (None, Err(failure)) => Some(format!("{url}: {failure}")),
            (Some(Ok(planned)), Ok(answer)) if planned == answer => None,
            (Some(Err(planned)), Err(failure)) if *planned == failure.kind => None,
            (Some(planned), Ok(answer)) => {
                let planned = describe(planned);
                Some(format!("{url}: planned was {planned}, it brought {}", describe(&Ok(*answer))))
            }
            (Some(planned), Err(failure)) => {
                Some(format!("{url}: planned was {}, it failed: {failure}", describe(planned)))
            }
        }
    }
}

fn describe(outcome: &Expected) -> String {
    match outcome {
        Ok(answer) => format!("{} with {}", answer.status.as_u16(), counted(answer.body, "byte")),
        Err(kind) => kind.name().to_owned(),
    }
}

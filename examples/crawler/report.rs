//! The visits: counted, and written as a table or as JSON at the end.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{
    End, Run, Scope, Visit,
    args::Args,
    common::{
        failure::Kind,
        status::Classes,
        terminal::peak_rss,
        text::{bytes, counted, grouped, list, ms, time},
    },
    page::Outcome,
    plan::Plan,
    sites::Sites,
};

/// Everything the summary says.
#[derive(Debug)]
pub(crate) struct Report {
    limit: usize,
    depth: u32,
    scope: Arc<Scope>,
    /// How many start URLs there were.
    starts: usize,
    sites: Option<Sites>,
    plan: Option<Plan>,
    visits: Vec<Visit>,
    /// The lines that were printed, so that each is printed once.
    told: HashSet<String>,
    surprises: usize,
    run: Run,
    pub(crate) elapsed: Duration,
    pub(crate) peak_goroutines: usize,
}

impl Report {
    pub(crate) fn new(args: &Args, scope: Arc<Scope>, starts: usize, sites: Option<Sites>) -> Self {
        Report {
            limit: args.limit,
            depth: args.depth,
            scope,
            starts,
            plan: sites.as_ref().map(|sites| sites.plan(args.depth, args.any_host)),
            sites,
            visits: Vec::new(),
            told: HashSet::new(),
            surprises: 0,
            run: Run { end: End::Complete, known: 0 },
            elapsed: Duration::ZERO,
            peak_goroutines: 0,
        }
    }

    /// Keeps a visit. Returns the line to print if it was not to be expected, unless another one has had the
    /// same.
    pub(crate) fn record(&mut self, visit: Visit) -> Option<String> {
        let line = match (&mut self.plan, visit.outcome.failure()) {
            (Some(plan), _) => plan.tick_off(&visit),
            (None, None) => None,
            (None, Some(failure)) if failure.kind == Kind::Descriptors => {
                Some(format!("{failure}: lower --limit or raise `ulimit -n`"))
            }
            // Not the page's fault: the same line for all of the host.
            (None, Some(failure)) if matches!(visit.outcome, Outcome::NoRules(_)) => {
                Some(failure.to_string())
            }
            (None, Some(failure)) => Some(format!("{}: {failure}", visit.url)),
        };
        self.surprises += usize::from(line.is_some());
        self.visits.push(visit);
        line.filter(|line| self.told.insert(line.clone()))
    }

    /// There are no more visits. Returns the lines to print about those that were planned.
    pub(crate) fn close(&mut self, run: Run) -> Vec<String> {
        self.run = run;
        let whole = matches!(run.end, End::Complete | End::Depth);
        let missing = self.plan.as_ref().filter(|_| whole).map(Plan::missing);
        let complaints = self.sites.as_ref().map(Sites::complaints);
        let lines = [missing, complaints].into_iter().flatten().flatten().collect::<Vec<_>>();
        self.surprises += lines.len();
        lines
    }

    /// How much went other than planned, or had no answer where nothing was planned.
    pub(crate) fn surprises(&self) -> usize {
        self.surprises
    }

    /// The line of progress.
    pub(crate) fn so_far(&self) -> String {
        let failed = self.visits.iter().filter(|visit| visit.outcome.failure().is_some()).count();
        let depth = self.visits.last().map_or(0, |visit| visit.depth);
        let running = grouped(gort::runtime::num_goroutine() as u64);
        let pages = counted(self.visits.len() as u64, "page");
        format!("{pages}, {failed} failed, at depth {depth}, {running} goroutines")
    }

    fn totals(&self) -> Totals<'_> {
        let mut totals = Totals { links: self.starts, ..Totals::default() };
        for visit in &self.visits {
            totals.count(visit, &self.scope);
        }
        totals
    }

    /// How many known addresses had no visit, and why.
    fn left(&self) -> (usize, &'static str) {
        let why = match self.run.end {
            End::Complete => "nothing",
            End::Depth => "depth",
            End::Pages => "max-pages",
            End::Deadline => "deadline",
            End::Interrupted => "interrupted",
        };
        (self.run.known - self.visits.len(), why)
    }

    /// How many links led to what was known already.
    fn duplicates(&self, totals: &Totals<'_>) -> usize {
        totals.links - self.run.known
    }

    /// What there is no page behind, why, and the pages with a link to it.
    fn dead(&self) -> Vec<(&str, String, Vec<&str>)> {
        let why = |visit: &Visit| match &visit.outcome {
            Outcome::NoRules(failure) | Outcome::Failed(failure) => Some(failure.to_string()),
            outcome => {
                let status = outcome.status()?;
                (status.as_u16() >= 400).then(|| status.as_u16().to_string())
            }
        };
        let mut dead: HashMap<&str, (String, Vec<&str>)> = HashMap::new();
        for visit in &self.visits {
            if let Some(why) = why(visit) {
                dead.insert(&visit.url, (why, Vec::new()));
            }
        }
        for visit in &self.visits {
            for to in visit.outcome.links() {
                if let Some((_, from)) = dead.get_mut(to.as_str()) {
                    from.push(&visit.url);
                }
            }
        }
        let mut dead: Vec<_> =
            dead.into_iter().map(|(url, (why, from))| (url, why, from)).collect();
        dead.iter_mut().for_each(|(.., from)| from.sort_unstable());
        dead.sort_unstable();
        dead
    }

    pub(crate) fn json(&self) -> Value {
        let totals = self.totals();
        let status = totals.classes.rows().map(|(name, n)| (name.into(), n.into()));
        let errors = totals.errors.iter().map(|(kind, &n)| (kind.name().into(), n.into()));
        let mut visits: Vec<_> = self.visits.iter().collect();
        visits.sort_by_key(|visit| (visit.depth, &visit.url));
        let dead = self.dead();
        let dead =
            dead.iter().map(|(url, why, from)| json!({ "url": url, "why": why, "on": from }));
        let (left, why) = self.left();
        json!({
            "known": self.run.known,
            "visited": totals.visited,
            "status": status.collect::<Map<_, _>>(),
            "errors": errors.collect::<Map<_, _>>(),
            "excluded": totals.excluded,
            "skipped": {
                "duplicates": self.duplicates(&totals),
                "other_hosts": totals.outside,
                "https": totals.https,
                "other_schemes": totals.other,
            },
            "left": left,
            "left_for": why,
            "interrupted": self.run.end == End::Interrupted,
            "planned": self.plan.is_some(),
            "surprises": self.surprises,
            "hosts": totals.hosts.iter().map(|(name, host)| self.host(name, host)).collect::<Vec<_>>(),
            "dead": dead.collect::<Vec<_>>(),
            "pages": visits.into_iter().map(page).collect::<Vec<_>>(),
            "body_bytes": totals.bytes,
            "elapsed_ms": ms(self.elapsed),
            "peak_goroutines": self.peak_goroutines,
            "peak_rss_bytes": peak_rss(),
        })
    }

    fn host(&self, name: &str, host: &HostTotals) -> Value {
        let sites = self.sites.as_ref();
        json!({
            "host": name,
            "name": sites.and_then(|sites| sites.name(name)),
            "visited": host.visited,
            "excluded": host.excluded,
            "errors": host.errors,
            "body_bytes": host.bytes,
            "robots_asked": sites.and_then(|sites| sites.robots_asked(name)),
        })
    }
}

/// A visit as JSON.
fn page(visit: &Visit) -> Value {
    let (status, links) = (visit.outcome.status(), visit.outcome.links().len());
    let mut page = json!({
        "url": visit.url,
        "depth": visit.depth,
        "status": status.map(|status| status.as_u16()),
    });
    match &visit.outcome {
        Outcome::Page { .. } => page["links"] = links.into(),
        Outcome::Other { .. } => {}
        Outcome::Moved { to, .. } => page["moved_to"] = to.as_str().into(),
        Outcome::Excluded => page["excluded"] = true.into(),
        Outcome::NoRules(failure) | Outcome::Failed(failure) => {
            page["error"] = failure.kind.name().into();
        }
    }
    page
}

/// A visit as a line: status, depth, address, and what there is to say.
pub(crate) fn line(visit: &Visit) -> String {
    let status = visit.outcome.status().map_or("---".to_owned(), |s| s.as_u16().to_string());
    let about = match &visit.outcome {
        Outcome::Page { links, .. } => counted(links.len() as u64, "link"),
        Outcome::Other { .. } => "no HTML".to_owned(),
        Outcome::Moved { to, .. } => format!("-> {to}"),
        Outcome::Excluded => "excluded by robots.txt".to_owned(),
        Outcome::NoRules(failure) | Outcome::Failed(failure) => failure.to_string(),
    };
    format!("{status} {:>2} {}  {about}\n", visit.depth, visit.url)
}

/// The table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals();
        if self.run.end == End::Interrupted {
            writeln!(f, "interrupted after {}\n", counted(totals.visited as u64, "page"))?;
        }
        let number = |n: usize| grouped(n as u64);
        let (visited, known) = (number(totals.visited), number(self.run.known));
        writeln!(f, "pages       {visited} of {known} known, {} at a time", number(self.limit))?;
        writeln!(f, "status      {}", totals.classes.list())?;
        let errors = totals.errors.iter();
        let errors = errors.map(|(kind, &n)| format!("{} {}", kind.name(), number(n)));
        writeln!(f, "errors      {}", list(errors))?;
        writeln!(f, "excluded    {} by robots.txt", number(totals.excluded))?;
        let skipped = [
            (self.duplicates(&totals), "duplicate"),
            (totals.outside, "to other hosts"),
            (totals.https, "https"),
            (totals.other, "of other schemes"),
        ];
        let skipped = skipped.into_iter().filter(|(n, _)| *n > 0);
        writeln!(
            f,
            "skipped     {}",
            list(skipped.map(|(n, what)| format!("{} {what}", number(n))))
        )?;
        let left = number(self.left().0);
        match self.run.end {
            End::Complete => {}
            End::Depth => writeln!(f, "left        {left} beyond --depth {}", self.depth)?,
            End::Pages => writeln!(f, "left        {left} beyond --max-pages")?,
            End::Deadline => writeln!(f, "left        {left} at the deadline (--deadline)")?,
            End::Interrupted => writeln!(f, "left        {left}")?,
        }
        match (&self.plan, self.surprises) {
            (None, _) => {}
            (Some(_), 0) => writeln!(f, "plan        all as planned")?,
            (Some(_), n) => writeln!(f, "plan        {} other than planned", number(n))?,
        }
        writeln!(f, "size        {} of HTML", bytes(totals.bytes as f64))?;
        writeln!(f, "time        {}", time(self.elapsed))?;
        writeln!(f, "goroutines  {} at the peak", number(self.peak_goroutines))?;
        self.hosts(f, &totals)?;
        self.dead_links(f)
    }
}

impl Report {
    /// The lines of the hosts.
    fn hosts(&self, f: &mut fmt::Formatter<'_>, totals: &Totals<'_>) -> fmt::Result {
        let name = |host: &str| match self.sites.as_ref().and_then(|sites| sites.name(host)) {
            Some(name) => format!("{host} ({name})"),
            None => host.to_owned(),
        };
        let rows: Vec<_> = totals.hosts.iter().map(|(host, row)| (name(host), row)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(4);
        writeln!(
            f,
            "\n{:width$}  {:>7}  {:>8}  {:>7}  {:>10}",
            "host", "pages", "excluded", "errors", "HTML"
        )?;
        for (name, row) in rows {
            let [visited, excluded, errors] =
                [row.visited, row.excluded, row.errors].map(|n| grouped(n as u64));
            let size = bytes(row.bytes as f64);
            writeln!(f, "{name:width$}  {visited:>7}  {excluded:>8}  {errors:>7}  {size:>10}")?;
        }
        Ok(())
    }

    /// What leads nowhere, and from where.
    fn dead_links(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More pages with the same dead link are only counted.
        const NAMED: usize = 3;

        let dead = self.dead();
        if !dead.is_empty() {
            writeln!(f, "\ndead links")?;
        }
        for (url, why, from) in dead {
            writeln!(f, "{url}: {why}")?;
            for page in from.iter().take(NAMED) {
                writeln!(f, "    on {page}")?;
            }
            if from.len() > NAMED {
                writeln!(f, "    and {} more", grouped((from.len() - NAMED) as u64))?;
            }
        }
        Ok(())
    }
}

/// What the visits add up to.
#[derive(Debug, Default)]
struct Totals<'r> {
    /// All but those that are excluded.
    visited: usize,
    classes: Classes,
    errors: BTreeMap<Kind, usize>,
    excluded: usize,
    bytes: u64,
    /// Links, redirects and starts that could be followed.
    links: usize,
    outside: usize,
    https: usize,
    other: usize,
    hosts: BTreeMap<&'r str, HostTotals>,
}

#[derive(Debug, Default)]
struct HostTotals {
    visited: usize,
    excluded: usize,
    errors: usize,
    bytes: u64,
}

impl<'r> Totals<'r> {
    fn count(&mut self, visit: &'r Visit, scope: &Scope) {
        self.count_links(&visit.outcome, scope);
        let host = visit.url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let mut none = HostTotals::default(); // of a start URL that is no address
        let host = host.map_or(&mut none, |host| self.hosts.entry(host).or_default());
        match &visit.outcome {
            Outcome::Excluded => {
                self.excluded += 1;
                host.excluded += 1;
                return;
            }
            Outcome::NoRules(failure) | Outcome::Failed(failure) => {
                *self.errors.entry(failure.kind).or_default() += 1;
                host.errors += 1;
            }
            Outcome::Page { bytes, .. } => {
                self.bytes += bytes;
                host.bytes += bytes;
            }
            Outcome::Moved { .. } | Outcome::Other { .. } => {}
        }
        if let Some(status) = visit.outcome.status() {
            self.classes.count(status);
        }
        self.visited += 1;
        host.visited += 1;
    }

    fn count_links(&mut self, outcome: &Outcome, scope: &Scope) {
        match outcome {
            Outcome::Page { links, .. } => {
                self.links += links.http.len();
                self.outside += links.outside;
                self.https += links.https;
                self.other += links.other;
            }
            Outcome::Moved { to, .. } => match to.scheme() {
                "http" if scope.has(to) => self.links += 1,
                "http" => self.outside += 1,
                "https" => self.https += 1,
                _ => self.other += 1,
            },
            _ => {}
        }
    }
}

//! From repetitions to tables.

use std::fmt::Write as _;

use crate::check;
use crate::measure::Sample;
use crate::rows::{Impl, Kind, Row, Unit};

/// A row at a number of threads, with what was measured.
pub struct Table<'a> {
    pub row: &'a Row,
    pub threads: usize,
    pub entries: Vec<Entry<'a>>,
}

/// One contestant's figures: a list of repetitions per alternation.
pub struct Entry<'a> {
    pub contestant: &'a Impl,
    runs: Vec<Vec<Sample>>,
    failure: Option<String>,
}

/// The circumstances, for the report's head.
pub struct Machine {
    /// What two threads do together, in terms of one, before and after.
    pub ratio: (f64, f64),
    pub go: Result<String, String>,
    pub alternations: usize,
    /// What counts were divided by.
    pub div: u64,
}

impl Table<'_> {
    /// `yield` or `yield@1`.
    pub fn title(&self) -> String {
        if self.threads == 1 { format!("{}@1", self.row.name) } else { self.row.name.to_string() }
    }

    /// What failed, a line each.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        self.entries.iter().filter_map(|e| {
            e.failure.as_ref().map(|why| format!("  {} {}: {why}", self.title(), e.contestant.name))
        })
    }

    /// The figures of all who finished, best first.
    fn figures(&self) -> Vec<(&Impl, Figures)> {
        let mut figures: Vec<_> = self
            .entries
            .iter()
            .filter_map(|e| Some((e.contestant, e.figures(self.row.unit)?)))
            .collect();
        figures.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
        figures
    }
}

impl<'a> Entry<'a> {
    pub fn new(contestant: &'a Impl) -> Self {
        Entry { contestant, runs: Vec::new(), failure: None }
    }

    /// Takes in one child's result.
    pub fn add(&mut self, result: Result<Vec<Sample>, String>) {
        match result {
            Ok(samples) => self.runs.push(samples),
            Err(why) => self.failure = Some(why),
        }
    }

    /// A contestant that failed once has no figures: what it measured may be of lost items.
    fn figures(&self, unit: Unit) -> Option<Figures> {
        if self.failure.is_some() || self.runs.is_empty() {
            return None;
        }
        let medians = |f: &dyn Fn(&Sample) -> f64| -> Vec<f64> {
            self.runs.iter().map(|run| median(run.iter().map(f).collect())).collect()
        };
        let main = medians(&|s| s.figure(unit));
        let all = || self.runs.iter().flatten();
        Some(Figures {
            median: median(main.clone()),
            least: main.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: main.iter().copied().fold(0.0, f64::max),
            min: all().map(|s| s.figure(unit)).fold(f64::INFINITY, f64::min),
            cpu: median(medians(&|s| s.cpu(unit))),
            set_up: median(medians(&|s| per_op(s.wall_ns, s.ops))),
            vcsw: 1000.0 * ratio(all().map(|s| s.vcsw).sum(), all().map(|s| s.ops).sum()),
            faults: 1000.0 * ratio(all().map(|s| s.faults).sum(), all().map(|s| s.ops).sum()),
        })
    }
}

/// What is told of a contestant in a row.
struct Figures {
    /// Median over alternations of the medians over repetitions.
    median: f64,
    least: f64,
    greatest: f64,
    /// The best single repetition.
    min: f64,
    cpu: f64,
    /// Nanoseconds an operation, for the rows whose figure is bytes.
    set_up: f64,
    /// Per 1,000 operations.
    vcsw: f64,
    faults: f64,
}

impl Sample {
    /// The row's main figure.
    fn figure(&self, unit: Unit) -> f64 {
        match unit {
            Unit::Bytes => ratio(self.bytes, 1),
            _ => per_op(self.wall_ns, self.ops) / scale(unit),
        }
    }

    fn cpu(&self, unit: Unit) -> f64 {
        per_op(self.cpu_ns, self.ops) / scale(unit)
    }
}

fn scale(unit: Unit) -> f64 {
    match unit {
        Unit::Ns | Unit::Bytes => 1.0,
        Unit::Us => 1e3,
        Unit::Ms => 1e6,
    }
}

fn per_op(total: u64, ops: u64) -> f64 {
    ratio(total, ops)
}

#[expect(clippy::cast_precision_loss, reason = "figures of three digits are printed")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

/// Three significant digits, or all of them before the point.
fn show(x: f64) -> String {
    if x < 10.0 {
        format!("{x:.2}")
    } else if x < 100.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.0}")
    }
}

fn times(x: Option<f64>) -> String {
    x.map_or_else(String::new, |x| format!("{x:.2}"))
}

/// The best of those that `wanted` accepts.
fn best<'f>(
    figures: &'f [(&Impl, Figures)],
    wanted: impl Fn(&Impl) -> bool,
) -> Option<(&'f str, f64)> {
    figures.iter().find(|(i, _)| wanted(i)).map(|(i, f)| (i.name, f.median))
}

/// The whole report.
pub fn markdown(machine: &Machine, tables: &[Table<'_>]) -> String {
    let mut out = head(machine);
    out.push_str(&summary(tables));
    for table in tables {
        out.push_str(&section(table));
    }
    out
}

fn head(machine: &Machine) -> String {
    let mut out = String::new();
    let (before, after) = machine.ratio;
    let fit = if before.min(after) < check::WANTED {
        " **Too little: do not trust these figures.**"
    } else {
        ""
    };
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let go = machine.go.clone().unwrap_or_else(|why| format!("no Go ({why})"));
    let _ = writeln!(
        out,
        "Measured on {}, {cpus} CPUs; two threads together do {before:.2} x of one before and {after:.2} x after.{fit}\n\
         {} alternation(s){}; {}; {go}; {}.\n",
        cpu_model(),
        machine.alternations,
        scaled(machine.div),
        allocator(),
        versions(),
    );
    out
}

fn scaled(div: u64) -> String {
    match div {
        1 => String::new(),
        2..50 => format!(" of 1/{div} of the work"),
        _ => format!(" of 1/{div} of the work: only to see that it runs"),
    }
}

fn allocator() -> &'static str {
    if cfg!(feature = "mimalloc") { "mimalloc" } else { "the system's allocator" }
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or("an unknown CPU");
    line.trim_start_matches([' ', '\t', ':']).to_string()
}

/// The peers' versions, from the lock file.
fn versions() -> String {
    const PEERS: [&str; 11] = [
        "tokio",
        "async-executor",
        "async-io",
        "async-channel",
        "async-lock",
        "flume",
        "kanal",
        "crossfire",
        "futures",
        "may",
        "parking_lot",
    ];
    let lock = include_str!("../Cargo.lock");
    let version = |name: &str| {
        let entry =
            lock.split("[[package]]").find(|e| e.contains(&format!("name = \"{name}\"\n")))?;
        entry.lines().find_map(|l| l.strip_prefix("version = \"")).map(|v| v.trim_end_matches('"'))
    };
    PEERS.map(|name| format!("{name} {}", version(name).unwrap_or("?"))).join(", ")
}

/// gort's place in one row: its best contestant over the best of others.
struct Standing<'f> {
    gort: &'f Figures,
    go: Option<f64>,
    tokio: Option<f64>,
    /// The best ranked peer, its figure, and gort's over that.
    peer: Option<(&'f str, f64, f64)>,
    /// CPU an operation over Go's.
    cpu: Option<f64>,
}

impl<'f> Standing<'f> {
    fn of(figures: &'f [(&Impl, Figures)]) -> Option<Self> {
        let (_, gort) = figures.iter().find(|(i, _)| i.kind == Kind::Gort)?;
        let over = |wanted: fn(&Impl) -> bool| best(figures, wanted).map(|(_, m)| gort.median / m);
        let go = figures.iter().find(|(i, _)| i.kind == Kind::Go);
        Some(Standing {
            gort,
            go: over(|i| i.kind == Kind::Go),
            tokio: over(|i| i.kind == Kind::Tokio),
            peer: best(figures, Impl::ranked).map(|(name, m)| (name, m, gort.median / m)),
            cpu: go.map(|(_, go)| gort.cpu / go.cpu),
        })
    }

    /// Whether gort is behind Go, behind tokio, behind the best ranked peer.
    fn behind(&self) -> [bool; 3] {
        let behind = |x: Option<f64>| x.is_some_and(|x| x > 1.0);
        [behind(self.go), behind(self.tokio), behind(self.peer.map(|(_, _, x)| x))]
    }

    fn verdict(&self) -> &'static str {
        match self.behind() {
            [false, false, false] => "first",
            [false, false, true] => "ahead of Go and tokio",
            [true, false, _] => "**behind Go**",
            [false, true, _] => "**behind tokio**",
            [true, true, _] => "**behind both**",
        }
    }

    fn line(&self) -> String {
        let (peer, over_peer) = self.peer.map_or_else(Default::default, |(name, median, x)| {
            (format!("{name} ({})", show(median)), times(Some(x)))
        });
        format!(
            "{} | {} | {} | {peer} | {over_peer} | {} | {} | {} | {}",
            show(self.gort.median),
            times(self.go),
            times(self.tokio),
            show(self.gort.cpu),
            times(self.cpu),
            show(self.gort.vcsw),
            self.verdict()
        )
    }
}

/// gort's place in every row.
fn summary(tables: &[Table<'_>]) -> String {
    let mut out = String::from(
        "### Summary\n\n\
         gort's best contestant against Go, against tokio with its own parts, and against the best ranked peer \
         (below 1: gort is ahead).\n\n\
         | row | gort | x Go | x tokio | best ranked peer | x best ranked | cpu/op | cpu x Go | vcsw/1k | |\n\
         |---|---:|---:|---:|---|---:|---:|---:|---:|---|\n",
    );
    let mut behind = [0; 3];
    let mut measured = 0;
    for table in tables {
        let figures = table.figures();
        let Some(standing) = Standing::of(&figures) else {
            let _ = writeln!(out, "| {} | | | | | | | | | not measured |", table.title());
            continue;
        };
        measured += 1;
        for (count, is_behind) in behind.iter_mut().zip(standing.behind()) {
            *count += usize::from(is_behind);
        }
        let _ = writeln!(out, "| {} | {} |", table.title(), standing.line());
    }
    let [go, tokio, peer] = behind;
    let _ = writeln!(
        out,
        "\nOf {measured} rows gort is behind Go in {go}, behind tokio in {tokio}, behind the best ranked peer in {peer}.\n"
    );
    out
}

/// One row's table.
fn section(table: &Table<'_>) -> String {
    let unit = match table.row.unit {
        Unit::Ns => "ns",
        Unit::Ms => "ms",
        Unit::Us => "µs",
        Unit::Bytes => "bytes",
    };
    let bytes = table.row.unit == Unit::Bytes;
    let (cpu, last) =
        if bytes { ("set-up ns/op", "set-up cpu ns/op") } else { ("cpu/op", "vcsw/1k") };
    let mut out = format!("#### {} ({unit}; an op is {})\n\n", table.title(), table.row.op);
    let _ = writeln!(
        out,
        "| contestant | median | range | min | x Go | x best ranked | {cpu} | {last} | flt/1k |"
    );
    out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    let figures = table.figures();
    let go = best(&figures, |i| i.kind == Kind::Go);
    let peer = best(&figures, Impl::ranked);
    let mut notes = Vec::new();
    for (contestant, f) in &figures {
        let name = name_and_note(contestant, &mut notes);
        let over = |of: Option<(&str, f64)>| times(of.map(|(_, m)| f.median / m));
        let (cpu, last) = if bytes { (f.set_up, f.cpu) } else { (f.cpu, f.vcsw) };
        let _ = writeln!(
            out,
            "| {name} | {} | {}–{} | {} | {} | {} | {} | {} | {} |",
            show(f.median),
            show(f.least),
            show(f.greatest),
            show(f.min),
            over(go),
            over(peer),
            show(cpu),
            show(last),
            show(f.faults),
        );
    }
    for failure in table.failures() {
        let _ = writeln!(out, "\nFailed:{failure}");
    }
    for (mark, note) in notes.iter().enumerate() {
        let _ = write!(
            out,
            "{}{} not ranked: {note}",
            if mark == 0 { "\n" } else { "; " },
            "\\*".repeat(mark + 1)
        );
    }
    out.push_str(if notes.is_empty() { "\n" } else { ".\n\n" });
    out
}

/// A contestant's name, gort's in bold, the unranked with a mark.
fn name_and_note(contestant: &Impl, notes: &mut Vec<&'static str>) -> String {
    match contestant.kind {
        Kind::Gort => format!("**{}**", contestant.name),
        Kind::Shown(why) => {
            let mark = notes.iter().position(|n| *n == why).unwrap_or_else(|| {
                notes.push(why);
                notes.len() - 1
            });
            format!("{}{}", contestant.name, "\\*".repeat(mark + 1))
        }
        _ => contestant.name.to_string(),
    }
}

/// Every repetition, for machines.
pub fn json(machine: &Machine, tables: &[Table<'_>]) -> String {
    let mut out = format!(
        "{{\"two_over_one\": [{:.3}, {:.3}], \"div\": {}, \"results\": [",
        machine.ratio.0, machine.ratio.1, machine.div
    );
    let mut first = true;
    for table in tables {
        for entry in &table.entries {
            let runs: Vec<String> =
                entry.runs.iter().map(|run| format!("[{}]", reps(run))).collect();
            let _ = write!(
                out,
                "{}\n{{\"row\": \"{}\", \"threads\": {}, \"impl\": \"{}\", \"ranked\": {}, \"failed\": {}, \"runs\": [{}]}}",
                if first { "" } else { "," },
                table.row.name,
                table.threads,
                entry.contestant.name,
                entry.contestant.ranked(),
                entry.failure.is_some(),
                runs.join(", "),
            );
            first = false;
        }
    }
    out.push_str("\n]}\n");
    out
}

fn reps(run: &[Sample]) -> String {
    let one = |s: &Sample| {
        format!(
            "{{\"ops\": {}, \"wall_ns\": {}, \"cpu_ns\": {}, \"vcsw\": {}, \"faults\": {}, \"bytes\": {}}}",
            s.ops, s.wall_ns, s.cpu_ns, s.vcsw, s.faults, s.bytes
        )
    };
    run.iter().map(one).collect::<Vec<_>>().join(", ")
}

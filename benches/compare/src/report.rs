//! From figures to tables.

use std::fmt::Write as _;

use crate::check;
use crate::figures::{Figures, Table};
use crate::measure::Sample;
use crate::rows::{Impl, Kind, Unit};

/// The circumstances, for the report's head.
pub struct Machine {
    /// What two threads do together, in terms of one, before and after.
    pub ratio: (f64, f64),
    pub go: Result<String, String>,
    pub alternations: usize,
    /// What counts were divided by.
    pub div: u64,
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
    let mut out = head(machine, tables);
    out.push_str(&summary(tables));
    for table in tables {
        out.push_str(&section(table));
    }
    out
}

fn head(machine: &Machine, tables: &[Table<'_>]) -> String {
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
        "Measured on {}, {cpus} CPUs; two threads together do {before:.2} x of one before and {after:.2} x after.{fit}{}\n\
         {} alternation(s){}; {}; {go}; {}.\n",
        cpu_model(),
        failed(tables),
        machine.alternations,
        scaled(machine.div),
        allocator(),
        versions(),
    );
    out
}

/// Who has no figures, as the first thing to be known of them.
fn failed(tables: &[Table<'_>]) -> String {
    let names = |table: &Table<'_>| {
        let title = table.title();
        let failed = table.entries.iter().filter(|e| e.failure.is_some());
        failed.map(|e| format!("{title} {}", e.contestant.name)).collect::<Vec<_>>()
    };
    let names: Vec<_> = tables.iter().flat_map(names).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" **Failed, and without figures: {}.**", names.join(", "))
    }
}

/// Whether so little of the work is only done to see that it runs.
pub fn only_runs(div: u64) -> bool {
    div >= 50
}

fn scaled(div: u64) -> String {
    match div {
        1 => String::new(),
        _ if only_runs(div) => format!(" of 1/{div} of the work: only to see that it runs"),
        _ => format!(" of 1/{div} of the work"),
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
    const PEERS: [&str; 13] = [
        "tokio",
        "tokio-util",
        "async-executor",
        "async-io",
        "async-channel",
        "async-lock",
        "event-listener",
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
    if let Some(note) = table.row.note {
        let _ = writeln!(out, "Note: {note}.\n");
    }
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

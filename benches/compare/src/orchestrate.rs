//! Goes through rows and contestants, a child process each, several times.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::check;
use crate::figures::{Entry, Table};
use crate::golang::{self, Go};
use crate::measure::Sample;
use crate::pin;
use crate::report::{self, Machine};
use crate::rows::{Impl, Kind, Row, rows};

/// A child that takes longer has hung.
const LIMIT: Duration = Duration::from_secs(120);

/// Workers where a row does not say otherwise.
const THREADS: usize = 2;

/// What the command line asks for.
pub struct Options {
    rows: Vec<String>,
    impls: Vec<String>,
    alternations: Option<usize>,
    threads: usize,
    quick: bool,
    div: Option<usize>,
    json: Option<PathBuf>,
    output: Option<PathBuf>,
    record: bool,
}

impl Options {
    pub fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Options {
            rows: Vec::new(),
            impls: Vec::new(),
            alternations: None,
            threads: THREADS,
            quick: false,
            div: None,
            json: None,
            output: None,
            record: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match arg.as_str() {
                "--impl" => options.impls.push(value()?.clone()),
                "--alternations" => options.alternations = Some(number(value()?)?),
                "--threads" => options.threads = number(value()?)?,
                "--quick" => options.quick = true,
                "--record" => options.record = true,
                "--div" => options.div = Some(number(value()?)?),
                "--json" => options.json = Some(value()?.into()),
                "--output" => options.output = Some(value()?.into()),
                flag if flag.starts_with('-') => {
                    return Err(format!("unknown option {flag}; see --help"));
                }
                row => options.rows.push(row.to_string()),
            }
        }
        match options.unrecordable() {
            Some(why) if options.record => Err(format!("--record: {why}")),
            _ => Ok(options),
        }
    }

    /// Why tables of a run with these options are not to be those of BENCHMARKS.md.
    fn unrecordable(&self) -> Option<&'static str> {
        if !self.rows.is_empty() || !self.impls.is_empty() {
            Some("the tables are of all rows and contestants")
        } else if self.threads != THREADS {
            Some("the tables are of two workers")
        } else if report::only_runs(self.div()) {
            Some("so little work says only that it runs")
        } else {
            None
        }
    }

    /// Counts are divided by this.
    fn div(&self) -> u64 {
        let default = if self.quick { 100 } else { 1 };
        self.div.map_or(default, |div| div as u64)
    }

    fn wants_row(&self, name: &str, title: &str) -> bool {
        self.rows.is_empty()
            || self.rows.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(start) => title.starts_with(start),
                None => wanted == name || wanted == title,
            })
    }

    fn wants_impl(&self, name: &str) -> bool {
        self.impls.is_empty() || self.impls.iter().any(|wanted| name.contains(wanted.as_str()))
    }
}

fn number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{text} is not a number above 0")),
    }
}

/// Measures and prints the tables.
pub fn run(options: &Options) -> Result<(), String> {
    let rows = rows();
    let mut tables = tables(&rows, options);
    if tables.is_empty() {
        return Err("no such row; see --list".into());
    }
    let ratio = check::two_over_one(Duration::from_millis(if options.quick { 500 } else { 4000 }));
    warn_if_unfit(ratio);
    let go = golang::build();
    if let Err(why) = &go {
        eprintln!("compare: without Go: {why}");
        for table in &mut tables {
            table.entries.retain(|e| e.contestant.run.is_some());
        }
    }
    let alternations = options.alternations.unwrap_or(if options.quick { 1 } else { 3 });
    let start = Instant::now();
    for turn in 1..=alternations {
        for table in &mut tables {
            eprintln!(
                "compare: {:>4} s  {turn}/{alternations}  {}",
                start.elapsed().as_secs(),
                table.title()
            );
            for i in order(table.entries.len(), turn, alternations) {
                let entry = &mut table.entries[i];
                let child = command(&go, table.row, entry.contestant, table.threads, options.div());
                entry.add(child.and_then(measure));
            }
        }
    }
    let after = check::two_over_one(Duration::from_millis(if options.quick { 500 } else { 4000 }));
    warn_if_unfit(after);
    let machine = Machine {
        ratio: (ratio, after),
        go: go.as_ref().map(|g| g.version.clone()).map_err(Clone::clone),
        alternations,
        div: options.div(),
    };
    finish(options, &machine, &tables)
}

/// The order of `n` contestants in an alternation, each time from another one on: over all of them,
/// each has been early and late.
fn order(n: usize, turn: usize, alternations: usize) -> impl Iterator<Item = usize> {
    let first = (turn - 1) * n / alternations;
    (first..n).chain(0..first)
}

fn finish(options: &Options, machine: &Machine, tables: &[Table<'_>]) -> Result<(), String> {
    let text = report::markdown(machine, tables);
    print!("{text}");
    let write = |file: &PathBuf, text: &str| {
        std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
    };
    if let Some(file) = &options.output {
        write(file, &text)?;
    }
    if let Some(file) = &options.json {
        write(file, &report::json(machine, tables))?;
    }
    if options.record {
        if unfit(machine.ratio) {
            return Err(
                "--record: the machine was unfit before and after: nothing is recorded".into()
            );
        }
        record(&text)?;
    }
    let failed: Vec<_> = tables.iter().flat_map(Table::failures).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("{} failed:\n{}", failed.len(), failed.join("\n")))
    }
}

/// Puts the tables in place of those in BENCHMARKS.md, whose summary stays beside them.
fn record(tables: &str) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../BENCHMARKS.md");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let text = recorded(&text, tables).ok_or("BENCHMARKS.md has no latest tables")?;
    std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
}

/// BENCHMARKS.md with these tables as the latest.
fn recorded(text: &str, tables: &str) -> Option<String> {
    const BEFORE: &str = "## The summary before\n";
    const LATEST: &str = "## Latest tables\n";
    let (head, latest) = text.split_once(LATEST)?;
    let head = head.split_once(BEFORE).map_or(head, |(head, _)| head);
    let summary = latest.split_once("\n####").map_or(latest, |(summary, _)| summary);
    let summary = summary.replace("### Summary\n\n", "");
    Some(format!(
        "{head}{BEFORE}\nOf the run before, perhaps of another machine: ratios may be compared, times may not.\n\n\
         {}\n\n{LATEST}\n{}\n",
        summary.trim(),
        tables.trim_end()
    ))
}

/// Whether two threads did too little at both looks. A run that began or ended on a fit machine says
/// so, and whoever reads it may judge.
fn unfit((before, after): (f64, f64)) -> bool {
    before.max(after) < check::WANTED
}

fn warn_if_unfit(ratio: f64) {
    if ratio < check::WANTED {
        eprintln!(
            "compare: WARNING: two threads together do only {ratio:.2} x of one here (wanted {}): do not trust these figures",
            check::WANTED
        );
    }
}

/// The tables to fill: every wanted row, at the full count of threads and at one.
fn tables<'a>(rows: &'a [Row], options: &Options) -> Vec<Table<'a>> {
    let mut tables = Vec::new();
    for row in rows {
        for threads in [options.threads, 1] {
            let again = threads == 1 && (!row.at1 || options.threads == 1);
            let mut table = Table { row, threads, entries: Vec::new() };
            if (again && options.threads != threads) || !options.wants_row(row.name, &table.title())
            {
                continue;
            }
            if tables.iter().any(|t: &Table<'_>| t.row.name == row.name && t.threads == threads) {
                continue;
            }
            let takes_part = |i: &&Impl| i.runs_at(threads) && options.wants_impl(i.name);
            table.entries = row.impls.iter().filter(takes_part).map(Entry::new).collect();
            // Go beside gort beside the others, so that slow drift hits them alike.
            table.entries.sort_by_key(|e| match e.contestant.kind {
                Kind::Go => 0,
                _ if e.contestant.run.is_none() => 1,
                Kind::Gort => 2,
                _ => 3,
            });
            tables.push(table);
        }
    }
    tables
}

/// The command that measures one contestant once.
fn command(
    go: &Result<Go, String>,
    row: &Row,
    contestant: &Impl,
    threads: usize,
    div: u64,
) -> Result<Command, String> {
    let mut command = if contestant.run.is_some() {
        let mut this = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
        this.arg("run");
        this
    } else {
        Command::new(&go.as_ref().map_err(Clone::clone)?.program)
    };
    command
        .args([row.name, contestant.name, &threads.to_string(), &div.to_string()])
        .env("GOMAXPROCS", threads.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if threads == 1 && row.pinned {
        pin::to_one_cpu(&mut command)?;
    }
    Ok(command)
}

/// Runs a child to its end and reads its figures.
fn measure(mut command: Command) -> Result<Vec<Sample>, String> {
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let errors = read_to_end(child.stderr.take().unwrap());
    let output = read_to_end(child.stdout.take().unwrap());
    let Ok(output) = output.recv_timeout(LIMIT) else {
        stop(&mut child);
        return Err(format!("still running after {} s", LIMIT.as_secs()));
    };
    let status = child.wait().map_err(|e| e.to_string())?;
    if !status.success() {
        let errors = errors.recv().unwrap_or_default();
        let line = errors
            .lines()
            .find(|l| !l.trim().is_empty() && !l.contains("panicked at"))
            .unwrap_or("no message");
        return Err(format!("{status}: {line}"));
    }
    let samples: Vec<Sample> = output.lines().filter_map(parse).collect();
    if samples.is_empty() { Err("printed no figures".into()) } else { Ok(samples) }
}

/// Reads a child's output on a thread of its own; what it read comes when the pipe closes.
fn read_to_end(mut from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = tx.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    rx
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn parse(line: &str) -> Option<Sample> {
    let mut fields = line.strip_prefix("rep ")?.split(' ').map(|f| f.parse().ok());
    let mut next = || fields.next().flatten();
    Some(Sample {
        ops: next()?,
        wall_ns: next()?,
        cpu_ns: next()?,
        vcsw: next()?,
        faults: next()?,
        bytes: next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Options, String> {
        Options::parse(&args.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn only_a_whole_and_earnest_run_is_recorded() {
        for args in ["", "--div 4 --alternations 2", "--output x --json y"] {
            assert!(parse(&format!("--record {args}")).is_ok(), "{args}");
        }
        for args in ["yield", "--impl gort", "--quick", "--div 100", "--threads 1"] {
            assert!(parse(args).is_ok(), "{args}");
            assert!(parse(&format!("--record {args}")).is_err(), "{args}");
            assert!(parse(&format!("{args} --record")).is_err(), "{args}");
        }
        assert!(unfit((1.79, 1.2)));
        assert!(!unfit((1.75, 2.01)) && !unfit((1.95, 1.2)) && !unfit((1.9, 1.9)));
    }

    #[test]
    fn each_contestant_is_once_in_each_part_of_a_row() {
        for n in [1, 2, 9, 10] {
            let mut places = vec![Vec::new(); n];
            for turn in 1..=3 {
                order(n, turn, 3).enumerate().for_each(|(place, i)| places[i].push(place));
            }
            for mut places in places {
                places.sort_unstable();
                let near =
                    |(part, place): (usize, &usize)| place.abs_diff(part * n / 3) <= n.div_ceil(3);
                assert!(places.iter().enumerate().all(near), "{n}: {places:?}");
            }
        }
    }
}

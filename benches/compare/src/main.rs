//! Measures gort beside its peers. `compare --help` says how; `../../BENCHMARKS.md` says what the
//! method is and keeps the latest tables.
//!
//! The program is two: without a sub-command it orchestrates, starting one child process per
//! (row, contestant, threads); as `compare run ROW IMPL THREADS DIV` it is such a child, which
//! runs the workload and prints a line per repetition. The Go contestants are children of a second
//! program with the same protocol, built from `go/`.

mod chan;
mod check;
mod figures;
mod golang;
mod measure;
mod orchestrate;
mod pin;
mod report;
mod rows;
mod rt;
mod work;

use std::process::ExitCode;

use measure::Plan;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures gort beside its peers.

compare [OPTIONS] [ROW…]      measure; without ROW all. A ROW is a name as in --list (`yield`: at two
                              threads and at one; `yield@1`: at one), a `*` at its end stands for any rest
  --impl NAME                 only contestants whose name contains NAME (may be repeated; Go and gort
                              have to be named, too)
  --quick                     a hundredth of the work, one alternation: to see that it runs
  --div N                     counts divided by N (100 with --quick, else 1)
  --alternations N            how often to go through all of it (default 3)
  --threads N                 workers where a row does not say @1 (default 2)
  --json FILE                 write every repetition to FILE
  --output FILE               write the tables to FILE, too
  --record                    put the tables into BENCHMARKS.md in place of the latest ones: only those of
                              all rows and contestants, of an earnest run, on a fit machine
  --list                      list rows and contestants
compare run ROW IMPL THREADS DIV
                              one measurement in this process, which is not confined to one CPU; counts
                              are divided by DIV
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.first().map(String::as_str) {
        Some("--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some("--list") => {
            list();
            return ExitCode::SUCCESS;
        }
        Some("run") => child(&args[1..]),
        _ => orchestrate::Options::parse(&args).and_then(|options| orchestrate::run(&options)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::FAILURE
        }
    }
}

/// One measurement in this process.
fn child(args: &[String]) -> Result<(), String> {
    let [row, name, threads, div] = args else {
        return Err("run takes ROW IMPL THREADS DIV".into());
    };
    let plan = Plan {
        threads: threads.parse().map_err(|e| format!("{threads}: {e}"))?,
        div: div.parse().map_err(|e| format!("{div}: {e}"))?,
    };
    let rows = rows::rows();
    let row = rows.iter().find(|r| r.name == row).ok_or_else(|| format!("no row {row}"))?;
    let contestant =
        row.impls.iter().find(|i| i.name == name).ok_or_else(|| format!("no contestant {name}"))?;
    let run = contestant.run.ok_or("that is one of Go's")?;
    crossfire::detect_backoff_cfg();
    measure::leave(&run(plan))
}

fn list() {
    for row in rows::rows() {
        let at = if row.at1 { "also @1" } else { "" };
        println!("{} (op: {}) {at}", row.name, row.op);
        for contestant in row.impls {
            let note = match contestant.kind {
                rows::Kind::Shown(why) => format!(" (not ranked: {why})"),
                _ if contestant.one_thread => " (@1 only)".into(),
                _ => String::new(),
            };
            println!("    {}{note}", contestant.name);
        }
        if let Some(note) = row.note {
            println!("    note: {note}");
        }
    }
}

//! The table of goroutines at growing numbers, and the goals it has to meet.

use std::path::Path;
use std::process::Command;

use crate::golang::{self, Go};

/// No goroutine blocked in a receive may take more bytes.
const BYTES: f64 = 256.0;
/// One of ten million may cost this much of what one of a hundred thousand costs.
const GROWTH: f64 = 1.2;
/// So many processes for a figure.
const PROCESSES: usize = 5;
/// What is touched before a measurement, for each of its goroutines: more than any of them takes.
const TOUCHED: u64 = 512;
/// The same for Go's.
const TOUCHED_GO: u64 = 3072;
/// A Go stack is 2 KiB at least: more than a million would need more memory than many machines have.
const MOST_GO: u64 = 1_000_000;

/// Measures from 10^4 up to `most` and prints.
pub fn print(most: u64) -> Result<(), String> {
    let go = golang::build();
    match &go {
        Ok(go) => eprintln!("memory: {}", go.version),
        Err(why) => eprintln!("memory: without Go: {why}"),
    }
    let counts: Vec<u64> = (4..=7).map(|e| 10_u64.pow(e)).filter(|n| *n <= most).collect();
    println!("| what | who | {} |", each(&counts, |n| format!("at {n}")));
    println!("|---|---|{}", "---:|".repeat(counts.len()));
    let mut complaints = Vec::new();
    for what in ["recv", "sleep", "pending"] {
        for who in ["gort", "tokio", "go"] {
            let measured: Vec<_> =
                counts.iter().map(|n| (*n, measure(&go, who, what, *n))).collect();
            if who == "gort" {
                complaints.extend(check(what, &measured));
            }
            if measured.iter().all(|(_, m)| m.is_none()) {
                continue;
            }
            let cells = each(&measured, |(_, m)| match m {
                Some((bytes, ns)) => format!("{bytes:.0} B, {ns:.0} ns"),
                None => "–".into(),
            });
            println!("| {what} | {who} | {cells} |");
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
}

fn each<T>(items: &[T], f: impl Fn(&T) -> String) -> String {
    items.iter().map(f).collect::<Vec<_>>().join(" | ")
}

/// What gort's line misses of the goals.
fn check(what: &str, measured: &[(u64, Option<(f64, f64)>)]) -> Vec<String> {
    let missing = measured.iter().filter(|(_, m)| m.is_none());
    let mut complaints: Vec<_> =
        missing.map(|(n, _)| format!("{what}: no figure at {n}")).collect();
    let at = |wanted: u64| measured.iter().find(|(n, _)| *n == wanted).and_then(|(_, m)| *m);
    if what == "recv" {
        for (n, m) in measured {
            if let Some((bytes, _)) = m.filter(|(bytes, _)| *n >= 100_000 && *bytes > BYTES) {
                complaints.push(format!("{bytes:.0} bytes a goroutine in a receive at {n}"));
            }
        }
    }
    if let (Some(small), Some(large)) = (at(100_000), at(10_000_000)) {
        if large.0 > small.0 * GROWTH {
            complaints.push(format!("{what}: bytes grow from {:.0} to {:.0}", small.0, large.0));
        }
        if large.1 > small.1 * GROWTH {
            complaints.push(format!("{what}: ns grow from {:.0} to {:.0}", small.1, large.1));
        }
    }
    complaints
}

/// Bytes and nanoseconds for each of `n`, of the fastest of several processes: whoever else uses the machine, and the
/// memory that the system has to find, only add. `None` where it cannot be had or one of them fails.
fn measure(go: &Result<Go, String>, who: &str, what: &str, n: u64) -> Option<(f64, f64)> {
    let all: Option<Vec<_>> = (0..PROCESSES).map(|_| measure_once(go, who, what, n)).collect();
    all?.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))
}

fn measure_once(go: &Result<Go, String>, who: &str, what: &str, n: u64) -> Option<(f64, f64)> {
    let program = std::env::current_exe().ok()?;
    if who == "go" {
        if what == "pending" || n > MOST_GO {
            return None;
        }
        let go = go.as_ref().ok()?;
        touch_before(&program, n * TOUCHED_GO)?;
        return measure_go(&go.program, what, n);
    }
    touch_before(&program, n * TOUCHED)?;
    let output = Command::new(program).args(["run", who, what, &n.to_string()]).output().ok()?;
    if !output.status.success() {
        eprintln!("memory: {who} {what} {n}: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(|x| x.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Has the machine find memory that it has not used for some time. A virtual machine's host takes such memory away: a
/// page costs up to six times as much at first as when it has been touched lately, which is nobody's cost that is
/// measured here, and more of ten million goroutines than of a hundred thousand.
fn touch_before(program: &Path, bytes: u64) -> Option<()> {
    let status = Command::new(program).args(["touch", &bytes.to_string()]).status().ok()?;
    status.success().then_some(())
}

/// Touches so much memory.
pub fn touch(bytes: u64) -> Result<(), String> {
    const PAGE: usize = 4096;
    let length = usize::try_from(bytes).map_err(|e| format!("{bytes} bytes: {e}"))?;
    let mut memory = vec![0_u8; length];
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    std::hint::black_box(memory);
    Ok(())
}

/// The comparison's Go program has the same measurement, of a million divided by its last argument.
fn measure_go(program: &Path, what: &str, n: u64) -> Option<(f64, f64)> {
    let div = (MOST_GO / n).to_string();
    let output = Command::new(program)
        .args([&format!("mem_{what}"), "go", "2", &div])
        .env("GOMAXPROCS", "2")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let fields: Vec<f64> =
        text.strip_prefix("rep ")?.split_whitespace().map_while(|f| f.parse().ok()).collect();
    let [ops, wall, .., bytes] = fields[..] else { return None };
    Some((bytes, wall / ops))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_missing_is_a_complaint() {
        let fine = Some((200.0, 300.0));
        let check =
            |seven| check("recv", &[(100_000, fine), (1_000_000, fine), (10_000_000, seven)]);
        assert_eq!(check(fine), Vec::<String>::new());
        assert_eq!(check(None), ["recv: no figure at 10000000"]);
        assert_eq!(check(Some((300.0, 300.0))).len(), 2);
    }
}

//! From repetitions to figures.

use crate::measure::Sample;
use crate::rows::{Impl, Row, Unit};

/// A row at a number of threads, with what was measured.
pub struct Table<'a> {
    pub row: &'a Row,
    pub threads: usize,
    pub entries: Vec<Entry<'a>>,
}

/// One contestant's figures: a list of repetitions per alternation.
pub struct Entry<'a> {
    pub contestant: &'a Impl,
    pub runs: Vec<Vec<Sample>>,
    pub failure: Option<String>,
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
    pub fn figures(&self) -> Vec<(&Impl, Figures)> {
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
pub struct Figures {
    /// Median over alternations of the medians over repetitions.
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
    /// The best single repetition.
    pub min: f64,
    pub cpu: f64,
    /// Nanoseconds an operation, for the rows whose figure is bytes.
    pub set_up: f64,
    /// Per 1,000 operations.
    pub vcsw: f64,
    pub faults: f64,
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

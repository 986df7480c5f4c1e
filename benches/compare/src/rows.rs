//! The table of rows and contestants, a file per family. A row is a workload; a contestant names itself as
//! `channel/runtime` (or only one of the two where only one matters).

use crate::measure::{Plan, Sample};
use crate::rt::Rt;

/// gort counts with its own WaitGroup.
type GortWg = gort::sync::WaitGroup;

/// What a row's figure is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds an operation.
    Ns,
    /// Milliseconds for the whole.
    Ms,
    /// Microseconds of the longest pause.
    Us,
    /// Bytes of resident memory a task.
    Bytes,
}

/// Where a contestant stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gort,
    Go,
    /// tokio with its own channels, locks and timers, and with those of tokio-util: ranked, and named in the
    /// issue's goals.
    Tokio,
    /// Ranked: does the same job (bounded, M:N, safe to cancel).
    Peer,
    /// Shown but not ranked, and why.
    Shown(&'static str),
}

#[expect(non_upper_case_globals, reason = "read like variants in the table")]
mod kinds {
    use super::Kind;
    pub(super) const Gort: Kind = Kind::Gort;
    pub(super) const Tokio: Kind = Kind::Tokio;
    pub(super) const Peer: Kind = Kind::Peer;
    pub(super) const Lossy: Kind = Kind::Shown("a dropped receive loses the item it was handed");
    pub(super) const Unbounded: Kind = Kind::Shown("stackful; channels without bound");
    pub(super) const Stackful: Kind = Kind::Shown("stackful");
    pub(super) const Blocks: Kind = Kind::Shown("blocks the worker's thread");
    pub(super) const NoHeap: Kind = Kind::Shown("since Go 1.23 such a timer never enters the heap");
    pub(super) const Biased: Kind = Kind::Shown("no random choice");
    pub(super) const BareNotice: Kind =
        Kind::Shown("only tells: the lock cannot be held across an await, and is not handed back");
    pub(super) const NoWeights: Kind = Kind::Shown("takes one at a time");
    pub(super) const OneFuture: Kind =
        Kind::Shown("ends one future, nothing can be made from it or wait for it");
}

/// One contestant of a row.
pub struct Impl {
    pub name: &'static str,
    pub kind: Kind,
    /// Takes part only where all have one thread.
    pub one_thread: bool,
    /// `None`: the Go program runs it.
    pub run: Option<fn(Plan) -> Vec<Sample>>,
}

impl Impl {
    /// One on the runtime `R`.
    fn on<R: Rt>(name: &'static str, kind: Kind, run: fn(Plan) -> Vec<Sample>) -> Self {
        Impl { name, kind, one_thread: R::ONE_THREAD, run: Some(run) }
    }

    /// Whether it takes part with this many threads.
    pub fn runs_at(&self, threads: usize) -> bool {
        !self.one_thread || threads == 1
    }

    /// Whether it counts when the best is looked for.
    pub fn ranked(&self) -> bool {
        matches!(self.kind, Kind::Go | Kind::Tokio | Kind::Peer)
    }
}

/// One workload.
pub struct Row {
    pub name: &'static str,
    /// What one operation is.
    pub op: &'static str,
    pub unit: Unit,
    /// Also measured with one worker.
    pub at1: bool,
    /// With one worker, confined to one CPU.
    pub pinned: bool,
    pub impls: Vec<Impl>,
    /// What has to be known to read its figures.
    pub note: Option<&'static str>,
}

impl Row {
    fn note(self, note: &'static str) -> Self {
        Row { note: Some(note), ..self }
    }

    /// A row about threads beside the one worker.
    fn unpinned(self) -> Self {
        Row { pinned: false, ..self }
    }
}

fn row(name: &'static str, op: &'static str, unit: Unit, at1: bool, impls: Vec<Impl>) -> Row {
    Row { name, op, unit, at1, pinned: true, impls, note: None }
}

fn go(name: &'static str) -> Impl {
    Impl { name, kind: Kind::Go, one_thread: false, run: None }
}

fn go_shown(name: &'static str, kind: Kind) -> Impl {
    Impl { name, kind, one_thread: false, run: None }
}

/// `impls![work; Kind "name" (Runtime, Other), …]`: the contestants of an async workload.
macro_rules! impls {
    ($module:ident :: $work:ident; $($kind:ident $name:literal ($rt:ident $(, $arg:ident)*)),* $(,)?) => {
        impls![drive $module::$work; $($kind $name ($rt $(, $arg)*)),*]
    };
    ($how:ident $module:ident :: $work:ident; $($kind:ident $name:literal ($rt:ident $(, $arg:ident)*)),* $(,)?) => {
        vec![$(crate::rows::Impl::on::<crate::rt::$rt>($name, crate::rows::kinds::$kind, |p| {
            crate::measure::$how::<crate::rt::$rt, _>(p, $module::$work::<crate::rt::$rt $(, $arg)*>)
        })),*]
    };
}

fn may(name: &'static str, kind: Kind, run: fn(Plan) -> Vec<Sample>) -> Vec<Impl> {
    vec![Impl { name, kind, one_thread: false, run: Some(run) }]
}

/// Puts the parts of a row's list of contestants together.
fn all(parts: impl IntoIterator<Item = Vec<Impl>>) -> Vec<Impl> {
    parts.into_iter().flatten().collect()
}

mod channels;
mod contexts;
mod groups;
mod locks;
mod memory;
mod net;
mod patterns;
mod selects;
mod tasks;
mod timers;
mod waits;

/// Every row, in the order of the tables.
pub fn rows() -> Vec<Row> {
    let families = [
        tasks::rows(),
        channels::rows(),
        selects::rows(),
        locks::rows(),
        waits::rows(),
        contexts::rows(),
        groups::rows(),
        timers::rows(),
        net::rows(),
        patterns::rows(),
        memory::rows(),
    ];
    families.into_iter().flatten().collect()
}

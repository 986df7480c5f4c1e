//! The table of rows and contestants. A row is a workload; a contestant names itself as
//! `channel/runtime` (or only one of the two where only one matters).

use crate::chan::{
    AsyncChannel, CrossfireMpmc, CrossfireMpsc, CrossfireSpsc, Flume, FuturesMpsc, GortChan, Kanal,
    TokioMpsc,
};
use crate::measure::{Plan, Sample, drive, once};
use crate::rt::{Counter, FuturesPool, Gort, Smol, SmolStatic, Tokio, TokioLocal};
use crate::work::locks::{AsyncLock, FuturesMutex, GortMutex, ParkingLot, StdMutex, TokioMutex};
use crate::work::net::{GortNet, SmolNet, TokioNet};
use crate::work::select::{
    AsyncChannelDefault, AsyncChannelSelect, CrossfireDefault, CrossfireSelect, FlumeDefault,
    FlumeSelect, FuturesDefault, FuturesSelect, GortSelect, KanalDefault, TokioBiased,
    TokioDefault, TokioSelect,
};
use crate::work::timers::{
    FlumeTokioSelect, GortTimerSelect, KanalSmolSelect, KanalTokioSelect, SmolTimerSelect,
    TokioTimerSelect,
};
use crate::work::{channels, locks, memory, net, patterns, select, stackful, tasks, timers};

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
    /// tokio with its own channels, locks and timers: ranked, and named in the goals.
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
    pub(super) const OneThread: Kind = Kind::Shown("one thread only");
    pub(super) const NoHeap: Kind = Kind::Shown("since Go 1.23 such a timer never enters the heap");
    pub(super) const Biased: Kind = Kind::Shown("no random choice");
}

/// One contestant of a row.
pub struct Impl {
    pub name: &'static str,
    pub kind: Kind,
    /// `None`: the Go program runs it.
    pub run: Option<fn(Plan) -> Vec<Sample>>,
}

impl Impl {
    fn new(name: &'static str, kind: Kind, run: fn(Plan) -> Vec<Sample>) -> Self {
        Impl { name, kind, run: Some(run) }
    }

    /// Whether it takes part with this many threads.
    pub fn runs_at(&self, threads: usize) -> bool {
        self.kind != kinds::OneThread || threads == 1
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
    pub impls: Vec<Impl>,
}

fn row(name: &'static str, op: &'static str, unit: Unit, at1: bool, impls: Vec<Impl>) -> Row {
    Row { name, op, unit, at1, impls }
}

fn go(name: &'static str) -> Impl {
    Impl { name, kind: Kind::Go, run: None }
}

fn go_shown(name: &'static str, kind: Kind) -> Impl {
    Impl { name, kind, run: None }
}

/// `impls![work; Kind "name" (Runtime, Other), …]`: the contestants of an async workload.
macro_rules! impls {
    ($module:ident :: $work:ident; $($kind:ident $name:literal ($rt:ident $(, $arg:ident)*)),* $(,)?) => {
        impls![drive $module::$work; $($kind $name ($rt $(, $arg)*)),*]
    };
    ($how:ident $module:ident :: $work:ident; $($kind:ident $name:literal ($rt:ident $(, $arg:ident)*)),* $(,)?) => {
        vec![$(Impl::new($name, kinds::$kind, |p| $how::<$rt, _>(p, $module::$work::<$rt $(, $arg)*>))),*]
    };
}

fn may(name: &'static str, kind: Kind, run: fn(Plan) -> Vec<Sample>) -> Vec<Impl> {
    vec![Impl::new(name, kind, run)]
}

/// Puts the parts of a row's list of contestants together.
fn all(parts: impl IntoIterator<Item = Vec<Impl>>) -> Vec<Impl> {
    parts.into_iter().flatten().collect()
}

/// Every row, in the order of the tables.
pub fn rows() -> Vec<Row> {
    let mut rows = task_rows();
    rows.extend(channel_rows());
    rows.extend(select_rows());
    rows.extend(lock_rows());
    rows.extend(timer_rows());
    rows.extend(net_rows());
    rows.extend(pattern_rows());
    rows.extend(memory_rows());
    rows
}

fn task_rows() -> Vec<Row> {
    vec![
        row(
            "spawn_join",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::spawn_join_handles;
                    Gort "gort/handles" (Gort),
                    Tokio "tokio/handles" (Tokio),
                    OneThread "tokio-current_thread/handles" (TokioLocal),
                    Peer "smol/handles" (Smol),
                    Peer "smol-static/handles" (SmolStatic),
                ],
                impls![tasks::spawn_join_wg;
                    Gort "gort/wg" (Gort, GortWg),
                    Tokio "tokio/wg" (Tokio, Counter),
                    OneThread "tokio-current_thread/wg" (TokioLocal, Counter),
                    Peer "smol/wg" (Smol, Counter),
                    Peer "smol-static/wg" (SmolStatic, Counter),
                    Peer "futures-pool/wg" (FuturesPool, Counter),
                ],
                may("may(waves-of-10k)", kinds::Stackful, |p| {
                    stackful::run(p, stackful::spawn_join)
                }),
            ]),
        ),
        row(
            "spawn_from_task",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::spawn_from_task;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    OneThread "tokio-current_thread" (TokioLocal, Counter),
                    Peer "smol" (Smol, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                    Peer "futures-pool" (FuturesPool, Counter),
                ],
                may("may(depth-12)", kinds::Stackful, |p| {
                    stackful::run(p, stackful::spawn_from_task)
                }),
            ]),
        ),
        row(
            "yield",
            "a yield",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::yields;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    OneThread "tokio-current_thread" (TokioLocal, Counter),
                    Peer "smol" (Smol, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::yields)),
            ]),
        ),
        row(
            "waitgroup",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::waitgroup;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio/counter" (Tokio, Counter),
                    Peer "smol-static/counter" (SmolStatic, Counter),
                ],
            ]),
        ),
        row(
            "handoff_stall",
            "the longest pause of the others",
            Unit::Us,
            true,
            all([
                vec![go("go")],
                impls![tasks::handoff_stall;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                ],
            ]),
        ),
    ]
}

fn channel_rows() -> Vec<Row> {
    vec![
        row(
            "pingpong_unbuf",
            "a round trip",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::pingpong;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    OneThread "tokio-mpsc(cap1)/tokio-current_thread" (TokioLocal, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "flume/smol-static" (SmolStatic, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel(cap1)/smol-static" (SmolStatic, AsyncChannel),
                    Peer "futures-mpsc(cap1)/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-spsc(cap1)/tokio" (Tokio, CrossfireSpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may-spsc(unbounded)", kinds::Unbounded, |p| {
                    stackful::run(p, stackful::pingpong)
                }),
            ]),
        ),
        row(
            "spsc_buf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::spsc_buf;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireSpsc),
                    Peer "crossfire-spsc/smol-static" (SmolStatic, CrossfireSpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may-spsc(unbounded)", kinds::Unbounded, |p| {
                    stackful::run(p, stackful::one_to_one)
                }),
            ]),
        ),
        row(
            "spsc_unbuf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::spsc_unbuf;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "flume/smol-static" (SmolStatic, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Peer "futures-mpsc(cap1)/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-spsc(cap1)/tokio" (Tokio, CrossfireSpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "mpsc_buf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::mpsc_buf;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-mpsc/tokio" (Tokio, CrossfireMpsc),
                    Peer "crossfire-mpsc/smol-static" (SmolStatic, CrossfireMpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "mpmc_buf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::mpmc_buf;
                    Gort "gort" (Gort, GortChan),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "crossfire-mpmc/tokio" (Tokio, CrossfireMpmc),
                    Peer "crossfire-mpmc/smol-static" (SmolStatic, CrossfireMpmc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
    ]
}

fn select_rows() -> Vec<Row> {
    vec![
        row(
            "select_2",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![select::select_2;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioSelect),
                    Biased "tokio-mpsc(biased)/tokio" (Tokio, TokioBiased),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelSelect),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannelSelect),
                    Peer "flume/tokio" (Tokio, FlumeSelect),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireSelect),
                    Peer "futures::select!+mpsc/tokio" (Tokio, FuturesSelect),
                ],
            ]),
        ),
        row(
            "select_8",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![select::select_8;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioSelect),
                    Biased "tokio-mpsc(biased)/tokio" (Tokio, TokioBiased),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelSelect),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannelSelect),
                    Peer "flume/tokio" (Tokio, FlumeSelect),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireSelect),
                    Peer "futures::select!+mpsc/tokio" (Tokio, FuturesSelect),
                ],
            ]),
        ),
        row(
            "select_default",
            "a select",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![select::select_default;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioDefault),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesDefault),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelDefault),
                    Peer "flume/tokio" (Tokio, FlumeDefault),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireDefault),
                    Lossy "kanal/tokio" (Tokio, KanalDefault),
                ],
            ]),
        ),
        row(
            "select_default_2",
            "a select",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![select::select_default_2;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioDefault),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelDefault),
                    Peer "flume/tokio" (Tokio, FlumeDefault),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireDefault),
                    Lossy "kanal/tokio" (Tokio, KanalDefault),
                ],
            ]),
        ),
    ]
}

fn lock_rows() -> Vec<Row> {
    vec![
        row(
            "mutex_contended",
            "a lock",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![locks::contended;
                    Gort "gort" (Gort, GortMutex),
                    Tokio "tokio-Mutex/tokio" (Tokio, TokioMutex),
                    Peer "async-lock/tokio" (Tokio, AsyncLock),
                    Peer "async-lock/smol-static" (SmolStatic, AsyncLock),
                    Peer "futures-Mutex/tokio" (Tokio, FuturesMutex),
                    Blocks "std-Mutex/tokio" (Tokio, StdMutex),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLot),
                ],
                may("may-Mutex", kinds::Stackful, |p| stackful::run(p, stackful::mutex_contended)),
            ]),
        ),
        row(
            "mutex_uncontended",
            "a lock",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![locks::uncontended;
                    Gort "gort" (Gort, GortMutex),
                    Tokio "tokio-Mutex/tokio" (Tokio, TokioMutex),
                    Peer "async-lock/tokio" (Tokio, AsyncLock),
                    Peer "futures-Mutex/tokio" (Tokio, FuturesMutex),
                    Blocks "std-Mutex/tokio" (Tokio, StdMutex),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLot),
                ],
                may("may-Mutex", kinds::Stackful, |p| {
                    stackful::run(p, stackful::mutex_uncontended)
                }),
            ]),
        ),
    ]
}

fn timer_rows() -> Vec<Row> {
    vec![
        row(
            "sleep_many",
            "the whole",
            Unit::Ms,
            false,
            all([
                vec![go("go")],
                impls![timers::sleep_many;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    Peer "smol" (Smol, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                ],
            ]),
        ),
        row(
            "timer_churn",
            "a timeout made and cancelled",
            Unit::Ns,
            false,
            all([
                vec![
                    go("go-AfterFunc"),
                    go_shown("go-NewTimer-noblock", kinds::NoHeap),
                    go("go-ctx"),
                ],
                impls![timers::churn;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol-static" (SmolStatic),
                ],
            ]),
        ),
        row(
            "timer_churn_100k",
            "a timeout made and cancelled",
            Unit::Ns,
            false,
            all([
                vec![go("go-AfterFunc")],
                impls![timers::churn_100k;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol-static" (SmolStatic),
                ],
            ]),
        ),
        row(
            "timer_select",
            "a select",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![timers::timer_select;
                    Gort "gort" (Gort, GortTimerSelect),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioTimerSelect),
                    Peer "flume/tokio" (Tokio, FlumeTokioSelect),
                    Peer "async-channel(cap1)/smol-static" (SmolStatic, SmolTimerSelect),
                    Lossy "kanal/tokio" (Tokio, KanalTokioSelect),
                    Lossy "kanal/smol-static" (SmolStatic, KanalSmolSelect),
                ],
            ]),
        ),
    ]
}

fn net_rows() -> Vec<Row> {
    vec![
        row(
            "tcp_echo_1",
            "a request",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![net::echo_1;
                    Gort "gort" (Gort, GortNet),
                    Tokio "tokio" (Tokio, TokioNet),
                    OneThread "tokio-current_thread" (TokioLocal, TokioNet),
                    Peer "smol" (Smol, SmolNet),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::echo_1)),
            ]),
        ),
        row(
            "tcp_echo_64",
            "a request",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![net::echo_64;
                    Gort "gort" (Gort, GortNet),
                    Tokio "tokio" (Tokio, TokioNet),
                    OneThread "tokio-current_thread" (TokioLocal, TokioNet),
                    Peer "smol" (Smol, SmolNet),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::echo_64)),
            ]),
        ),
        row(
            "tcp_echo_2000",
            "a request",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![net::echo_2000;
                    Gort "gort" (Gort, GortNet),
                    Tokio "tokio" (Tokio, TokioNet),
                    Peer "smol" (Smol, SmolNet),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::echo_2000)),
            ]),
        ),
    ]
}

fn pattern_rows() -> Vec<Row> {
    vec![
        row(
            "ring",
            "a hop",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![patterns::ring;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may-spsc(unbounded)", kinds::Unbounded, |p| stackful::run(p, stackful::ring)),
            ]),
        ),
        row(
            "sieve",
            "the whole",
            Unit::Ms,
            true,
            all([
                vec![go("go")],
                impls![patterns::sieve;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "skynet",
            "the whole",
            Unit::Ms,
            true,
            all([
                vec![go("go")],
                impls![patterns::skynet;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "skynet_cap10",
            "the whole",
            Unit::Ms,
            false,
            all([
                vec![go("go")],
                impls![patterns::skynet_cap10;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioMpsc),
                    Peer "crossfire-mpsc/tokio" (Tokio, CrossfireMpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                ],
            ]),
        ),
    ]
}

fn memory_rows() -> Vec<Row> {
    vec![
        row(
            "mem_recv",
            "a task blocked in a receive",
            Unit::Bytes,
            false,
            all([
                vec![go("go")],
                impls![once memory::own_oneshot; Tokio "own-oneshot/tokio" (Tokio)],
                impls![once memory::recv;
                    Gort "gort" (Gort, GortChan),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "crossfire-mpmc/tokio" (Tokio, CrossfireMpmc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may(20k)", kinds::Stackful, stackful::mem_recv),
            ]),
        ),
        row(
            "mem_sleep",
            "a task asleep",
            Unit::Bytes,
            false,
            all([
                vec![go("go")],
                impls![once memory::sleep;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol" (Smol),
                ],
            ]),
        ),
    ]
}

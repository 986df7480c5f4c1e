//! Groups of tasks that are waited for together, of which the first error is told.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::measure::{Meter, Plan, Sample};
use crate::rt::{Counter, Rt, SmolStatic, Wg};

/// Tasks in a group, and in a round of the wait groups.
const TASKS: u64 = 1000;

/// What a member that fails returns: the number of the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed(u64);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}", self.0)
    }
}

impl Error for Failed {}

impl gort::errgroup::Failure for Failed {
    fn to_cause(&self) -> gort::context::Cause {
        gort::context::Cause::new(*self)
    }
}

/// A group of tasks, with something that is cancelled at the first error.
pub trait Group: Send + 'static {
    fn new() -> Self;
    /// Starts a task of the group.
    fn start(
        &mut self,
        member: impl Future<Output = Result<(), Failed>> + Send + 'static,
    ) -> impl Future<Output = ()> + Send;
    /// Waits for all; returns the first error, and whether that cancelled what it had to.
    fn finish(self) -> impl Future<Output = (Result<(), Failed>, bool)> + Send;
}

/// 1,000 rounds of: a group of 1,000 tasks, of which one fails, is started and waited for.
pub async fn groups<R: Rt, G: Group>(plan: Plan) -> Sample {
    let rounds = plan.n(1000, 10);
    let meter = Meter::start();
    for round in 0..rounds {
        let mut group = G::new();
        for member in 0..TASKS {
            group.start(async move { work(member, round) }).await;
        }
        let (result, cancelled) = group.finish().await;
        assert_eq!(result, Err(Failed(round)), "the error was lost, or is that of another round");
        assert!(cancelled, "nothing was cancelled");
    }
    meter.stop(TASKS * rounds)
}

/// One member of each round fails.
fn work(member: u64, round: u64) -> Result<(), Failed> {
    if member == round % TASKS { Err(Failed(round)) } else { Ok(()) }
}

/// gort's group.
pub struct GortGroup(gort::errgroup::Group<Failed>, gort::context::Context);

impl Group for GortGroup {
    fn new() -> Self {
        let (group, ctx) = gort::errgroup::Group::typed_with_context(&gort::context::background());
        GortGroup(group, ctx)
    }

    async fn start(&mut self, member: impl Future<Output = Result<(), Failed>> + Send + 'static) {
        self.0.go(member).await;
    }

    async fn finish(self) -> (Result<(), Failed>, bool) {
        let result = self.0.wait().await;
        (result, self.1.err().is_some())
    }
}

/// tokio's set of tasks: every result is collected.
pub struct TokioSet(JoinSet<Result<(), Failed>>, CancellationToken);

impl Group for TokioSet {
    fn new() -> Self {
        TokioSet(JoinSet::new(), CancellationToken::new())
    }

    async fn start(&mut self, member: impl Future<Output = Result<(), Failed>> + Send + 'static) {
        self.0.spawn(member);
    }

    async fn finish(mut self) -> (Result<(), Failed>, bool) {
        let mut first = Ok(());
        while let Some(result) = self.0.join_next().await {
            let result = result.unwrap();
            if first.is_ok() && result.is_err() {
                first = result;
                self.1.cancel();
            }
        }
        (first, self.1.is_cancelled())
    }
}

/// The first error of a group whose tasks keep it themselves.
#[derive(Clone, Default)]
struct First(Arc<(OnceLock<Failed>, CancellationToken)>);

impl First {
    /// The member, which keeps its error if it is the first.
    async fn of(self, member: impl Future<Output = Result<(), Failed>>) {
        if let Err(error) = member.await {
            if self.0.0.set(error).is_ok() {
                self.0.1.cancel();
            }
        }
    }

    fn tell(self) -> (Result<(), Failed>, bool) {
        let (error, token) = Arc::into_inner(self.0).expect("a member still runs");
        (error.into_inner().map_or(Ok(()), Err), token.is_cancelled())
    }
}

/// tokio-util's tracker, whose tasks keep the first error.
pub struct Tracker(TaskTracker, First);

impl Group for Tracker {
    fn new() -> Self {
        Tracker(TaskTracker::new(), First::default())
    }

    async fn start(&mut self, member: impl Future<Output = Result<(), Failed>> + Send + 'static) {
        drop(self.0.spawn(self.1.clone().of(member)));
    }

    async fn finish(self) -> (Result<(), Failed>, bool) {
        self.0.close();
        self.0.wait().await;
        self.1.tell()
    }
}

/// A counter, and tasks of smol's that keep the first error.
pub struct SmolGroup(Counter, First);

impl Group for SmolGroup {
    fn new() -> Self {
        SmolGroup(Counter::new(), First::default())
    }

    async fn start(&mut self, member: impl Future<Output = Result<(), Failed>> + Send + 'static) {
        self.0.add(1);
        let (counter, member) = (self.0.clone(), self.1.clone().of(member));
        SmolStatic::spawn(async move {
            member.await;
            counter.done();
        });
    }

    async fn finish(self) -> (Result<(), Failed>, bool) {
        self.0.wait().await;
        self.1.tell()
    }
}

/// The wait group's rounds, with tokio's set of tasks: 1,000 rounds of 1,000.
pub async fn join_set_rounds<R: Rt>(plan: Plan) -> Sample {
    let rounds = plan.n(1000, 10);
    let mut set = JoinSet::new();
    let meter = Meter::start();
    for _ in 0..rounds {
        for _ in 0..TASKS {
            set.spawn(async {});
        }
        let mut ended = 0;
        while let Some(result) = set.join_next().await {
            result.unwrap();
            ended += 1;
        }
        assert_eq!(ended, TASKS, "a task was lost");
    }
    meter.stop(TASKS * rounds)
}

/// The same, with tokio-util's tracker.
pub async fn tracker_rounds<R: Rt>(plan: Plan) -> Sample {
    let rounds = plan.n(1000, 10);
    let tracker = TaskTracker::new();
    let meter = Meter::start();
    for _ in 0..rounds {
        for _ in 0..TASKS {
            drop(tracker.spawn(async {}));
        }
        tracker.close();
        tracker.wait().await;
        assert!(tracker.is_empty(), "a task still runs");
        tracker.reopen();
    }
    meter.stop(TASKS * rounds)
}

//! Contexts, and tokens: what is cancelled together with all that was made from it.

use std::sync::Arc;
use std::time::Duration;

use gort::context::{Cancel, Context, background, with_cancel, with_timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::measure::{Meter, Plan, Sample};
use crate::rt::{Rt, Timers, Tokio};

const LONG: Duration = Duration::from_secs(10);

/// Tasks that neither wait nor yield by themselves do so every so many operations.
const STINT: u64 = 100;

/// What can be cancelled, with all that was made from it.
pub trait Scope: Send + Sync + Sized + 'static {
    fn root() -> Self;
    fn child(&self) -> Self;
    fn cancel(&self);
    fn is_cancelled(&self) -> bool;
}

/// gort's context, with the right to cancel it.
pub struct GortContext(Context, Cancel);

impl Scope for GortContext {
    fn root() -> Self {
        let (ctx, cancel) = with_cancel(&background());
        GortContext(ctx, cancel)
    }

    fn child(&self) -> Self {
        let (ctx, cancel) = with_cancel(&self.0);
        GortContext(ctx, cancel)
    }

    fn cancel(&self) {
        self.1.cancel();
    }

    fn is_cancelled(&self) -> bool {
        self.0.err().is_some()
    }
}

/// tokio-util's token.
pub type Token = CancellationToken;

impl Scope for Token {
    fn root() -> Self {
        CancellationToken::new()
    }

    fn child(&self) -> Self {
        self.child_token()
    }

    fn cancel(&self) {
        self.cancel();
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled()
    }
}

/// Eight tasks make children of one scope and drop them, 2,000,000 together.
pub async fn children<R: Rt, S: Scope>(plan: Plan) -> Sample {
    const TASKS: u64 = 8;
    let each = plan.n(2_000_000, 8000) / TASKS;
    let root = Arc::new(S::root());
    let meter = Meter::start();
    let handles: Vec<_> = (0..TASKS)
        .map(|_| {
            let root = root.clone();
            R::spawn_join(async move {
                for i in 0..each {
                    let child = root.child();
                    assert!(!child.is_cancelled());
                    drop(child);
                    if i % STINT == 0 {
                        R::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    let sample = meter.stop(TASKS * each);
    let last = root.child();
    root.cancel();
    assert!(last.is_cancelled(), "a child lives on");
    sample
}

/// 200 trees, each ten children with ten children with ten children, are cancelled at the root.
pub async fn tree_1000<R: Rt, S: Scope>(plan: Plan) -> Sample {
    trees::<R, S>(plan.n(200, 2), 3).await
}

/// 20 trees, one level deeper, are cancelled at the root.
pub async fn tree_10000<R: Rt, S: Scope>(plan: Plan) -> Sample {
    trees::<R, S>(plan.n(20, 1), 4).await
}

async fn trees<R: Rt, S: Scope>(count: u64, depth: u32) -> Sample {
    let mut trees = Vec::new();
    for _ in 0..count {
        trees.push(tree::<S>(depth));
        R::yield_now().await;
    }
    let descendants: usize = trees.iter().map(|scopes| scopes.len() - 1).sum();
    let meter = Meter::start();
    for scopes in &trees {
        scopes[0].cancel();
        R::yield_now().await;
    }
    let sample = meter.stop(descendants as u64);
    for scope in trees.iter().flatten() {
        assert!(scope.is_cancelled(), "a descendant lives on");
    }
    sample
}

/// A scope with so many levels of ten children each below it; the root is the first.
fn tree<S: Scope>(depth: u32) -> Vec<S> {
    let mut scopes = vec![S::root()];
    let mut level = 0..1;
    for _ in 0..depth {
        let next = scopes.len();
        for parent in level {
            for _ in 0..10 {
                let child = scopes[parent].child();
                scopes.push(child);
            }
        }
        level = next..scopes.len();
    }
    scopes
}

/// What ends by itself when its time is up.
pub trait Deadline: 'static {
    /// Makes one that ends in 10 s, lets others run once, and drops it.
    fn make_and_drop() -> impl Future<Output = ()> + Send;
}

/// Eight tasks make what ends in 10 s, yield, and drop it, 1,000,000 times together.
pub async fn deadlines<R: Rt, D: Deadline>(plan: Plan) -> Sample {
    const TASKS: u64 = 8;
    let each = plan.n(1_000_000, 8000) / TASKS;
    let meter = Meter::start();
    let handles: Vec<_> = (0..TASKS)
        .map(|_| {
            R::spawn_join(async move {
                for _ in 0..each {
                    D::make_and_drop().await;
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    meter.stop(TASKS * each)
}

/// gort's context with a deadline.
pub struct GortDeadline;

impl Deadline for GortDeadline {
    async fn make_and_drop() {
        let (ctx, _cancel) = with_timeout(&background(), LONG);
        gort::task::yield_now().await;
        assert!(ctx.err().is_none(), "the time is not up");
    }
}

/// A token that a task cancels when the time is up.
pub struct TokenAndTask;

impl Deadline for TokenAndTask {
    async fn make_and_drop() {
        let token = CancellationToken::new();
        let own = token.clone();
        let _timer = AbortOnDropHandle::new(tokio::spawn(async move {
            tokio::time::sleep(LONG).await;
            own.cancel();
        }));
        tokio::task::yield_now().await;
        assert!(!token.is_cancelled(), "the time is not up");
    }
}

/// A token, and a timeout around the one future that it is for.
pub struct TokenAndTimeout;

impl Deadline for TokenAndTimeout {
    async fn make_and_drop() {
        let token = CancellationToken::new();
        let work = token.run_until_cancelled(tokio::task::yield_now());
        assert!(Tokio::timeout(LONG, work).await.is_some(), "the time is not up");
    }
}

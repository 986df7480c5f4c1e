//! Go's cases of `context`, 118 to 133. The clocks are virtual where time passes.

mod common;

use common::everywhere::everywhere;
use common::{Log, Polled, go};
use gort::context::{
    self, Cancel, Context, ContextExt, Error, after_func, background, todo, with_cancel,
    with_deadline, with_deadline_cause, with_timeout, with_timeout_cause, with_value,
    without_cancel,
};
use gort::sync::{CancellationToken, WaitGroup};
use gort::time::{Duration, Instant, sleep};
use gort::{Receiver, select};
use std::sync::{Arc, Barrier};
use std::thread;

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn assert_live(ctx: &Context) {
    assert_eq!((ctx.err(), ctx.check()), (None, Ok(())));
    assert!(ctx.cause().is_none());
    assert!(!ctx.done().is_closed());
}

#[track_caller]
fn assert_ended(ctx: &Context, error: Error, cause: &str) {
    assert_eq!((ctx.err(), ctx.check()), (Some(error), Err(error)));
    assert_eq!(ctx.cause().unwrap().to_string(), cause);
    assert!(ctx.done().is_closed());
}

const CANCELED: &str = "context canceled";
const EXCEEDED: &str = "context deadline exceeded";

fn cause_of(ctx: &Context) -> String {
    ctx.cause().map_or_else(|| "nil".to_owned(), |cause| cause.to_string())
}

#[test]
fn c118_background_never_ends() {
    for (ctx, name) in [
        (background(), "context.Background"),
        (todo(), "context.TODO"),
        (Context::default(), "context.Background"),
    ] {
        assert_live(&ctx);
        assert!(ctx.done().is_nil());
        assert_eq!(ctx.deadline(), None);
        assert!(ctx.value::<&str>().is_none());
        assert_eq!(ctx.to_string(), name);
        assert_eq!(format!("{ctx:?}"), name);
    }
    assert_eq!(background(), Context::default());
    assert_ne!(background(), todo());
}

#[test]
fn c118_the_names_of_contexts_and_the_texts_of_errors() {
    let (ctx, _cancel) = with_cancel(&background());
    assert_eq!(ctx.to_string(), "context.Background.WithCancel");
    let ctx = without_cancel(&with_value(&ctx, "a"));
    assert_eq!(ctx.to_string(), "context.Background.WithCancel.WithValue(&str).WithoutCancel");
    let (ctx, _cancel) = with_deadline(&todo(), Instant::now());
    assert_eq!(ctx.to_string(), "context.TODO.WithDeadline([0ns])");
    assert_eq!(Error::Canceled.to_string(), CANCELED);
    assert_eq!(Error::DeadlineExceeded.to_string(), EXCEEDED);
    assert!(Error::DeadlineExceeded.is_timeout() && !Error::Canceled.is_timeout());
    assert_eq!(std::io::Error::from(Error::DeadlineExceeded).kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn c119_a_second_cancel_changes_nothing() {
    let (ctx, cancel) = with_cancel(&background());
    let done = ctx.done();
    assert_live(&ctx);
    cancel.cancel();
    assert_ended(&ctx, Error::Canceled, CANCELED);
    cancel.cancel_with("too late");
    cancel.clone().cancel();
    assert_ended(&ctx, Error::Canceled, CANCELED);
    assert_eq!(done, ctx.done());
    assert!(done.is_closed());
    drop(cancel);
    assert_ended(&ctx, Error::Canceled, CANCELED);
}

#[test]
fn c119_cancelled_from_two_threads_at_once() {
    for _ in 0..200 {
        let (ctx, cancel) = with_cancel(&background());
        let (child, _cancel_child) = with_cancel(&ctx);
        let start = Barrier::new(2);
        let causes = thread::scope(|scope| {
            let threads = ["one", "two"].map(|name| {
                let (ctx, child, cancel, start) = (&ctx, &child, &cancel, &start);
                scope.spawn(move || {
                    start.wait();
                    cancel.cancel_with(name);
                    (cause_of(ctx), cause_of(child))
                })
            });
            threads.map(|thread| thread.join().unwrap())
        });
        let (cause, _) = &causes[0];
        assert!(cause == "one" || cause == "two");
        for (ctx, child) in &causes {
            assert!(ctx == cause && child == cause, "{causes:?}");
        }
    }
}

#[test]
fn c119_a_child_and_its_parent_are_cancelled_at_once() {
    for _ in 0..200 {
        let (ctx, cancel) = with_cancel(&background());
        let (child, cancel_child) = with_cancel(&ctx);
        let (grandchild, _cancel) = with_cancel(&child);
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                cancel_child.cancel();
                assert!(child.err().is_some() && grandchild.err().is_some());
            });
            start.wait();
            cancel.cancel();
            assert!(ctx.err().is_some() && child.err().is_some() && grandchild.err().is_some());
        });
    }
}

/// A chain of contexts, each made from the one before.
fn chain(from: &Context, length: usize) -> Vec<(Context, Cancel)> {
    let mut chain: Vec<(Context, Cancel)> = Vec::new();
    for i in 0..length {
        let parent = chain.last().map_or(from, |(ctx, _)| ctx);
        let parent = if i % 2 == 1 { with_value(parent, i) } else { parent.clone() };
        chain.push(with_cancel(&parent));
    }
    chain
}

#[test]
fn c120_a_cancel_reaches_all_below_and_none_above() {
    for made_before in [false, true] {
        let levels = chain(&background(), 5);
        if made_before {
            levels.iter().for_each(|(ctx, _)| drop(ctx.done()));
        }
        levels[2].1.cancel();
        levels[..2].iter().for_each(|(ctx, _)| assert_live(ctx));
        levels[2..].iter().for_each(|(ctx, _)| assert_ended(ctx, Error::Canceled, CANCELED));
        let (late, _cancel) = with_cancel(&levels[3].0);
        assert_ended(&late, Error::Canceled, CANCELED);
        assert_live(&with_cancel(&levels[1].0).0);
    }
}

#[test]
fn c120_the_parent_is_done_before_the_child() {
    let levels = chain(&background(), 4);
    let parents: Vec<_> = levels.iter().map(|(ctx, _)| ctx.clone()).collect();
    let mut waits: Vec<_> = (1..4)
        .map(|level| {
            let (done, parent) = (parents[level].done(), parents[level - 1].clone());
            // What the waker of a child sees when it is called.
            (Polled::new(async move { done.recv().await }), Arc::new(Witness::new(parent)))
        })
        .collect();
    for (wait, witness) in &mut waits {
        assert!(wait.poll_with(&Arc::clone(witness).into()).is_pending());
    }
    levels[0].1.cancel();
    for (wait, witness) in &mut waits {
        assert_eq!(witness.saw(), Some(true));
        wait.ready();
    }
}

/// A waker that looks whether a context has ended.
struct Witness {
    ctx: Context,
    saw: std::sync::OnceLock<bool>,
}

impl Witness {
    fn new(ctx: Context) -> Self {
        Self { ctx, saw: std::sync::OnceLock::new() }
    }

    fn saw(&self) -> Option<bool> {
        self.saw.get().copied()
    }
}

impl std::task::Wake for Witness {
    fn wake(self: Arc<Self>) {
        let _ = self.saw.set(self.ctx.done().is_closed() && self.ctx.err().is_some());
    }
}

#[test]
fn c120_everybody_who_waits_is_woken() {
    everywhere(|| async {
        let levels = chain(&background(), 5);
        let wg = WaitGroup::new();
        for (ctx, _) in &levels {
            for in_a_select in [false, true] {
                let (ctx, done) = (ctx.clone(), wg.clone());
                wg.add(1);
                drop(go(async move {
                    if in_a_select {
                        let never = Receiver::<()>::nil();
                        select! {
                            <-ctx.done() => {}
                            <-never => unreachable!(),
                        }
                    } else {
                        ctx.done().recv().await;
                    }
                    assert_eq!(ctx.err(), Some(Error::Canceled));
                    done.done();
                }));
            }
        }
        levels[0].1.cancel();
        wg.wait().await;
    });
}

#[test]
fn c121_the_first_cause_wins_at_each_context() {
    let (parent, cancel_parent) = with_cancel(&background());
    let (child, cancel_child) = with_cancel(&parent);
    let (grandchild, _cancel) = with_cancel(&child);
    assert_eq!([&parent, &child, &grandchild].map(cause_of), ["nil"; 3]);
    cancel_child.cancel_with("child");
    cancel_parent.cancel_with("parent");
    assert_eq!([&parent, &child, &grandchild].map(cause_of), ["parent", "child", "child"]);

    let (parent, cancel_parent) = with_cancel(&background());
    let (child, cancel_child) = with_cancel(&parent);
    cancel_parent.cancel_with("parent");
    cancel_child.cancel_with("child");
    let (late, _cancel) = with_cancel(&child);
    assert_eq!([&parent, &child, &late].map(cause_of), ["parent"; 3]);
    assert_eq!(late.err(), Some(Error::Canceled));
    assert!(parent.cause().unwrap().ptr_eq(&late.cause().unwrap()));
}

#[test]
fn c122_cancelled_without_a_cause() {
    let (ctx, cancel) = with_cancel(&background());
    cancel.cancel();
    assert_eq!(ctx.cause().unwrap(), Error::Canceled);
    cancel.cancel_with("too late");
    assert_eq!(ctx.cause().unwrap(), Error::Canceled);

    // A cause that is what an error of another context was given.
    let (other, cancel_other) = with_cancel(&background());
    cancel_other.cancel_with(std::fmt::Error);
    let (ctx, cancel) = with_cancel(&background());
    cancel.cancel_with(other.cause().unwrap());
    assert!(ctx.cause().unwrap().is::<std::fmt::Error>());
}

#[cfg(not(foreign_executor))]
#[test]
fn c123_the_cause_of_a_time_limit() {
    common::everywhere::seeded(|| async {
        let (ctx, _cancel) = with_timeout_cause(&background(), SECOND, "slow");
        assert_live(&ctx);
        ctx.done().recv().await;
        assert_ended(&ctx, Error::DeadlineExceeded, "slow");

        let (ctx, cancel) = with_timeout_cause(&background(), SECOND, "slow");
        cancel.cancel();
        sleep(2 * SECOND).await;
        assert_ended(&ctx, Error::Canceled, CANCELED);

        let (ctx, cancel) = with_timeout_cause(&background(), SECOND, "slow");
        cancel.cancel_with("enough");
        assert_ended(&ctx, Error::Canceled, "enough");

        let (ctx, _cancel) = with_timeout(&background(), SECOND);
        let (child, _cancel) = with_timeout_cause(&ctx, 2 * SECOND, "slow");
        child.done().recv().await;
        assert_ended(&child, Error::DeadlineExceeded, EXCEEDED);
    });
}

#[test]
fn c124_a_deadline_that_has_passed() {
    let now = Instant::now();
    for deadline in [now, now - SECOND] {
        let (ctx, cancel) = with_deadline(&background(), deadline);
        assert_ended(&ctx, Error::DeadlineExceeded, EXCEEDED);
        assert_eq!(ctx.deadline(), Some(deadline));
        cancel.cancel();
        assert_ended(&ctx, Error::DeadlineExceeded, EXCEEDED);
        let (ctx, _cancel) = with_deadline_cause(&background(), deadline, "late");
        assert_ended(&ctx, Error::DeadlineExceeded, "late");
    }
    let (ctx, _cancel) = with_timeout(&background(), Duration::ZERO);
    assert_ended(&ctx, Error::DeadlineExceeded, EXCEEDED);

    let (parent, cancel) = with_cancel(&background());
    cancel.cancel_with("first");
    let (ctx, _cancel) = with_timeout(&parent, Duration::ZERO);
    assert_ended(&ctx, Error::Canceled, "first");
}

#[cfg(not(foreign_executor))]
#[test]
fn c125_the_earlier_deadline_counts() {
    common::everywhere::seeded(|| async {
        let start = Instant::now();
        let (parent, _cancel) = with_timeout(&background(), SECOND);
        let (child, _cancel) = with_timeout(&with_value(&parent, 0), 2 * SECOND);
        let (earlier, _cancel) = with_deadline(&child, start + SECOND / 2);
        assert_eq!(child.deadline(), Some(start + SECOND));
        assert_eq!(earlier.deadline(), Some(start + SECOND / 2));
        earlier.done().recv().await;
        assert_eq!(start.elapsed(), SECOND / 2);
        assert_live(&parent);
        child.done().recv().await;
        assert_eq!(start.elapsed(), SECOND);
        assert_ended(&parent, Error::DeadlineExceeded, EXCEEDED);
        assert_ended(&child, Error::DeadlineExceeded, EXCEEDED);
        assert_eq!(child.deadline(), Some(start + SECOND));
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c125_exactly_at_the_deadline_and_never_without_its_runtime() {
    common::everywhere::seeded(|| async {
        let (ctx, _cancel) = with_timeout(&background(), 5 * SECOND);
        sleep(5 * SECOND - Duration::from_nanos(1)).await;
        assert_live(&ctx);
        sleep(Duration::from_nanos(2)).await;
        assert_ended(&ctx, Error::DeadlineExceeded, EXCEEDED);
    });
    // Made in one runtime, which ends, and awaited in another.
    let (ctx, _cancel) =
        common::run(async { with_timeout(&background(), Duration::from_millis(5)) });
    assert_eq!(
        common::run(async move { (ctx.done().next().await, ctx.err()) }),
        (None, Some(Error::DeadlineExceeded))
    );
}

#[test]
fn c127_the_nearest_value_of_a_type_counts() {
    #[derive(Debug, PartialEq)]
    struct Name(&'static str);
    let (ctx, _cancel) = with_cancel(&with_value(&background(), Name("far")));
    let ctx = with_value(&ctx, 7_u8);
    assert_eq!(ctx.value(), Some(&Name("far")));
    let ctx = with_value(&ctx, Name("near"));
    assert_eq!(ctx.value(), Some(&Name("near")));
    assert_eq!(ctx.value::<u8>(), Some(&7));
    assert_eq!(ctx.value::<u16>(), None);
    let named = with_value(&ctx, Some("name"));
    let hidden = with_value(&named, None::<&str>);
    assert_eq!(named.value(), Some(&Some("name")));
    assert_eq!(hidden.value(), Some(&None::<&str>));
}

#[test]
fn c128_without_cancel_keeps_values_only() {
    let (parent, cancel) = with_timeout(&with_value(&background(), 7), SECOND);
    let before = without_cancel(&parent);
    cancel.cancel_with("over");
    let after = without_cancel(&parent);
    for ctx in [before, after] {
        assert_live(&ctx);
        assert!(ctx.done().is_nil());
        assert_eq!(ctx.deadline(), None);
        assert_eq!(ctx.value(), Some(&7));
        let (child, cancel) = with_cancel(&ctx);
        assert_live(&child);
        assert_eq!(child.deadline(), None);
        cancel.cancel();
        assert_ended(&child, Error::Canceled, CANCELED);
    }
}

#[cfg(not(foreign_executor))]
#[test]
fn c129_an_after_func_that_is_stopped() {
    common::everywhere::seeded(|| async {
        let log = Log::default();
        let (ctx, cancel) = with_cancel(&background());
        let say = |word: &'static str| {
            let log = log.clone();
            async move { log.say(word) }
        };
        let stopped = after_func(&ctx, say("never"));
        let kept = after_func(&with_value(&ctx, 0), say("once"));
        assert!(stopped.stop());
        assert!(!stopped.stop());
        assert_eq!(gort::runtime::num_goroutine(), 1);
        cancel.cancel();
        assert!(!kept.stop() && !stopped.stop());
        sleep(SECOND).await;
        assert_eq!(log.text(), "once");
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c130_an_after_func_of_a_context_that_has_ended() {
    common::everywhere::seeded(|| async {
        let (tx, rx) = gort::chan(0);
        let (ctx, cancel) = with_cancel(&background());
        cancel.cancel();
        let stop = after_func(&ctx, async move {
            tx.send(gort::runtime::num_goroutine()).await.unwrap();
        });
        assert!(!stop.stop());
        assert_eq!(rx.recv().await, 2, "it has no goroutine of its own");
        assert!(!stop.stop());
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c130_after_funcs_do_not_wait_for_each_other_nor_cancel_for_them() {
    common::everywhere::seeded(|| async {
        let (ctx, _cancel) = with_timeout(&background(), SECOND);
        let (tx, rx) = gort::chan(0);
        for i in 0..3 {
            let (tx, ctx) = (tx.clone(), ctx.clone());
            drop(after_func(&ctx.clone(), async move {
                ctx.done().recv().await;
                tx.send(i).await.unwrap();
            }));
        }
        sleep(2 * SECOND).await;
        let mut all = [rx.recv().await, rx.recv().await, rx.recv().await];
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    });
}

#[test]
fn c131_an_error_is_not_seen_before_done_is_closed_nor_after() {
    for round in 0..300 {
        let (parent, cancel) = with_cancel(&background());
        let (ctx, _cancel) = with_cancel(&parent);
        if round % 2 == 0 {
            drop(ctx.done());
        }
        let start = Barrier::new(3);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                while ctx.err().is_none() {
                    std::hint::spin_loop();
                }
                assert!(ctx.done().is_closed());
                assert!(ctx.err().is_some() && ctx.cause().is_some());
            });
            scope.spawn(|| {
                start.wait();
                while !ctx.done().is_closed() {
                    std::hint::spin_loop();
                }
                assert!(ctx.err().is_some() && ctx.cause().is_some());
            });
            start.wait();
            cancel.cancel();
        });
    }
}

#[cfg(not(foreign_executor))]
#[test]
fn c132_contexts_are_no_goroutines() {
    common::everywhere::seeded(|| async {
        let (ctx, _cancel) = with_cancel(&background());
        let mut made = chain(&ctx, 500);
        for i in 0..500 {
            let parent = made[i].0.clone();
            made.push(with_timeout(&with_value(&parent, i), SECOND * (i as u32 + 1)));
        }
        drop(made.iter().map(|(ctx, _)| after_func(ctx, async {})).collect::<Vec<_>>());
        assert_eq!(gort::runtime::num_goroutine(), 1);
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c133_a_token_as_a_parent_takes_one_goroutine() {
    common::everywhere::seeded(|| async {
        // Ends with the context.
        let token = CancellationToken::new();
        let (ctx, cancel) = context::with_token(&background(), token.clone());
        let (child, _cancel) = with_cancel(&ctx);
        assert_eq!(gort::runtime::num_goroutine(), 2);
        cancel.cancel();
        assert_ended(&child, Error::Canceled, CANCELED);
        sleep(SECOND).await;
        assert_eq!(gort::runtime::num_goroutine(), 1);
        assert!(!token.is_cancelled());

        // Ends with the token.
        let (ctx, _cancel) = context::with_token(&background(), token.clone());
        let from = Context::from(token.clone());
        let (child, _cancel) = with_cancel(&from);
        sleep(SECOND).await;
        assert_live(&ctx);
        assert_eq!(gort::runtime::num_goroutine(), 3);
        token.cancel();
        ctx.done().recv().await;
        child.done().recv().await;
        sleep(SECOND).await;
        assert_eq!(gort::runtime::num_goroutine(), 1);

        // A token that is cancelled already.
        let (ctx, _cancel) = context::with_token(&background(), token.clone());
        assert_ended(&ctx, Error::Canceled, CANCELED);
        assert_ended(&Context::from(token), Error::Canceled, CANCELED);
        assert_eq!(gort::runtime::num_goroutine(), 1);
    });
}

// Beyond Go.

#[test]
fn a_token_made_from_a_context_is_cancelled_when_cancel_returns() {
    let (parent, cancel) = with_cancel(&background());
    let (ctx, _cancel) = with_cancel(&parent);
    let (one, other) = (CancellationToken::from(&ctx), CancellationToken::from(ctx.clone()));
    one.cancel();
    assert!(!other.is_cancelled());
    assert_live(&ctx);
    cancel.cancel();
    assert!(other.is_cancelled());
    assert!(CancellationToken::from(&ctx).is_cancelled());
    assert!(!CancellationToken::from(background()).is_cancelled());
}

#[test]
fn a_token_reaches_what_is_below_a_context_whose_cancel_was_detached() {
    common::everywhere::seeded(|| async {
        let token = CancellationToken::new();
        let (ctx, cancel) = context::with_token(&background(), token.clone());
        assert_eq!(ctx.to_string(), "context.Background.WithCancel");
        let (before, _cancel) = with_cancel(&ctx);
        cancel.detach();
        let (after, _cancel) = with_cancel(&ctx);
        sleep(SECOND).await;
        assert_live(&ctx);
        token.cancel();
        sleep(SECOND).await;
        [ctx, before, after].iter().for_each(|ctx| assert_ended(ctx, Error::Canceled, CANCELED));
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn a_context_ends_when_nobody_follows_its_token_any_more() {
    let runtime = common::everywhere::workers(1);
    let entered = runtime.enter();
    let (ctx, cancel) = context::with_token(&background(), CancellationToken::new());
    cancel.detach();
    let from = Context::from(CancellationToken::new());
    assert_live(&ctx);
    drop(entered);
    drop(runtime);
    [ctx, from].iter().for_each(|ctx| assert_ended(ctx, Error::Canceled, CANCELED));
}

#[test]
fn the_last_cancel_that_is_dropped_cancels() {
    let (ctx, cancel) = with_cancel(&background());
    let second = cancel.clone();
    drop(cancel);
    assert_live(&ctx);
    let third = second.clone();
    second.detach();
    assert_live(&ctx);
    drop(third);
    assert_ended(&ctx, Error::Canceled, CANCELED);
}

#[test]
fn a_detached_context_ends_with_its_parent() {
    let (parent, cancel_parent) = with_cancel(&background());
    let (ctx, cancel) = with_cancel(&parent);
    let (child, _cancel) = with_cancel(&ctx);
    cancel.detach();
    assert_live(&ctx);
    let done = ctx.done();
    drop(ctx);
    cancel_parent.cancel_with("parent");
    assert!(done.is_closed());
    assert_ended(&child, Error::Canceled, "parent");
}

#[test]
fn a_context_that_nobody_can_end_keeps_its_channel_open() {
    let (ctx, cancel) = with_cancel(&background());
    let (child, cancel_child) = with_cancel(&ctx);
    let (grandchild, cancel_grandchild) = with_cancel(&child);
    let done = [ctx.done(), child.done()];
    cancel_child.detach();
    cancel.detach();
    drop((ctx, child));
    assert!(done.iter().all(|done| !done.is_closed()));
    assert_live(&grandchild);
    let (last, _cancel) = with_cancel(&grandchild);
    cancel_grandchild.cancel();
    assert_ended(&last, Error::Canceled, CANCELED);
}

#[test]
fn a_future_lasts_as_long_as_its_context() {
    let (ctx, cancel) = with_cancel(&background());
    let (tx, rx) = gort::chan::<u8>(1);
    let mut first = Polled::new({
        let (ctx, rx) = (ctx.clone(), rx.clone());
        async move { rx.recv().with_context(&ctx).await }
    });
    assert!(first.poll().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(first.wakes(), 1);
    assert_eq!(first.ready(), Ok(1));

    let mut second = Polled::new({
        let ctx = ctx.clone();
        async move { rx.recv().with_context(&ctx).await }
    });
    assert!(second.poll().is_pending());
    cancel.cancel();
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), Err(Error::Canceled));
    drop(second);
    assert!(tx.try_send(2).is_err());

    assert_eq!(Polled::new(std::future::ready(3).with_context(&ctx)).ready(), Ok(3));
    let never = std::future::pending::<()>();
    assert_eq!(Polled::new(never.with_context(&ctx)).ready(), Err(Error::Canceled));
    let never = std::future::pending::<()>();
    assert!(Polled::new(never.with_context(&background())).poll().is_pending());
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_cancelled() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("at the wake");
        }
    }
    let levels = chain(&background(), 3);
    let done = levels[0].0.done();
    let mut wait = Polled::new(async move { done.recv().await });
    assert!(wait.poll_with(&Arc::new(Panics).into()).is_pending());
    assert_eq!(common::panic_text(|| levels[0].1.cancel()), "at the wake");
    levels.iter().for_each(|(ctx, _)| assert_ended(ctx, Error::Canceled, CANCELED));
    let (late, _cancel) = with_cancel(&levels[2].0);
    assert_ended(&late, Error::Canceled, CANCELED);
}

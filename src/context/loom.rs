//! Models of the tree: whoever cancels, and whatever happens meanwhile, everything below has ended when
//! `cancel` returns, of one cause, and nothing is kept.
//!
//! They back what the head of `node.rs` says.

use super::node::{self, Action, Kind, Node, Scope};
use super::{Context, End, Error, background, with_cancel, with_value};
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use crate::wait::model::Wakes;
use loom::sync::Arc;
use loom::thread;
use std::pin::pin;

fn cause_of(ctx: &Context) -> String {
    ctx.cause().map_or_else(String::new, |cause| cause.to_string())
}

/// A parent and its child are cancelled at once: each `cancel` returns when the grandchild has ended too,
/// and that has the cause of the child.
#[test]
fn two_cancel_one_above_the_other() {
    loom::model(|| {
        let (parent, cancel_parent) = with_cancel(&background());
        let (child, cancel_child) = with_cancel(&parent);
        let (grandchild, cancel_grandchild) = with_cancel(&child);
        let other = {
            let (child, grandchild) = (child.clone(), grandchild.clone());
            thread::spawn(move || {
                cancel_child.cancel_with("child");
                assert!(child.err().is_some() && grandchild.err().is_some());
            })
        };
        cancel_parent.cancel_with("parent");
        assert!(child.err().is_some() && grandchild.err().is_some(), "cancel returned too early");
        other.join().unwrap();
        assert_eq!(cause_of(&parent), "parent");
        assert_eq!(cause_of(&child), cause_of(&grandchild));
        drop(cancel_grandchild);
    });
}

/// The same context is cancelled twice at once: the second returns no earlier than the child has ended.
#[test]
fn two_cancel_the_same() {
    loom::model(|| {
        let (ctx, cancel) = with_cancel(&background());
        let (child, _cancel_child) = with_cancel(&ctx);
        let other = {
            let (cancel, child) = (cancel.clone(), child.clone());
            thread::spawn(move || {
                cancel.cancel_with("one");
                assert!(child.err().is_some(), "cancel returned too early");
            })
        };
        cancel.cancel_with("two");
        assert!(child.err().is_some(), "cancel returned too early");
        other.join().unwrap();
        assert_eq!(cause_of(&ctx), cause_of(&child));
    });
}

/// A child is made, and another one goes, while their parent is cancelled. Nothing is kept of any.
#[test]
fn children_come_and_go_while_the_parent_is_cancelled() {
    loom::model(|| {
        let kept = std::sync::Arc::new(());
        let (parent, cancel) = with_cancel(&with_value(&background(), kept.clone()));
        let (_, cancel_leaving) = with_cancel(&parent);
        let other = {
            let parent = parent.clone();
            thread::spawn(move || {
                let (coming, cancel_coming) = with_cancel(&parent);
                drop(cancel_leaving);
                drop(parent);
                (coming, cancel_coming)
            })
        };
        cancel.cancel_with("parent");
        let (coming, cancel_coming) = other.join().unwrap();
        assert_eq!(coming.err(), Some(Error::Canceled), "a child was forgotten");
        drop((coming, cancel_coming, parent, cancel));
        assert_eq!(std::sync::Arc::strong_count(&kept), 1, "a context is kept");
    });
}

/// Somebody looks while the context is cancelled, and somebody asks for `done` for the first time: an error
/// is never seen before the channel is closed, nor the other way round, and never taken back.
#[test]
fn the_error_and_the_closed_channel_come_together() {
    loom::model(|| {
        let (ctx, cancel) = with_cancel(&background());
        let looks = {
            let ctx = ctx.clone();
            thread::spawn(move || {
                if ctx.err().is_some() {
                    assert!(ctx.done().is_closed());
                    assert!(ctx.err().is_some());
                } else if ctx.done().is_closed() {
                    assert!(ctx.err().is_some() && ctx.cause().is_some());
                }
            })
        };
        let waits = {
            let ctx = ctx.clone();
            thread::spawn(move || {
                let (done, wakes) = (ctx.done(), Wakes::default());
                let mut wait = pin!(done.recv());
                if wakes.poll(wait.as_mut()).is_ready() {
                    assert!(ctx.err().is_some());
                }
                drop(wait);
            })
        };
        cancel.cancel();
        looks.join().unwrap();
        waits.join().unwrap();
        assert!(ctx.done().is_closed());
    });
}

/// A parent and a child are detached at once, and there is nothing above them: neither is kept.
#[test]
fn what_is_detached_at_once_is_not_kept() {
    loom::model(|| {
        let kept = std::sync::Arc::new(());
        let (parent, cancel_parent) = with_cancel(&with_value(&background(), kept.clone()));
        let (child, cancel_child) = with_cancel(&parent);
        let (grandchild, cancel_grandchild) = with_cancel(&child);
        let other = thread::spawn(move || {
            cancel_child.detach();
            cancel_grandchild.detach();
        });
        cancel_parent.detach();
        other.join().unwrap();
        assert!(grandchild.err().is_none());
        drop((parent, child, grandchild));
        assert_eq!(std::sync::Arc::strong_count(&kept), 1, "a context is kept");
    });
}

/// Work for the end of a context is taken back while that ends: it is done, or it was taken back.
#[test]
fn an_action_is_done_or_taken_back() {
    loom::model(|| {
        let (ctx, cancel) = with_cancel(&background());
        let done = Arc::new(AtomicUsize::new(0));
        let action: Action = {
            let done = Arc::clone(&done);
            Box::new(move || {
                done.fetch_add(1, Ordering::Relaxed);
            })
        };
        let scope = Scope::new(None, 0, Some(action));
        let node = std::sync::Arc::new(Node { above: ctx.clone(), kind: Kind::Scope(scope) });
        node::link(&node);
        let canceller = thread::spawn(move || cancel.cancel());
        let action = node.scope().and_then(Scope::take_action);
        node::cancel(&node, &End::plain(Error::Canceled));
        canceller.join().unwrap();
        assert_eq!(done.load(Ordering::Relaxed), usize::from(action.is_none()));
    });
}

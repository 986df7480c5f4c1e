//! The tree of contexts.
//!
//! A node points to the one that it was made from. Nodes that can be cancelled are *scopes*; a scope
//! is also in the list of children of the nearest scope above it, its *parent scope*, until it has
//! ended together with everything below it. Values stand in between and are in no list;
//! `without_cancel` hides the scopes above it.
//!
//! Invariants; `ended`, `children` and `inert` of a scope change under its lock, and so do the
//! `place`s of its children:
//! * X1. `place` of a scope is its index in the list of its parent scope, or `UNLINKED`.
//! * X2. Nothing enters the list of a scope that has ended. So a scope that has ended and whose list is
//!   empty has no descendant that has not ended.
//! * X3. A scope that has ended leaves its parent's list only when its own list is empty.
//! * X4. What others see, [`Scope::end`], follows from one store: that of the closed `done` channel, or of
//!   `OVER` where there is no such channel. So whoever sees an error finds the channel closed, and whoever
//!   finds the channel closed sees an error.
//!
//! # Cancelling
//!
//! [`cancel`] ends a scope and goes down to a child that is in its list, again and again; where the list
//! is empty, it takes the scope out of its parent's list (X3) and goes on with another one there. It needs no
//! stack and no memory, however deep the tree is, and holds one lock at a time. When it is back at the scope
//! where it started, with an empty list, all descendants have ended (X2). Whoever comes to a scope that
//! somebody else is cancelling does the same work beside them, so that this is true for the second as well.
//!
//! A scope takes its end from its parent scope at the time, not from where the cancelling began: a
//! child that had ended before, of another cause, hands its own cause on.
//!
//! # Who owns whom
//!
//! A node owns the one it was made from, and a scope owns the scopes in its list: an ended scope is in no
//! list, so the circle is open again once a scope has ended. A scope that nobody can end any more, as all of
//! its [`Cancel`](super::Cancel)s were detached and there is neither a deadline nor a scope above it, is
//! *inert*: it keeps no list.
//!
//! The chain up may be very long: it is dropped in a loop.

use super::Context;
use super::error::{Cause, End, Error};
use crate::chan::Signal;
use crate::reactor::Timer;
use crate::sys::sync::OnceLock;
use crate::sys::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sys::unwind::drop_payload;
use crate::time::{self, Instant};
use crate::wait::batch::WakeBatch;
use crate::wait::object::Object;
use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};
use tokio_util::sync::CancellationToken;

/// A scope in nobody's list.
const UNLINKED: usize = usize::MAX;

/// The channel `done` has been made.
const MADE: u8 = 1;
/// The scope has ended.
const OVER: u8 = 2;

/// The end is that of a deadline.
const EXPIRED: u8 = 1;

/// A list of children gives memory back when it is filled to less than a quarter of this or more.
const KEEP: usize = 64;

/// See the [module](self).
pub(super) struct Node {
    pub(super) above: Context,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Value {
        name: &'static str,
        value: Box<dyn Any + Send + Sync>,
    },
    WithoutCancel,
    /// Stands before a scope that is known by another name than `.WithCancel`: that of what was there before,
    /// between `open` and `close`, both of which may be empty.
    Named {
        open: &'static str,
        close: String,
    },
    Scope(Scope),
}

/// What a scope does when it ends, besides ending.
pub(super) type Action = Box<dyn FnOnce() + Send>;

/// What can be cancelled.
pub(super) struct Scope {
    /// `None` for one that ends no earlier than what it was made from.
    pub(super) deadline: Option<Deadline>,
    /// Cancels that have neither been dropped nor detached.
    pub(super) cancels: AtomicUsize,
    /// See X1.
    // Ordering: Relaxed: under the lock of the parent scope. Who looks without it only wants to know that it is
    // out of the list, which it never enters again.
    place: AtomicUsize,
    /// `MADE` and `OVER`, see X4. Written under the lock.
    seen: AtomicU8,
    /// `EXPIRED` if it is the deadline that it ended of. Set, as `given` is, before anybody sees that it is over.
    // Ordering: Relaxed: whoever looks has seen that it is over.
    how: AtomicU8,
    /// What was given with the end, if anything was.
    given: OnceLock<Cause>,
    /// Made when somebody asks for it, under the lock.
    done: OnceLock<Signal>,
    state: Object<State>,
}

/// When a scope ends by itself, and of what.
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) cause: Option<Cause>,
}

struct State {
    ended: bool,
    inert: bool,
    children: Vec<Arc<Node>>,
    timer: Option<Timer>,
    action: Option<Action>,
    /// Made when somebody asks for it.
    token: Option<CancellationToken>,
}

/// What ending scopes leaves to be done without their locks.
#[derive(Default)]
struct Effects {
    wakes: WakeBatch,
    timer: Option<Timer>,
    action: Option<Action>,
    token: Option<CancellationToken>,
    /// The first panic of what has been done.
    panic: Option<Box<dyn Any + Send>>,
}

impl Effects {
    /// Does all of it, whatever panics.
    fn run(&mut self) {
        let woken = catch_unwind(AssertUnwindSafe(|| self.wakes.wake_all()));
        self.note(woken);
        drop(self.timer.take());
        if let Some(token) = self.token.take() {
            self.note(catch_unwind(AssertUnwindSafe(|| token.cancel())));
        }
        if let Some(action) = self.action.take() {
            self.note(catch_unwind(AssertUnwindSafe(action)));
        }
    }

    fn note(&mut self, done: Result<(), Box<dyn Any + Send>>) {
        match (done, &self.panic) {
            (Ok(()), _) => {}
            (Err(payload), None) => self.panic = Some(payload),
            (Err(payload), Some(_)) => drop_payload(payload),
        }
    }

    fn finish(self) {
        if let Some(payload) = self.panic {
            resume_unwind(payload);
        }
    }
}

impl State {
    /// Takes `child` out of the list, if it is there. It is to be dropped without the lock.
    fn unlink(&mut self, child: &Scope) -> Option<Arc<Node>> {
        let place = child.place.load(Ordering::Relaxed);
        child.place.store(UNLINKED, Ordering::Relaxed);
        let removed = (place != UNLINKED).then(|| self.children.swap_remove(place));
        if let Some(moved) = self.children.get(place).and_then(|node| node.scope()) {
            moved.place.store(place, Ordering::Relaxed);
        }
        let (len, room) = (self.children.len(), self.children.capacity());
        if room >= KEEP && len < room / 4 {
            self.children.shrink_to(room / 2);
        }
        removed
    }
}

impl Node {
    /// What can be cancelled, if this can.
    pub(super) fn scope(&self) -> Option<&Scope> {
        match &self.kind {
            Kind::Scope(scope) => Some(scope),
            Kind::Value { .. } | Kind::WithoutCancel | Kind::Named { .. } => None,
        }
    }

    /// Whether it ends as what it was made from does.
    pub(super) fn is_transparent(&self) -> bool {
        matches!(self.kind, Kind::Value { .. } | Kind::Named { .. })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A chain of a million would overflow the stack if each link dropped the next.
        let mut above = mem::take(&mut self.above);
        while let Some(mut node) = above.into_node().and_then(Arc::into_inner) {
            above = mem::take(&mut node.above);
        }
    }
}

impl Scope {
    #[inline]
    pub(super) fn new(deadline: Option<Deadline>, cancels: usize, action: Option<Action>) -> Self {
        let state = State {
            ended: false,
            inert: false,
            children: Vec::new(),
            timer: None,
            action,
            token: None,
        };
        Self {
            deadline,
            cancels: AtomicUsize::new(cancels),
            place: AtomicUsize::new(UNLINKED),
            seen: AtomicU8::new(0),
            how: AtomicU8::new(0),
            given: OnceLock::new(),
            done: OnceLock::new(),
            state: Object::new(state),
        }
    }

    /// The bits of `seen`, and what belongs to them.
    fn look(&self) -> (u8, Option<&Signal>) {
        // Ordering: Acquire pairs with the Release in `show`: whoever sees a bit sees what was written before.
        let seen = self.seen.load(Ordering::Acquire);
        (seen, if seen & MADE == 0 { None } else { self.done.get() })
    }

    /// Sets a bit. Under the lock.
    fn show(&self, bit: u8) {
        // Ordering: Relaxed: written under the lock only.
        let seen = self.seen.load(Ordering::Relaxed);
        // Ordering: Release pairs with the Acquire in `look`.
        self.seen.store(seen | bit, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        match self.look() {
            (_, Some(done)) => done.is_closed(),
            (seen, None) => seen & OVER != 0,
        }
    }

    /// The error that it has ended with, if it has.
    pub(super) fn error(&self) -> Option<Error> {
        self.is_over().then(|| self.last_error())
    }

    /// How it has ended, if it has.
    pub(super) fn end(&self) -> Option<End> {
        self.is_over().then(|| self.last_end())
    }

    /// For whoever knows that it has ended.
    fn last_error(&self) -> Error {
        match self.how.load(Ordering::Relaxed) {
            EXPIRED => Error::DeadlineExceeded,
            _ => Error::Canceled,
        }
    }

    /// As [`last_error`](Self::last_error).
    fn last_end(&self) -> End {
        End { error: self.last_error(), given: self.given.get().cloned() }
    }

    /// What is signalled when it ends.
    pub(super) fn done(&self) -> &Signal {
        if let (_, Some(done)) = self.look() {
            return done;
        }
        let state = self.state.lock();
        let done = self.done.get_or_init(|| {
            let done = Signal::new();
            if state.ended {
                // Before anybody sees it (X4). Nobody waits yet.
                done.close(&mut WakeBatch::new());
            }
            done
        });
        self.show(MADE);
        drop(state);
        done
    }

    /// A token that is cancelled when it ends.
    pub(super) fn token(&self) -> CancellationToken {
        let mut state = self.state.lock();
        if let Some(token) = &state.token {
            return token.child_token();
        }
        let token = CancellationToken::new();
        if state.ended {
            drop(state);
            token.cancel();
            return token;
        }
        let child = token.child_token();
        state.token = Some(token);
        child
    }

    /// Ends it, unless it has ended, and returns a child that is still in the list.
    fn end_with(&self, end: &End, effects: &mut Effects) -> Option<Arc<Node>> {
        let mut state = self.state.lock();
        if !state.ended {
            self.end_locked(&mut state, end, effects);
        }
        let child = state.children.last().map(Arc::clone);
        drop(state);
        effects.run();
        child
    }

    fn end_locked(&self, state: &mut State, end: &End, effects: &mut Effects) {
        state.ended = true;
        if end.error == Error::DeadlineExceeded {
            self.how.store(EXPIRED, Ordering::Relaxed);
        }
        if let Some(given) = &end.given {
            let _ = self.given.set(given.clone());
        }
        if let Some(done) = self.done.get() {
            done.close(&mut effects.wakes);
        }
        self.show(OVER);
        effects.timer = state.timer.take();
        effects.action = state.action.take();
        effects.token = state.token.take();
    }

    /// Takes `child` out of the list, if it is there.
    fn unlink(&self, child: &Scope) {
        if child.place.load(Ordering::Relaxed) == UNLINKED {
            return;
        }
        let mut state = self.state.lock();
        let removed = state.unlink(child);
        drop(state);
        drop(removed);
    }

    /// Takes `child` out of the list, if it is there, and returns another one that is still in it.
    fn unlink_and_next(&self, child: &Scope) -> Option<Arc<Node>> {
        let mut state = self.state.lock();
        let removed = state.unlink(child);
        let next = state.children.last().map(Arc::clone);
        drop(state);
        drop(removed);
        next
    }

    /// Takes the action that would be done at the end.
    pub(super) fn take_action(&self) -> Option<Action> {
        self.state.lock().action.take()
    }

    fn is_inert(&self) -> bool {
        self.state.lock().inert
    }

    /// Gives up the list of children if nobody can end this any more, see the module.
    fn retire(&self) -> Vec<Arc<Node>> {
        let mut state = self.state.lock();
        if state.ended || state.timer.is_some() {
            return Vec::new();
        }
        state.inert = true;
        let children = mem::take(&mut state.children);
        for child in children.iter().filter_map(|child| child.scope()) {
            child.place.store(UNLINKED, Ordering::Relaxed);
        }
        children
    }

    #[cfg(test)]
    pub(super) fn children(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.children.len(), state.children.capacity())
    }
}

/// Puts a scope that has just been made into the list of its parent scope, or ends it as that has
/// ended.
pub(super) fn link(node: &Arc<Node>) {
    let (Some(scope), Some(parent)) = (node.scope(), node.above.nearest_scope()) else { return };
    let mut state = parent.state.lock();
    if !state.ended {
        if !state.inert {
            scope.place.store(state.children.len(), Ordering::Relaxed);
            state.children.push(Arc::clone(node));
        }
        return;
    }
    drop(state);
    cancel(node, &parent.last_end());
}

/// Ends a scope when its deadline comes, which may be now.
pub(super) fn arm(node: &Arc<Node>) {
    let Some(scope) = node.scope() else { return };
    let Some(deadline) = &scope.deadline else { return };
    let mut timer = Timer::new(time::shard(), deadline.at.to_nanos());
    if timer.is_elapsed() {
        return cancel(node, &deadline.end());
    }
    let waker = Waker::from(Arc::clone(node));
    let mut state = scope.state.lock();
    if state.ended {
        return;
    }
    timer.arm(waker);
    state.timer = Some(timer);
    drop(state);
    keep_armed(node, scope);
}

/// If the runtime has gone that looked after the timer, another one does.
fn keep_armed(node: &Arc<Node>, scope: &Scope) {
    while scope.state.lock().timer.as_ref().is_some_and(Timer::is_orphaned) {
        let (shard, waker) = (time::refuge(), Waker::from(Arc::clone(node)));
        let mut state = scope.state.lock();
        if let Some(timer) = &mut state.timer {
            timer.move_to(shard);
            timer.arm(waker);
        }
    }
}

impl Deadline {
    fn end(&self) -> End {
        End { error: Error::DeadlineExceeded, given: self.cause.clone() }
    }
}

/// The timer has woken: the deadline has come, or the runtime has gone that looked after the timer.
impl Wake for Node {
    fn wake(self: Arc<Self>) {
        let Some(scope) = self.scope() else { return };
        let Some(deadline) = &scope.deadline else { return };
        let elapsed = scope.state.lock().timer.as_ref().map(Timer::is_elapsed);
        match elapsed {
            None => {}
            Some(true) => cancel(&self, &deadline.end()),
            Some(false) => keep_armed(&self, scope),
        }
    }
}

/// Ends a scope and everything below it. When it returns, all of these have ended, whoever did it.
///
/// # Panics
///
/// With the first panic of a waker, when all is done.
pub(super) fn cancel(node: &Arc<Node>, end: &End) {
    let Some(top) = node.scope() else { return };
    let mut effects = Effects::default();
    if let Some(child) = top.end_with(end, &mut effects) {
        cancel_below(node, child, &mut effects);
    }
    if let Some(parent) = node.above.nearest_scope() {
        parent.unlink(top);
    }
    effects.finish();
}

/// Ends everything below `node`, which has ended, and has `child` in its list.
fn cancel_below(node: &Arc<Node>, child: Arc<Node>, effects: &mut Effects) {
    let mut at = Arc::clone(node);
    let mut next = Some(child);
    // `at` has ended, and `next` was in its list.
    while let Some(scope) = at.scope() {
        if let Some((child, below)) = next.as_ref().and_then(|child| Some((child, child.scope()?)))
        {
            // What it hands on is how it has ended itself.
            let grandchild = below.end_with(&scope.last_end(), effects);
            if grandchild.is_some() {
                at = Arc::clone(child);
                next = grandchild;
            } else {
                next = scope.unlink_and_next(below);
            }
        } else if Arc::ptr_eq(&at, node) {
            return;
        } else {
            let Some(parent) = at.above.nearest_scope_node() else { return };
            next = parent.scope().and_then(|above| above.unlink_and_next(scope));
            at = parent;
        }
    }
}

/// Nobody holds a [`Cancel`](super::Cancel) of this scope any more, and it has not been cancelled. Gives
/// up what can never end; see the module.
pub(super) fn settle(node: &Arc<Node>) {
    let mut work = vec![Arc::clone(node)];
    while let Some(node) = work.pop() {
        let Some(scope) = node.scope() else { continue };
        // Ordering: Acquire pairs with the Release of who gave up its Cancel. If that comes later, it comes
        // here itself, after this has set `inert` above it.
        let can_end = scope.cancels.load(Ordering::Acquire) != 0
            || node.above.nearest_scope().is_some_and(|parent| !parent.is_inert());
        if !can_end {
            work.append(&mut scope.retire());
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("end", &self.end()).finish_non_exhaustive()
    }
}

//! Scheduling points: where a waiting operation may be told to come back later.
//!
//! Live, a point counts against the goroutine's budget: the run loop grants [`BUDGET`] at the start
//! of a poll, every operation that is ready takes one, and when none is left the operation behaves
//! as if it were not ready, after waking its own task. A goroutine that always finds its channel
//! ready thus lets the others run. Outside of a goroutine nothing is counted, nor while a goroutine blocks
//! its thread: it would come back at once, in the same poll.
//!
//! Simulated, the grant is a [choice](simulated_budget), so that a goroutine may lose its turn between
//! any two operations.

use super::choose::choose;
use std::cell::Cell;
use std::task::{Context, Poll, ready};

/// Operations that one poll of a goroutine may complete before it has to let others run.
pub(crate) const BUDGET: u32 = 128;

/// What an operation is about to do; a simulated schedule may treat kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Op {
    /// A channel operation.
    Chan,
    /// A select.
    Select,
    /// A lock, a wait group, or another synchronisation object.
    Sync,
    /// A timer.
    Time,
    /// A socket or another descriptor.
    Io,
    /// Joining a goroutine.
    Join,
}

/// How often a goroutine without budget is told in one poll to come back, before it gets a fresh budget. A goroutine
/// that returns to its run loop is told a few times. If it does not, somebody's executor inside of its poll asks
/// again and again, and would do so for ever.
const REFUSALS: u32 = 1024;

const UNLIMITED: u32 = u32::MAX;

/// What the running goroutine may still do in this poll.
#[derive(Debug, Clone, Copy)]
struct Budget {
    left: u32,
    /// How often it has been refused since it had none left.
    refused: u32,
}

impl Budget {
    const fn new(left: u32) -> Self {
        Self { left, refused: 0 }
    }
}

thread_local! {
    static LEFT: Cell<Budget> = const { Cell::new(Budget::new(UNLIMITED)) };
}

#[inline]
fn left() -> u32 {
    LEFT.try_with(|budget| budget.get().left).unwrap_or(UNLIMITED)
}

/// Changes what is left, unless that is unlimited.
#[inline]
fn change(f: impl FnOnce(u32) -> u32) {
    let _ = LEFT.try_with(|budget| {
        let left = budget.get().left;
        if left != UNLIMITED {
            budget.set(Budget::new(f(left)));
        }
    });
}

/// Takes one unit of the running goroutine's budget.
///
/// `Pending` means that none was left: the task has been woken and must return to its executor
/// without having started the operation.
#[inline]
pub(crate) fn poll(cx: &mut Context<'_>, op: Op) -> Poll<()> {
    ready!(available(cx));
    charge(op);
    Poll::Ready(())
}

/// Whether something is left of the running goroutine's budget; takes nothing.
///
/// `Pending` means what it means in [`poll`]. For an operation that does not know yet whether it is
/// ready; it [charges](charge) later.
#[inline]
pub(crate) fn available(cx: &mut Context<'_>) -> Poll<()> {
    if is_left() { Poll::Ready(()) } else { refuse(cx) }
}

#[cold]
fn refuse(cx: &mut Context<'_>) -> Poll<()> {
    let refused = LEFT.get().refused;
    if refused == REFUSALS {
        LEFT.set(Budget::new(BUDGET));
        return Poll::Ready(());
    }
    LEFT.set(Budget { left: 0, refused: refused + 1 });
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Whether something is left of the running goroutine's budget.
#[inline]
pub(crate) fn is_left() -> bool {
    left() != 0
}

/// Takes one unit of the running goroutine's budget if one is left, and says so.
#[inline]
pub(crate) fn charge(_op: Op) -> bool {
    let is_left = is_left();
    if is_left {
        change(|left| left - 1);
    }
    is_left
}

/// Gives back the unit that [`poll`] took: the operation had to wait after all.
#[inline]
pub(crate) fn refund() {
    change(|left| (left + 1).min(BUDGET));
}

/// Takes what is left of the running goroutine's budget: it lets others run before its next operation. Outside of a
/// goroutine there is none to take.
pub(crate) fn exhaust() {
    change(|_| 0);
}

/// Grants a fresh budget for one poll of a goroutine; [`leave`] takes back what it returned.
#[inline]
pub(crate) fn enter(budget: u32) -> Saved {
    Saved(LEFT.replace(Budget::new(budget)))
}

/// Runs `f`, which blocks the thread, without a budget: whoever does that would not let others run by being told to
/// come back.
pub(crate) fn without_budget<R>(f: impl FnOnce() -> R) -> R {
    with_budget(UNLIMITED, f)
}

/// Runs `f`, one poll, with a fresh budget. The outer one comes back also when `f` panics.
#[inline]
pub(crate) fn with_budget<R>(budget: u32, f: impl FnOnce() -> R) -> R {
    struct Outer(Saved);
    impl Drop for Outer {
        #[inline]
        fn drop(&mut self) {
            leave(self.0);
        }
    }
    let _outer = Outer(enter(budget));
    f()
}

/// A budget for one poll under a simulated schedule: the whole one, or so little that the goroutine
/// has to let others run between two operations that are ready.
pub(crate) fn simulated_budget() -> u32 {
    match choose(16) {
        0..8 => BUDGET,
        few => few as u32 - 8,
    }
}

/// Restores what [`enter`] replaced.
#[inline]
pub(crate) fn leave(saved: Saved) {
    LEFT.set(saved.0);
}

/// The budget of whoever ran on this thread before [`enter`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saved(Budget);

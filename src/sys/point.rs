//! Scheduling points: where a waiting operation may be told to come back later.
//!
//! Live, a point counts against the goroutine's budget: the run loop grants [`BUDGET`] at the start
//! of a poll, every operation that is ready takes one, and when none is left the operation behaves
//! as if it were not ready, after waking its own task. A goroutine that always finds its channel
//! ready thus lets the others run. Outside of a goroutine nothing is counted.
//!
//! Simulated, the grant is a [choice](simulated_budget), so that a goroutine may lose its turn between
//! any two operations.

use super::choose::choose;
use std::cell::Cell;
use std::task::{Context, Poll};

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

const UNLIMITED: u32 = u32::MAX;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };
}

/// Takes one unit of the running goroutine's budget.
///
/// `Pending` means that none was left: the task has been woken and must return to its executor
/// without having started the operation.
#[inline]
pub(crate) fn poll(cx: &mut Context<'_>, _op: Op) -> Poll<()> {
    let left = LEFT.try_with(Cell::get).unwrap_or(UNLIMITED);
    if left == UNLIMITED {
        return Poll::Ready(());
    }
    if left == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    LEFT.set(left - 1);
    Poll::Ready(())
}

/// Whether something is left of the running goroutine's budget; takes nothing.
///
/// `Pending` means what it means in [`poll`]. For an operation that does not know yet whether it is
/// ready; it [charges](charge) later.
#[inline]
pub(crate) fn available(cx: &mut Context<'_>) -> Poll<()> {
    if LEFT.try_with(Cell::get).unwrap_or(UNLIMITED) == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// Whether something is left of the running goroutine's budget.
#[inline]
pub(crate) fn is_left() -> bool {
    LEFT.try_with(Cell::get).unwrap_or(UNLIMITED) != 0
}

/// Takes one unit of the running goroutine's budget if one is left, and says so.
#[inline]
pub(crate) fn charge(_op: Op) -> bool {
    LEFT.try_with(|left| match left.get() {
        UNLIMITED => true,
        0 => false,
        some => {
            left.set(some - 1);
            true
        }
    })
    .unwrap_or(true)
}

/// Gives back the unit that [`poll`] took: the operation had to wait after all.
#[inline]
pub(crate) fn refund() {
    let _ = LEFT.try_with(|left| {
        if left.get() < BUDGET {
            left.set(left.get() + 1);
        }
    });
}

/// Takes what is left of the running goroutine's budget: it lets others run before its next operation. Outside of a
/// goroutine there is none to take.
pub(crate) fn exhaust() {
    let _ = LEFT.try_with(|left| {
        if left.get() != UNLIMITED {
            left.set(0);
        }
    });
}

/// Grants a fresh budget for one poll of a goroutine; [`leave`] takes back what it returned.
#[inline]
pub(crate) fn enter(budget: u32) -> Saved {
    Saved(LEFT.replace(budget))
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
#[derive(Debug)]
pub(crate) struct Saved(u32);

//! The engine: which arm wins.
//!
//! It knows arms by number only; a closure that the macro wrote does things to them
//! ([`Ask`], [`Step`]). One poll goes through up to three phases.
//!
//! 1. *Sweep.* The arms that may be ready are tried in random order, each under its own object's
//!    lock; the first that is ready takes effect there and then. Foreign futures are polled.
//! 2. *Park* ([`park`](super::park)). All locks are taken, in the order of their addresses; the arms
//!    are tried once more; if none is ready, all are enqueued (or `default` runs).
//! 3. *Resume.* Polled again, the select looks at its claim.
//!    * Chosen: the chosen arm's outcome is collected under its lock.
//!    * Not chosen, same waker, and only channels to wait for: nothing can have happened to it. It
//!      waits on, unless there is a match that nobody collects and that it may take.
//!    * Otherwise a foreign future may be ready, and what it yields must not come on top of a claim.
//!      So the select claims *itself*; if somebody was faster, that is the outcome. If not, nobody
//!      can claim it any more: it takes its nodes out and starts at phase 1. So its next places are
//!      the last ones, at every poll.
//!
//! # Invariants
//!
//! * (E1) The waiter is `IDLE` exactly while no arm is enqueued, between polls. Phase 1 runs only
//!   then, so no arm can be completed by others while arms take effect here.
//! * (E2) An arm takes effect in one place only: `step(Arm(_, Try))` (phase 1), `try_locked` or
//!   `reclaim_locked` (phase 2), or the winner of the claim (phase 3). After it nothing else is
//!   tried, unless the value does not match the arm's pattern, which is tokio's rule for disabling
//!   an arm.
//! * (E3) The select is dropped arms first: their drops unlink them, under their locks, while the
//!   waiter is still there.

use super::arm::{Ask, Channel, Face, How, Step};
use super::live::Live;
use super::park::{Decided, Parked, Parking};
use crate::sys::point::{self, Op};
use crate::wait::record::{self, WaitReason};
use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::Location;
use std::task::{Context, Poll, Waker, ready};

/// All that one `select!` keeps while it waits. Pinned by the expansion: it is a local of the
/// caller's future and only borrowed once it has been made.
#[doc(hidden)]
#[derive(Debug)]
pub struct Select<L, C, A> {
    /// The arms, a tuple. Dropped first (E3).
    pub arms: A,
    /// What the engine keeps.
    pub head: Head<L, C>,
}

/// What the engine keeps of one `select!`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Head<L, C> {
    live: L,
    core: C,
}

impl<L, C> Head<L, C> {
    /// Starts with the arms in `live`.
    #[inline]
    pub fn new(live: L, core: C) -> Self {
        Head { live, core }
    }
}

/// What a select needs in order to be found by others: nothing, or a waiter.
#[doc(hidden)]
pub trait Core {
    /// The waiter, if there is one.
    fn parking(&mut self) -> Option<&mut Parking>;
}

/// Of a select that only polls futures.
#[doc(hidden)]
#[derive(Debug)]
pub struct NoCore;

impl NoCore {
    /// What two arms need together.
    #[inline]
    pub fn join<C: Core>(self, other: C) -> C {
        other
    }
}

impl Core for NoCore {
    #[inline]
    fn parking(&mut self) -> Option<&mut Parking> {
        None
    }
}

impl Core for Parking {
    #[inline]
    fn parking(&mut self) -> Option<&mut Parking> {
        Some(self)
    }
}

/// What to do when no arm is ready.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Wait; with no arm left, say so.
    Wait,
    /// Wait, even with no arm left: Go's select.
    Forever,
    /// Do not wait.
    Default,
}

/// How a select ended.
#[doc(hidden)]
#[derive(Debug)]
pub enum Outcome<Out> {
    /// An arm won.
    Won(Out),
    /// None was ready, at one instant.
    Default,
    /// None ever will be.
    Disabled,
}

/// One poll of a select.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn poll<L: Live, C: Core, Out>(
    cx: &mut Context<'_>,
    head: &mut Head<L, C>,
    faces: &[Face],
    biased: bool,
    idle: Idle,
    step: impl FnMut(Ask<'_>, &mut Context<'_>) -> Step<Out>,
) -> Poll<Outcome<Out>> {
    Run { cx, head, biased, idle, site: Location::caller(), step }.poll(faces)
}

/// Tries the arms once, for a select with `default` that has only channels.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn try_now<L: Live, C: Core, Out>(
    head: &mut Head<L, C>,
    faces: &[Face],
    biased: bool,
    step: impl FnMut(Ask<'_>, &mut Context<'_>) -> Step<Out>,
) -> Outcome<Out> {
    let (cx, site) = (&mut Context::from_waker(Waker::noop()), Location::caller());
    match (Run { cx, head, biased, idle: Idle::Default, site, step }).select(faces) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("a select with a default does not wait"),
    }
}

/// Does one of the arms that look ready, before there are arms.
#[doc(hidden)]
#[inline]
pub fn first_look<L: Live, Out>(
    live: L,
    looks: &[Face],
    biased: bool,
    mut attempt: impl FnMut(usize) -> Option<Out>,
) -> Option<Out> {
    let mut ready = live;
    for (arm, look) in looks.iter().enumerate() {
        if *look != Face::MAYBE {
            ready.remove(arm);
        }
    }
    while let Some(arm) = ready.pick(biased) {
        ready.remove(arm);
        if let Some(out) = attempt(arm) {
            return Some(out);
        }
    }
    None
}

/// The same, if the running goroutine's budget allows.
#[doc(hidden)]
#[inline]
pub fn first_look_in_budget<L: Live, Out>(
    live: L,
    looks: &[Face],
    biased: bool,
    attempt: impl FnMut(usize) -> Option<Out>,
) -> Option<Out> {
    if !point::is_left() {
        return None;
    }
    let out = first_look(live, looks, biased, attempt)?;
    point::charge(Op::Select);
    Some(out)
}

/// Whether no arm is to be tried at all.
#[doc(hidden)]
#[inline]
pub fn none_ready<L: Live>(live: L, faces: &[Face]) -> bool {
    faces.iter().enumerate().all(|(arm, face)| *face != Face::MAYBE || !live.contains(arm))
}

/// One call of the engine.
struct Run<'a, 'c, L, C, S> {
    cx: &'a mut Context<'c>,
    head: &'a mut Head<L, C>,
    biased: bool,
    idle: Idle,
    site: &'static Location<'static>,
    step: S,
}

/// What has become of a select that was parked.
enum Resumed<Out> {
    /// The arm that was chosen has won.
    Won(Out),
    /// Nothing; it is parked still.
    Waiting,
    /// It is parked no more, and no arm has won.
    Anew,
}

impl<L, C, S, Out> Run<'_, '_, L, C, S>
where
    L: Live,
    C: Core,
    S: FnMut(Ask<'_>, &mut Context<'_>) -> Step<Out>,
{
    #[inline]
    fn poll(&mut self, faces: &[Face]) -> Poll<Outcome<Out>> {
        match self.resume() {
            Resumed::Won(out) => return Poll::Ready(Outcome::Won(out)),
            Resumed::Waiting => return self.pending(),
            Resumed::Anew => {}
        }
        ready!(point::available(self.cx));
        self.select(faces)
    }

    /// Phase 1, and 2 if that found nothing.
    #[inline]
    fn select(&mut self, faces: &[Face]) -> Poll<Outcome<Out>> {
        match self.sweep(faces) {
            Some(out) => Poll::Ready(Outcome::Won(out)),
            None => self.select_slow(),
        }
    }

    /// Phase 2, and phase 1 again if an arm was done and what it yielded disabled it.
    #[inline(never)]
    fn select_slow(&mut self) -> Poll<Outcome<Out>> {
        loop {
            if self.head.live.is_empty() {
                return match self.idle {
                    Idle::Forever => self.pending(),
                    Idle::Wait | Idle::Default => Poll::Ready(Outcome::Disabled),
                };
            }
            let won = match self.park() {
                Parked::Waiting => return self.pending(),
                Parked::NotReady => return Poll::Ready(Outcome::Default),
                Parked::Done(arm) => self.ask(arm, How::Take).or_else(|| self.sweep(&[])),
            };
            if let Some(out) = won {
                return Poll::Ready(Outcome::Won(out));
            }
        }
    }

    /// Phase 1. An arm without a face is tried.
    #[inline]
    fn sweep(&mut self, faces: &[Face]) -> Option<Out> {
        let mut untried = self.head.live;
        for (arm, face) in faces.iter().enumerate() {
            if *face != Face::MAYBE {
                untried.remove(arm);
            }
            if *face == Face::NEVER {
                self.head.live.remove(arm);
            }
        }
        while let Some(arm) = untried.pick(self.biased) {
            untried.remove(arm);
            if let Some(out) = self.ask(arm, How::Try) {
                return Some(out);
            }
        }
        None
    }

    /// Has something done to one arm. What it yields is its body's, if it matches.
    #[inline]
    fn ask(&mut self, arm: usize, how: How) -> Option<Out> {
        match (self.step)(Ask::Arm(arm, how), self.cx) {
            Step::Won(out) => Some(out),
            Step::Pending => None,
            Step::Disabled => {
                self.head.live.remove(arm);
                None
            }
        }
    }

    /// Phase 2.
    fn park(&mut self) -> Parked {
        let wait = self.idle != Idle::Default;
        let mut parked = if wait { Parked::Waiting } else { Parked::NotReady };
        let Run { cx, head: Head { live, core }, biased, step, .. } = self;
        if let Some(parking) = core.parking() {
            let mut waker = wait.then(|| cx.waker().clone());
            let mut park = |channels: &mut [Channel<'_>]| {
                parked = parking.park(channels, live, *biased, waker.take());
            };
            step(Ask::Channels(&mut park), cx);
        }
        parked
    }

    /// Phase 3.
    #[inline]
    fn resume(&mut self) -> Resumed<Out> {
        let Some(parking) = self.head.core.parking() else { return Resumed::Anew };
        if parking.is_idle() {
            return Resumed::Anew;
        }
        let mut decided = parking.decide(self.cx.waker());
        if decided == Decided::Nothing {
            decided = self.look_around();
        }
        match decided {
            Decided::Nothing => return Resumed::Waiting,
            Decided::Mine => {}
            Decided::Chosen(arm) => {
                if let Some(out) = self.ask(arm, How::Collect) {
                    return Resumed::Won(out);
                }
            }
        }
        self.unpark();
        Resumed::Anew
    }

    /// Nothing has happened: is there a match that nobody collects?
    #[cold]
    fn look_around(&mut self) -> Decided {
        let mut decided = Decided::Nothing;
        let Run { cx, head, step, .. } = self;
        if let Some(parking) = head.core.parking() {
            step(Ask::Channels(&mut |channels| decided = parking.look_around(channels)), cx);
        }
        decided
    }

    /// Takes all nodes out. The claim has been decided.
    #[cold]
    fn unpark(&mut self) {
        let Run { cx, head, step, .. } = self;
        if let Some(parking) = head.core.parking() {
            step(Ask::Channels(&mut |channels| parking.unpark(channels)), cx);
        }
    }

    #[inline]
    fn pending(&self) -> Poll<Outcome<Out>> {
        record::park(WaitReason::Select, self.site);
        Poll::Pending
    }
}

/// Waits for nothing: a select without cases.
#[doc(hidden)]
#[track_caller]
pub fn forever() -> impl Future<Output = Infallible> {
    let site = Location::caller();
    poll_fn(move |_| {
        record::park(WaitReason::SelectNoCases, site);
        Poll::Pending
    })
}

/// Whether the running goroutine has used its budget up; takes one unit of it if not.
#[doc(hidden)]
#[inline]
pub fn must_yield() -> bool {
    !point::charge(Op::Select)
}

/// Lets the other goroutines run, after [`must_yield`] said so.
#[doc(hidden)]
#[cold]
pub fn yield_now() -> impl Future<Output = ()> {
    poll_fn(|cx| point::poll(cx, Op::Select))
}

//! [`Select`]: a select whose cases are made at run time.

#![expect(unsafe_code, reason = "cases are pinned in boxes and driven under their locks")]

use super::arm::{Channel, How};
use super::engine::must_yield;
use super::live::Live;
use super::operand::{Answer, RecvOperand, SendOperand, complete, sent};
use super::park::{Decided, Parked, Parking};
use crate::chan::{RecvArm, SendArm, ZeroValue};
use crate::sys::choose::choose;
use crate::sys::point;
use crate::wait::arm::Arm as Operation;
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomPinned;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Most cases that one select may have; Go's limit.
const MAX_CASES: usize = 65_536;

/// A select over any number of cases, made at run time.
///
/// Each case has a function that makes an `R` of what the case yields; the select yields the number
/// of the case that was chosen, in the order of adding, and that `R`. Everything else is as in
/// [`select!`](macro@crate::select): one case is chosen with equal chance among those that are ready,
/// exactly one takes effect, nil channels are never ready, and a select without cases waits for ever.
///
/// ```
/// # gort::run(async {
/// let channels: Vec<_> = (0..100).map(|_| gort::Chan::<usize>::new(1)).collect();
/// channels[42].send(7).await;
///
/// let mut select = gort::Select::new();
/// for channel in &channels {
///     select.recv(channel, |value, _ok| value);
/// }
/// assert_eq!(select.await, (42, 7));
/// # });
/// ```
///
/// # Cancel safety
///
/// Dropping the future loses nothing: a value that a receive was handed and that was not yielded goes to
/// the next receiver. A value that was to be sent is dropped, unless a receiver has taken it already.
///
/// # Go
///
/// `reflect.Select`. What it panics about is mostly ruled out by the types here.
#[doc(alias = "select")]
#[doc(alias = "reflect.Select")]
#[must_use = "a select does nothing unless it is awaited"]
pub struct Select<'a, R> {
    cases: Vec<Entry<'a, R>>,
    biased: bool,
    default: Option<usize>,
}

/// A case, or its place.
enum Entry<'a, R> {
    Operation(Pin<Box<dyn Case<R> + Send + 'a>>),
    Default(Box<dyn FnOnce() -> R + Send + 'a>),
}

/// One operation and what is made of its outcome.
trait Case<R> {
    fn operation(&self) -> &dyn Operation;

    /// Makes the result of an operation that is done.
    fn finish(self: Pin<&mut Self>) -> R;
}

struct RecvCase<'a, T, F> {
    arm: RecvArm<'a, T>,
    then: Option<F>,
}

impl<T, R, F: FnOnce(Option<T>) -> R> Case<R> for RecvCase<'_, T, F> {
    fn operation(&self) -> &dyn Operation {
        &self.arm
    }

    fn finish(self: Pin<&mut Self>) -> R {
        // SAFETY: `arm` is not moved, and `then` is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: a field of what is pinned.
        let value = unsafe { Pin::new_unchecked(&this.arm) }.take();
        call(&mut this.then, value)
    }
}

struct SendCase<'a, T, F> {
    arm: SendArm<'a, T>,
    then: Option<F>,
}

impl<T, R, F> Case<R> for SendCase<'_, T, F>
where
    F: FnOnce(Result<(), crate::chan::SendError<T>>) -> R,
{
    fn operation(&self) -> &dyn Operation {
        &self.arm
    }

    #[track_caller]
    fn finish(self: Pin<&mut Self>) -> R {
        // SAFETY: `arm` is not moved, and `then` is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: a field of what is pinned.
        let result = sent(unsafe { Pin::new_unchecked(&this.arm) });
        call(&mut this.then, result)
    }
}

fn call<A, R>(then: &mut Option<impl FnOnce(A) -> R>, argument: A) -> R {
    let then = then.take().expect("a case is finished once");
    then(argument)
}

impl<'a, R> Select<'a, R> {
    /// A select without cases.
    pub fn new() -> Self {
        Self { cases: Vec::new(), biased: false, default: None }
    }

    /// A select without cases that has room for some.
    pub fn with_capacity(cases: usize) -> Self {
        Self { cases: Vec::with_capacity(cases), biased: false, default: None }
    }

    /// Prefers the case that was added first, instead of choosing among those that are ready.
    pub fn biased(&mut self) -> &mut Self {
        self.biased = true;
        self
    }

    /// How many cases there are, `default` included.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there is no case.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Adds a receive: `then` gets the value and true, or the zero value and false when the channel is
    /// closed. Returns the case's number.
    ///
    /// # Panics
    ///
    /// With `reflect.Select: too many cases (max 65536)`.
    ///
    /// # Go
    ///
    /// A `SelectCase` of `SelectRecv`.
    #[doc(alias = "SelectCase")]
    #[doc(alias = "SelectRecv")]
    #[track_caller]
    pub fn recv<C>(
        &mut self,
        from: &'a C,
        then: impl FnOnce(C::Item, bool) -> R + Send + 'a,
    ) -> usize
    where
        C: RecvOperand,
        C::Item: ZeroValue + Send + 'a,
    {
        self.next(from, |value| match value {
            Some(value) => then(value, true),
            None => then(C::Item::zero_value(), false),
        })
    }

    /// Adds a receive: `then` gets the value, or `None` when the channel is closed. Returns the case's
    /// number.
    ///
    /// # Panics
    ///
    /// With `reflect.Select: too many cases (max 65536)`.
    ///
    /// # Go
    ///
    /// A `SelectCase` of `SelectRecv`.
    #[doc(alias = "SelectCase")]
    #[doc(alias = "SelectRecv")]
    #[track_caller]
    pub fn next<C>(
        &mut self,
        from: &'a C,
        then: impl FnOnce(Option<C::Item>) -> R + Send + 'a,
    ) -> usize
    where
        C: RecvOperand,
        C::Item: Send + 'a,
    {
        let arm = RecvArm::new(from.__gort_receiver().0);
        self.add(Entry::Operation(Box::pin(RecvCase { arm, then: Some(then) })))
    }

    /// Adds a send: `then` gets what the send yields, nothing for a `Chan` and a result for a
    /// `Sender`. Returns the case's number.
    ///
    /// The select panics with `send on closed channel` if this case is chosen and the channel is closed.
    ///
    /// # Panics
    ///
    /// With `reflect.Select: too many cases (max 65536)`.
    ///
    /// # Go
    ///
    /// A `SelectCase` of `SelectSend`.
    #[doc(alias = "SelectCase")]
    #[doc(alias = "SelectSend")]
    #[track_caller]
    pub fn send<C>(
        &mut self,
        on: &'a C,
        value: C::Item,
        then: impl FnOnce(<C::Answer as Answer<C::Item>>::Output) -> R + Send + 'a,
    ) -> usize
    where
        C: SendOperand,
        C::Item: Send + 'a,
    {
        let arm = SendArm::new(on.__gort_sender().core, Some(value));
        let then = Some(|result| then(C::Answer::of(result)));
        self.add(Entry::Operation(Box::pin(SendCase { arm, then })))
    }

    /// Adds the case that is chosen when no other is ready. Returns its number.
    ///
    /// # Panics
    ///
    /// With `reflect.Select: multiple default cases`, and with `reflect.Select: too many cases (max 65536)`.
    ///
    /// # Go
    ///
    /// A `SelectCase` of `SelectDefault`.
    #[doc(alias = "SelectDefault")]
    #[track_caller]
    pub fn default(&mut self, then: impl FnOnce() -> R + Send + 'a) -> usize {
        assert!(self.default.is_none(), "reflect.Select: multiple default cases");
        let number = self.add(Entry::Default(Box::new(then)));
        self.default = Some(number);
        number
    }

    #[track_caller]
    fn add(&mut self, case: Entry<'a, R>) -> usize {
        assert!(self.cases.len() < MAX_CASES, "reflect.Select: too many cases (max {MAX_CASES})");
        self.cases.push(case);
        self.cases.len() - 1
    }

    /// Waits for a case. The same as `.await` on the select itself.
    ///
    /// # Cancel safety
    ///
    /// That of [`Select`].
    #[track_caller]
    pub fn wait(self) -> SelectFuture<'a, R> {
        SelectFuture {
            cases: self.cases,
            biased: self.biased,
            default: self.default,
            site: Location::caller(),
            parking: Parking::new(),
            done: false,
            _pinned: PhantomPinned,
        }
    }
}

impl<R> Default for Select<'_, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Select<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("cases", &self.cases.len()).finish_non_exhaustive()
    }
}

impl<'a, R> IntoFuture for Select<'a, R> {
    type Output = (usize, R);
    type IntoFuture = SelectFuture<'a, R>;

    #[track_caller]
    fn into_future(self) -> SelectFuture<'a, R> {
        self.wait()
    }
}

/// Future of [`Select::wait`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SelectFuture<'a, R> {
    /// Dropped first: cases unlink themselves while the waiter is still there.
    cases: Vec<Entry<'a, R>>,
    biased: bool,
    default: Option<usize>,
    site: &'static Location<'static>,
    parking: Parking,
    done: bool,
    _pinned: PhantomPinned,
}

/// The set of all cases.
#[derive(Clone, Copy)]
struct All;

impl Live for All {
    fn first(_n: usize) -> Self {
        All
    }

    fn remove(&mut self, _arm: usize) {}

    fn contains(&self, _arm: usize) -> bool {
        true
    }

    fn is_empty(&self) -> bool {
        false
    }

    fn pick(&self, _biased: bool) -> Option<usize> {
        None
    }
}

impl<R> Entry<'_, R> {
    fn operation(&self) -> Option<&dyn Operation> {
        match self {
            Entry::Operation(case) => Some(case.as_ref().get_ref().operation()),
            Entry::Default(_) => None,
        }
    }
}

impl<R> SelectFuture<'_, R> {
    /// What has become of a select that was parked: `Err` if it has to wait on, `Ok(None)` if it starts
    /// anew.
    fn resume(&mut self, cx: &Context<'_>) -> Result<Option<usize>, StillParked> {
        if self.parking.is_idle() {
            return Ok(None);
        }
        let mut decided = self.parking.decide(cx.waker());
        if decided == Decided::Nothing {
            decided = self.parking.look_around(&channels(&self.cases));
        }
        match decided {
            Decided::Nothing => return Err(StillParked),
            Decided::Mine => {}
            Decided::Chosen(case) => {
                let chosen = self.cases[case].operation();
                // SAFETY: pinned in a box, and the waiter says that it was chosen.
                if chosen.is_some_and(|arm| unsafe { complete(arm, How::Collect) }) {
                    return Ok(Some(case));
                }
            }
        }
        let channels: Vec<Channel<'_>> = channels(&self.cases);
        self.parking.unpark(&channels);
        Ok(None)
    }

    /// Tries the cases that look ready, in random order. Linear however many turn out not to be.
    fn sweep(&self) -> Option<usize> {
        let looks_ready = |(_, entry): &(usize, &Entry<'_, R>)| {
            entry.operation().is_some_and(|arm| arm.key().is_some() && arm.maybe_ready())
        };
        let mut ready: Vec<usize> =
            self.cases.iter().enumerate().filter(looks_ready).map(|(case, _)| case).collect();
        for at in 0..ready.len() {
            if !self.biased {
                let pick = at + choose(ready.len() - at);
                ready.swap(at, pick);
            }
            let case = ready[at];
            let arm = self.cases[case].operation();
            // SAFETY: pinned in a box; not enqueued, as the waiter is idle.
            if arm.is_some_and(|arm| unsafe { complete(arm, How::Try) }) {
                return Some(case);
            }
        }
        None
    }

    /// Lets the cases that lost go, and then makes the result of the one that won.
    fn finish(&mut self, case: usize) -> R {
        let mut cases = std::mem::take(&mut self.cases);
        self.done = true;
        let won = cases.swap_remove(case);
        drop(cases);
        match won {
            Entry::Operation(mut done) => done.as_mut().finish(),
            Entry::Default(then) => then(),
        }
    }
}

/// Nothing has happened to a parked select.
struct StillParked;

/// The cases as arms of the engine's.
fn channels<'s, R>(cases: &'s [Entry<'_, R>]) -> Vec<Channel<'s>> {
    cases.iter().map(|entry| entry.operation().map_or(Channel::NONE, Channel::new)).collect()
}

impl<R> Future for SelectFuture<'_, R> {
    type Output = (usize, R);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(usize, R)> {
        // SAFETY: nothing is moved out: cases are pinned in their boxes, and the waiter stays.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!this.done, "a select was polled after it had completed");
        let reason = match this.cases[..] {
            [] => WaitReason::SelectNoCases,
            _ => WaitReason::Select,
        };
        let resumed = match this.resume(cx) {
            Ok(case) => case,
            Err(StillParked) => {
                record::park(reason, this.site);
                return Poll::Pending;
            }
        };
        if resumed.is_none() {
            ready!(point::available(cx));
        }
        let case = resumed.or_else(|| this.sweep()).or_else(|| this.park(cx));
        match case {
            Some(case) => Poll::Ready((case, this.finish(case))),
            None => {
                record::park(reason, this.site);
                Poll::Pending
            }
        }
    }
}

impl<R> SelectFuture<'_, R> {
    /// Looks at all cases at one instant; enqueues them if none is ready and there is no default.
    fn park(&mut self, cx: &Context<'_>) -> Option<usize> {
        let waker = self.default.is_none().then(|| cx.waker().clone());
        let mut channels = channels(&self.cases);
        match self.parking.park(&mut channels, &All, self.biased, waker) {
            Parked::Done(case) => Some(case),
            Parked::Waiting => None,
            Parked::NotReady => {
                must_yield();
                self.default
            }
        }
    }
}

impl<R> fmt::Debug for SelectFuture<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectFuture").field("cases", &self.cases.len()).finish_non_exhaustive()
    }
}

//! What needs the inside: sizes, goroutine records, arms of a select.

#![expect(unsafe_code, reason = "arms are driven by hand")]

use super::arm::{RecvArm, SendArm};
use super::feed::{Feed, fed};
use super::{Chan, Outcome, chan};
use crate::wait::arm::Arm;
use crate::wait::batch::WakeBatch;
use crate::wait::record::{self, FreeList, Record, WaitReason};
use crate::wait::waiter::Waiter;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stand-in for a goroutine: a record, and futures that are polled in its name.
struct Goroutine {
    free: FreeList,
    record: &'static Record,
    wakes: Arc<Count>,
}

impl Goroutine {
    fn new() -> Self {
        let mut free = FreeList::new();
        let record = free.pop();
        Self { free, record, wakes: Arc::default() }
    }

    /// One poll of the goroutine, which polls `futures` in their order and no others.
    fn poll<F: Future>(&self, futures: &mut [&mut Pin<Box<F>>]) -> Vec<Poll<F::Output>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut cx = Context::from_waker(&waker);
        let outer = record::swap_current(Some(self.record));
        self.record.start_poll();
        let polled = futures.iter_mut().map(|future| future.as_mut().poll(&mut cx)).collect();
        self.record.end_poll();
        record::swap_current(outer);
        polled
    }

    fn poll_one<F: Future>(&self, future: &mut Pin<Box<F>>) -> Poll<F::Output> {
        self.poll(&mut [future]).remove(0)
    }

    /// A poll that polls none of the futures that a test looks at.
    fn poll_nothing(&self) {
        self.poll::<std::future::Pending<()>>(&mut []);
    }
}

impl Drop for Goroutine {
    fn drop(&mut self) {
        self.free.push(self.record);
    }
}

/// A feed whose one value becomes ready at a certain look.
struct Sudden {
    looks: AtomicUsize,
    at: usize,
    over: AtomicBool,
    armed: AtomicBool,
}

impl Sudden {
    fn is_ready(&self) -> bool {
        self.looks.load(Ordering::Relaxed) >= self.at && !self.over.load(Ordering::Relaxed)
    }
}

impl Feed<u32> for Sudden {
    fn ready(&self) -> Option<u32> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.is_ready().then_some(7)
    }

    fn pass(&self) {
        assert!(self.is_ready(), "there is none");
        self.over.store(true, Ordering::Relaxed);
        self.armed.store(false, Ordering::Relaxed);
    }

    fn arm(self: Arc<Self>) {
        self.armed.store(true, Ordering::Relaxed);
    }

    fn stop(&self) {}
}

/// Time passes between two looks at a timer: whoever came first still waits, and knows that it is to be told of the
/// next value.
#[test]
fn a_value_that_becomes_ready_between_two_looks_leaves_nobody_waiting_in_vain() {
    for at in 1..8 {
        let (rx, feed) = fed(|_| Sudden {
            looks: AtomicUsize::new(0),
            at,
            over: AtomicBool::new(false),
            armed: AtomicBool::new(false),
        });
        let [first, second] = [(); 2].map(|()| Goroutine::new());
        let [mut early, mut late] = [(); 2].map(|()| Box::pin(rx.recv()));
        let received = [first.poll_one(&mut early), second.poll_one(&mut late)];
        let woken = first.wakes.0.load(Ordering::Relaxed);
        let waiting = received.iter().filter(|poll| poll.is_pending()).count() - woken;
        assert_eq!(2 - waiting, usize::from(feed.over.load(Ordering::Relaxed)), "of look {at}");
        assert!(feed.armed.load(Ordering::Relaxed), "nobody is told after look {at}");
    }
}

#[test]
fn sizes() {
    let (tx, rx) = chan::<u64>(0);
    let sizes = [
        size_of_val(&rx.recv()),
        size_of_val(&rx.recv_ok()),
        size_of_val(&rx.next()),
        size_of_val(&tx.send(1)),
    ];
    assert_eq!(sizes, [96; 4]);
    let blocked = async move { rx.recv().await };
    // With what async-task (48) and malloc (8) add, and the record (64): 256 at most.
    assert!(size_of_val(&blocked) <= 112, "{}", size_of_val(&blocked));
}

/// T8 within one goroutine: it waits with one receive and goes on with another.
#[test]
fn a_receive_takes_the_value_of_one_that_the_same_goroutine_left_behind() {
    let goroutine = Goroutine::new();
    let (tx, rx) = chan(0);
    let mut first = Box::pin(rx.next());
    assert!(goroutine.poll_one(&mut first).is_pending());
    tx.try_send(1).unwrap();
    let mut second = Box::pin(rx.next());
    assert_eq!(goroutine.poll_one(&mut second), Poll::Ready(Some(1)));
    // The first lines up anew.
    assert!(goroutine.poll_one(&mut first).is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(goroutine.poll_one(&mut first), Poll::Ready(Some(2)));
}

/// The same, when the second receive was waiting already.
#[test]
fn a_waiting_receive_takes_the_value_of_one_that_is_not_polled_any_more() {
    let goroutine = Goroutine::new();
    let (tx, rx) = chan(0);
    let (mut first, mut second) = (Box::pin(rx.next()), Box::pin(rx.next()));
    assert!(goroutine.poll_one(&mut first).is_pending());
    assert!(goroutine.poll_one(&mut second).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(goroutine.wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(goroutine.poll_one(&mut second), Poll::Ready(Some(1)));
    drop(first);
    assert!(tx.try_send(2).is_err(), "nobody waits");
}

#[test]
fn a_goroutine_that_polls_both_receives_gets_both_values() {
    let goroutine = Goroutine::new();
    let (tx, rx) = chan(0);
    let (mut first, mut second) = (Box::pin(rx.next()), Box::pin(rx.next()));
    goroutine.poll(&mut [&mut first, &mut second]);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(
        goroutine.poll(&mut [&mut first, &mut second]),
        [Poll::Ready(Some(1)), Poll::Ready(Some(2))]
    );
}

#[test]
fn another_goroutine_takes_a_match_only_after_a_whole_poll_has_not_collected_it() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (tx, rx) = chan(0);
    let mut left = Box::pin(rx.next());
    assert!(idle.poll_one(&mut left).is_pending());
    tx.try_send(1).unwrap();
    let mut other = Box::pin(rx.next());
    assert!(busy.poll_one(&mut other).is_pending(), "the first may still collect");
    idle.poll_nothing();
    assert_eq!(busy.poll_one(&mut other), Poll::Ready(Some(1)));

    // The robbed receive has no place in line until it looks.
    let mut later = Box::pin(rx.next());
    assert!(busy.poll_one(&mut later).is_pending());
    tx.try_send(2).unwrap();
    assert!(idle.poll_one(&mut left).is_pending());
    assert_eq!(busy.poll_one(&mut later), Poll::Ready(Some(2)));
    tx.try_send(3).unwrap();
    assert_eq!(idle.poll_one(&mut left), Poll::Ready(Some(3)));
}

/// T8: its wake-up is spent, so whoever handed it a second value would wake nobody, and all who wait by then, or
/// come later, would wait for ever.
#[test]
fn t08_a_robbed_receive_is_handed_nothing_before_it_has_looked() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (tx, rx) = chan(0);
    let woken = |goroutine: &Goroutine| goroutine.wakes.0.load(Ordering::Relaxed);
    let mut left: Vec<_> = (0..3).map(|_| Box::pin(rx.next())).collect();
    assert!(left.iter_mut().all(|recv| idle.poll_one(recv).is_pending()));
    (0..3).for_each(|i| tx.try_send(i).unwrap());
    idle.poll_nothing();
    for i in 0..3 {
        assert_eq!(busy.poll_one(&mut Box::pin(rx.next())), Poll::Ready(Some(i)));
    }
    assert!(tx.try_send(3).is_err(), "nobody would be told of it");
    let mut later = Box::pin(rx.next());
    assert!(busy.poll_one(&mut later).is_pending());
    tx.try_send(4).unwrap();
    assert_eq!((woken(&idle), woken(&busy)), (3, 1));
    assert_eq!(busy.poll_one(&mut later), Poll::Ready(Some(4)));

    // When they look they wait as anybody does, in the order in which they look.
    assert!(left.iter_mut().rev().all(|recv| idle.poll_one(recv).is_pending()));
    for (i, recv) in left.iter_mut().rev().enumerate() {
        tx.try_send(i).unwrap();
        assert_eq!(woken(&idle), 4 + i);
        assert_eq!(idle.poll_one(recv), Poll::Ready(Some(i)));
    }
}

/// The same of one that its own goroutine robs, and does not poll again.
#[test]
fn t08_a_receive_that_its_own_goroutine_robbed_is_handed_nothing_before_it_has_looked() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (tx, rx) = chan(0);
    let mut left = Box::pin(rx.next());
    assert!(idle.poll_one(&mut left).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(idle.poll_one(&mut Box::pin(rx.next())), Poll::Ready(Some(1)));
    let mut other = Box::pin(rx.next());
    assert!(busy.poll_one(&mut other).is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(busy.wakes.0.load(Ordering::Relaxed), 1);
    drop(left);
    assert_eq!(busy.poll_one(&mut other), Poll::Ready(Some(2)));
}

#[test]
fn a_robbed_receive_finds_what_has_come_meanwhile_or_the_end() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (tx, rx) = chan(1);
    let mut left: Vec<_> = (0..2).map(|_| Box::pin(rx.next())).collect();
    assert!(left.iter_mut().all(|recv| idle.poll_one(recv).is_pending()));
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    idle.poll_nothing();
    for i in 0..2 {
        assert_eq!(busy.poll_one(&mut Box::pin(rx.next())), Poll::Ready(Some(i)));
    }
    tx.try_send(2).unwrap();
    assert_eq!(idle.poll_one(&mut left[0]), Poll::Ready(Some(2)));
    drop(tx);
    assert_eq!(idle.poll_one(&mut left[1]), Poll::Ready(None));
}

/// A value that was given back went to a receive that was matched after another one: it is the older
/// of the two.
#[test]
fn what_nobody_collects_is_taken_in_the_order_it_was_sent() {
    let goroutine = Goroutine::new();
    let (tx, rx) = chan(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(rx.next())).collect();
    for recv in &mut waiting {
        assert!(goroutine.poll_one(recv).is_pending());
    }
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    drop(waiting.remove(0));
    for i in 0..2 {
        let mut late = Box::pin(rx.next());
        assert_eq!(goroutine.poll_one(&mut late), Poll::Ready(Some(i)));
    }
}

/// Also of another goroutine's, by the same rule; of one that may still collect it, not.
#[test]
fn the_end_comes_after_what_nobody_collects() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (tx, rx) = chan(0);
    let mut left = Box::pin(rx.next());
    assert!(idle.poll_one(&mut left).is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    assert_eq!(busy.poll_one(&mut Box::pin(rx.next())), Poll::Ready(None), "it must not wait");
    idle.poll_nothing();
    assert_eq!(busy.poll_one(&mut Box::pin(rx.next())), Poll::Ready(Some(1)));
    assert_eq!(idle.poll_one(&mut left), Poll::Ready(None));
}

#[test]
fn a_stream_takes_what_nobody_collects_too() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (tx, rx) = chan(0);
    let mut left = Box::pin(rx.next());
    assert!(idle.poll_one(&mut left).is_pending());
    tx.try_send(1).unwrap();
    idle.poll_nothing();
    let mut stream = rx.stream();
    let mut next = Box::pin(futures::StreamExt::next(&mut stream));
    assert_eq!(busy.poll_one(&mut next), Poll::Ready(Some(1)));
}

#[test]
fn who_waits_says_so_in_its_record() {
    let goroutine = Goroutine::new();
    let reason_after = |poll: &dyn Fn()| {
        poll();
        (goroutine.record.reason().0, goroutine.record.site().map(|site| site.file()))
    };
    let (tx, rx) = chan::<i32>(0);
    let nil = Chan::<i32>::nil();
    let here = Some(file!());
    assert_eq!(
        reason_after(&|| assert!(goroutine.poll_one(&mut Box::pin(rx.recv())).is_pending())),
        (WaitReason::ChanReceive, here)
    );
    assert_eq!(
        reason_after(&|| assert!(goroutine.poll_one(&mut Box::pin(tx.send(1))).is_pending())),
        (WaitReason::ChanSend, here)
    );
    assert_eq!(
        reason_after(&|| assert!(goroutine.poll_one(&mut Box::pin(nil.recv())).is_pending())),
        (WaitReason::ChanReceiveNil, here)
    );
    assert_eq!(
        reason_after(&|| assert!(goroutine.poll_one(&mut Box::pin(nil.send(1))).is_pending())),
        (WaitReason::ChanSendNil, here)
    );
}

/// The least select: two arms, driven as `Arm` says.
struct Select<'a> {
    arms: [Rc<dyn Arm + 'a>; 2],
    waiter: Pin<Box<Waiter>>,
    wakes: Arc<Count>,
}

impl<'a> Select<'a> {
    fn new(a: Rc<impl Arm + 'a>, b: Rc<impl Arm + 'a>) -> Self {
        Self { arms: [a, b], waiter: Box::pin(Waiter::new()), wakes: Arc::default() }
    }

    fn with_locks<R>(&self, f: impl FnOnce(&mut WakeBatch) -> R) -> R {
        let mut wakes = WakeBatch::new();
        let mut by_key: Vec<_> = self.arms.iter().filter(|arm| arm.key().is_some()).collect();
        by_key.sort_by_key(|arm| arm.key());
        by_key.dedup_by_key(|arm| arm.key());
        let guards: Vec<_> = by_key.iter().map(|arm| arm.lock()).collect();
        let result = f(&mut wakes);
        drop(guards);
        wakes.wake_all();
        result
    }

    /// The number of the arm that happened, or `None` after parking.
    fn poll(&self) -> Option<usize> {
        self.with_locks(|wakes| {
            if let Some(case) = self.waiter.chosen() {
                for (i, arm) in self.arms.iter().enumerate() {
                    if i != case as usize {
                        // SAFETY: all locks are held.
                        unsafe { arm.cancel_locked(wakes) };
                    }
                }
                self.waiter.reset();
                // SAFETY: all locks are held; chosen.
                if unsafe { self.arms[case as usize].collect_locked(wakes) } {
                    return Some(case as usize);
                }
            } else if !self.waiter.is_idle() {
                return None;
            }
            for (i, arm) in self.arms.iter().enumerate() {
                // SAFETY: all locks are held.
                if unsafe { arm.try_locked(wakes) } {
                    return Some(i);
                }
            }
            drop(self.waiter.register(Waker::from(Arc::clone(&self.wakes))));
            for (i, arm) in self.arms.iter().enumerate() {
                // SAFETY: all locks are held; the waiter outlives the arms.
                unsafe { arm.enqueue_locked(&self.waiter, i as u32, wakes) };
            }
            None
        })
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }
}

fn recv<T>(ch: &Chan<T>) -> Rc<RecvArm<'_, T>> {
    Rc::new(RecvArm::new(ch.core()))
}

fn send<T>(ch: &Chan<T>, value: T) -> Rc<SendArm<'_, T>> {
    Rc::new(SendArm::new(ch.core(), Some(value)))
}

fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn one_arm_of_a_select_wins_and_the_other_has_no_effect() {
    let (a, b) = (Chan::new(0), Chan::new(0));
    let select = Select::new(recv(&a), recv(&b));
    assert_eq!(select.poll(), None);
    b.try_send(2).unwrap();
    assert!(a.try_send(1).is_err(), "the select is taken");
    assert_eq!((select.wakes(), select.poll()), (1, Some(1)));
    drop(select);
    assert!(b.try_recv().is_err(), "it took the value with it");
}

/// T3: two receivers come between the match and the select's next poll.
#[test]
fn a_select_that_sends_gives_away_one_value() {
    let (a, b) = (Chan::new(0), Chan::new(0));
    let select = Select::new(send(&a, 1), send(&b, 2));
    assert_eq!(select.poll(), None);
    assert_eq!(a.try_recv(), Ok(1));
    assert!(b.try_recv().is_err());
    assert_eq!(select.poll(), Some(0));
}

/// T4: the select was handed a value and is dropped.
#[test]
fn a_select_dropped_after_its_match_gives_the_value_to_the_next_receiver() {
    let (a, b) = (Chan::new(0), Chan::<i32>::new(0));
    for receiver_waits in [true, false] {
        let select = Select::new(recv(&a), recv(&b));
        assert_eq!(select.poll(), None);
        let mut next = Box::pin(a.next());
        if receiver_waits {
            assert!(poll_once(&mut next).is_pending());
        }
        a.try_send(1).unwrap();
        drop(select);
        assert_eq!(poll_once(&mut next), Poll::Ready(Some(1)));
    }
}

/// T17: a select does not match itself, two of them match each other.
#[test]
fn two_selects_on_both_directions_of_one_channel_meet() {
    let ch = Chan::new(0);
    let select = || Select::new(send(&ch, 1), recv(&ch));
    let (first, second) = (select(), select());
    assert_eq!(first.poll(), None);
    assert_eq!(first.poll(), None);
    assert_eq!(second.poll(), Some(0), "its send met the first one's receive");
    assert_eq!((first.wakes(), first.poll()), (1, Some(1)));
}

#[test]
fn crossed_selects_meet_once() {
    let (x, y) = (Chan::new(0), Chan::new(0));
    let first = Select::new(recv(&x), send(&y, 1));
    let second = Select::new(send(&x, 2), recv(&y));
    assert_eq!(first.poll(), None);
    assert_eq!(second.poll(), Some(0));
    assert_eq!(first.poll(), Some(0));
}

#[test]
fn one_channel_in_two_arms_is_received_from_once() {
    let ch = Chan::new(0);
    let select = Select::new(recv(&ch), recv(&ch));
    assert_eq!(select.poll(), None);
    ch.try_send(1).unwrap();
    assert!(ch.try_send(2).is_err());
    assert_eq!(select.poll(), Some(0));
    drop(select);
    assert!(ch.try_send(3).is_err(), "nothing is left in line");
}

/// T15.
#[test]
fn close_decides_a_waiting_select_and_leaves_nothing_behind() {
    let (a, b) = (Chan::new(0), Chan::<i32>::new(0));
    let sending = send(&a, 1);
    {
        let select = Select::new(Rc::clone(&sending), recv(&b));
        assert_eq!(select.poll(), None);
        a.close();
        assert_eq!(select.poll(), Some(0));
    }
    assert_eq!(sending.outcome(), Outcome::Closed);
    assert!(b.try_send(1).is_err(), "the receive is out of line");

    let select = Select::new(recv(&a), recv(&b));
    assert_eq!(select.poll(), Some(0), "closed is ready");
    drop(select);
    let nil = Chan::<i32>::nil();
    let select = Select::new(recv(&nil), recv(&b));
    assert_eq!(select.poll(), None);
    b.close();
    assert_eq!((select.wakes(), select.poll()), (1, Some(1)));
}

#[test]
fn a_select_that_was_robbed_begins_anew() {
    let (idle, busy) = (Goroutine::new(), Goroutine::new());
    let (a, b) = (Chan::new(0), Chan::new(0));
    let select = Select::new(recv(&a), recv(&b));
    let outer = record::swap_current(Some(idle.record));
    assert_eq!(select.poll(), None);
    record::swap_current(outer);
    a.try_send(1).unwrap();
    idle.poll_nothing();
    assert_eq!(busy.poll_one(&mut Box::pin(a.next())), Poll::Ready(Some(1)));
    assert_eq!((select.wakes(), select.poll()), (1, None));
    b.try_send(2).unwrap();
    assert_eq!((select.wakes(), select.poll()), (2, Some(1)));

    let select = Select::new(recv(&a), recv(&b));
    let outer = record::swap_current(Some(idle.record));
    assert_eq!(select.poll(), None);
    record::swap_current(outer);
    a.try_send(3).unwrap();
    idle.poll_nothing();
    assert_eq!(busy.poll_one(&mut Box::pin(a.next())), Poll::Ready(Some(3)));
    drop(select);
    assert!(a.try_send(4).is_err() && b.try_send(4).is_err(), "nothing is left in line");
}

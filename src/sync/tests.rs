//! The starvation mode of the lock, and waiters that do not come, on a clock that the tests hold; where readers count
//! themselves.

use super::raw_mutex::{RawLock, RawMutex};
use super::raw_rw_lock::{MEETINGS, RawRwLock};
use super::wait_group::WaitGroup;
use crate::sys::clock::Nanos;
use crate::sys::lane::lane;
use crate::sys::point::{self, Op};
use crate::wait::record::{self, FreeList, Record, WaitReason};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Scope;

const MS: Nanos = 1_000_000;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waiter of its own task, perhaps a goroutine.
struct Task<'a> {
    lock: Pin<Box<RawLock<'a>>>,
    count: Arc<Count>,
    record: Option<&'static Record>,
}

impl<'a> Task<'a> {
    fn new(mutex: &'a RawMutex) -> Self {
        Self { lock: Box::pin(mutex.lock()), count: Arc::default(), record: None }
    }

    fn of(mutex: &'a RawMutex, record: &'static Record) -> Self {
        Self { record: Some(record), ..Self::new(mutex) }
    }

    /// Polls the future at time `now`; true if it has the lock.
    fn poll(&mut self, now: Nanos) -> bool {
        let waker = Waker::from(Arc::clone(&self.count));
        let outer = record::swap_current(self.record);
        let mut cx = Context::from_waker(&waker);
        let polled = self.lock.as_mut().poll_at(&mut cx, || now);
        record::swap_current(outer);
        polled == Poll::Ready(())
    }

    fn woken(&self) -> usize {
        self.count.0.swap(0, Ordering::Relaxed)
    }
}

fn locked() -> RawMutex {
    let mutex = RawMutex::new();
    assert!(mutex.try_lock());
    mutex
}

/// Two waiters, of which the first has lost the lock to another after `waited`, who holds it still.
fn first_has_lost(mutex: &RawMutex, waited: Nanos) -> (Task<'_>, Task<'_>) {
    let (mut first, mut second) = (Task::new(mutex), Task::new(mutex));
    assert!(!first.poll(0) && !second.poll(0));
    mutex.unlock();
    assert!(mutex.try_lock(), "a newcomer is faster");
    assert!(!first.poll(waited));
    assert_eq!((first.woken(), second.woken()), (1, 0));
    (first, second)
}

#[test]
fn c081_a_waiter_that_loses_after_a_millisecond_is_given_the_lock_and_no_try_lock_gets_it() {
    let mutex = locked();
    let (mut first, mut second) = first_has_lost(&mutex, MS + 1);
    mutex.unlock();
    assert_eq!((first.woken(), second.woken()), (1, 0));
    assert!(!mutex.try_lock(), "it is the waiter's");
    assert!(!second.poll(MS + 2));
    assert!(first.poll(MS + 2));
    mutex.unlock();
    assert!(second.poll(MS + 3), "second was given it");
    assert!(!mutex.try_lock());
    mutex.unlock();
    assert!(mutex.try_lock(), "the last waiter ended the starvation");
}

#[test]
fn a_waiter_that_loses_sooner_goes_on_competing() {
    let mutex = locked();
    let (mut first, _second) = first_has_lost(&mutex, MS);
    mutex.unlock();
    assert!(mutex.try_lock());
    assert!(!first.poll(MS));
}

#[test]
fn a_waiter_that_was_given_the_lock_and_has_not_waited_long_ends_the_starvation() {
    let mutex = locked();
    let (mut first, second) = first_has_lost(&mutex, MS + 1);
    let mut third = Task::new(&mutex);
    assert!(!third.poll(2 * MS));
    drop(second);
    mutex.unlock();
    assert!(first.poll(2 * MS));
    mutex.unlock();
    assert!(!mutex.try_lock(), "third was given it");
    let mut fourth = Task::new(&mutex);
    assert!(!fourth.poll(2 * MS + 1));
    assert!(third.poll(2 * MS + 1));
    mutex.unlock();
    assert!(mutex.try_lock(), "normal mode again");
}

#[test]
fn a_granted_waiter_that_is_dropped_passes_the_lock_on() {
    let mutex = locked();
    let (first, mut second) = first_has_lost(&mutex, MS + 1);
    mutex.unlock();
    drop(first);
    assert_eq!(second.woken(), 1);
    assert!(!mutex.try_lock());
    assert!(second.poll(2 * MS));
    mutex.unlock();
    assert!(mutex.try_lock());
}

#[test]
fn the_last_granted_waiter_that_is_dropped_frees_the_lock() {
    let mutex = locked();
    let (first, second) = first_has_lost(&mutex, MS + 1);
    mutex.unlock();
    drop(second);
    drop(first);
    assert!(mutex.try_lock());
}

#[test]
fn a_starving_lock_whose_waiters_leave_is_an_ordinary_lock() {
    let mutex = locked();
    let (first, second) = first_has_lost(&mutex, MS + 1);
    drop(first);
    drop(second);
    mutex.unlock();
    assert!(mutex.try_lock());
}

/// A goroutine's lock that was granted and is kept unpolled, and the mutex's other waiters.
fn granted<'a>(mutex: &'a RawMutex, record: &'static Record) -> Task<'a> {
    let mut kept = Task::of(mutex, record);
    assert!(!kept.poll(0));
    mutex.unlock();
    assert!(mutex.try_lock());
    assert!(!kept.poll(2 * MS));
    mutex.unlock();
    assert!(!mutex.try_lock(), "granted");
    kept
}

#[test]
fn t08_a_granted_lock_is_taken_by_another_future_of_the_same_goroutine() {
    let record = FreeList::new().pop();
    let mutex = locked();
    let mut kept = granted(&mutex, record);
    let mut other = Task::of(&mutex, record);
    assert!(other.poll(2 * MS));
    assert!(!kept.poll(2 * MS));
    mutex.unlock();
    assert!(kept.poll(2 * MS));
    mutex.unlock();
    assert!(mutex.try_lock());
}

#[test]
fn t08_a_grant_that_a_whole_poll_did_not_collect_is_taken_by_whoever_must_wait() {
    let mut free = FreeList::new();
    let (record, another) = (free.pop(), free.pop());
    let mutex = locked();
    let mut kept = granted(&mutex, record);
    let mut other = Task::of(&mutex, another);
    assert!(!other.poll(2 * MS), "its goroutine may be on its way");
    record.start_poll();
    record.end_poll();
    assert!(other.poll(2 * MS));
    mutex.unlock();
    assert!(kept.poll(2 * MS), "it keeps its place");
    mutex.unlock();
    assert!(mutex.try_lock());
}

#[test]
fn t08_a_robbed_waiter_that_is_dropped_has_nothing_to_pass_on() {
    let record = FreeList::new().pop();
    let mutex = locked();
    let kept = granted(&mutex, record);
    let mut other = Task::of(&mutex, record);
    assert!(other.poll(2 * MS));
    drop(kept);
    assert!(!mutex.try_lock());
    mutex.unlock();
    assert!(mutex.try_lock());
}

/// A lock operation is woken and kept unpolled while its goroutine waits for the same lock with another
/// one, from before or after, which finds the lock taken by a newcomer.
#[test]
fn t08_a_wake_up_is_answered_by_another_future_of_the_same_goroutine() {
    for is_early in [false, true] {
        let record = FreeList::new().pop();
        let mutex = locked();
        let (mut kept, mut other) = (Task::of(&mutex, record), Task::of(&mutex, record));
        assert!(!kept.poll(0));
        assert!(!is_early || !other.poll(0));
        mutex.unlock();
        assert_eq!((kept.woken(), other.woken()), (1, 0));
        assert!(mutex.try_lock(), "a newcomer is faster");
        assert!(!other.poll(0));
        mutex.unlock();
        assert_eq!(other.woken(), 1);
        assert!(other.poll(0));
        mutex.unlock();
        assert!(kept.poll(0), "it keeps its place");
        mutex.unlock();
        assert!(mutex.try_lock());
    }
}

/// One that waits for the lock in a goroutine of its own, which says last that it waits for `reason`.
fn waits_and_says<'a>(mutex: &'a RawMutex, reason: WaitReason) -> Task<'a> {
    let record = FreeList::new().pop();
    let mut task = Task::of(mutex, record);
    record.start_poll();
    assert!(!task.poll(0));
    if reason != WaitReason::MutexLock {
        let outer = record::swap_current(Some(record));
        record::park(reason, std::panic::Location::caller());
        record::swap_current(outer);
    }
    record.end_poll();
    task
}

/// A lock operation is kept unpolled by a goroutine that waits for something else, perhaps for the one that waits
/// for the lock behind it.
#[test]
fn t08_who_waits_behind_a_lock_operation_that_is_kept_unpolled_is_woken_as_well() {
    let mutex = locked();
    let mut kept = waits_and_says(&mutex, WaitReason::ChanReceive);
    let mut behind = waits_and_says(&mutex, WaitReason::MutexLock);
    let mut last = waits_and_says(&mutex, WaitReason::MutexLock);
    mutex.unlock();
    assert_eq!((kept.woken(), behind.woken(), last.woken()), (1, 1, 0));
    assert!(behind.poll(0));
    mutex.unlock();
    assert_eq!((kept.woken(), last.woken()), (0, 1));
    // It competes with the one that was woken.
    assert!(kept.poll(0) && !last.poll(0));
    mutex.unlock();
    assert_eq!(last.woken(), 1);
    assert!(last.poll(0));
}

/// The same, and whoever was woken the last goes: who is next is woken. So many at a time are woken, not all.
#[test]
fn of_several_that_may_not_come_the_last_has_the_wake_up() {
    let mutex = locked();
    let mut many: Vec<_> = (0..6).map(|_| waits_and_says(&mutex, WaitReason::Select)).collect();
    mutex.unlock();
    assert_eq!(many.iter().map(Task::woken).collect::<Vec<_>>(), [1, 1, 1, 1, 0, 0]);
    drop(many.remove(0));
    drop(many.remove(0));
    assert_eq!(many.iter().map(Task::woken).sum::<usize>(), 0);
    drop(many.remove(1));
    assert_eq!(many.iter().map(Task::woken).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(many[0].poll(0));
    mutex.unlock();
    assert!(many[1].poll(0) && !many[0].poll(0) && !many[2].poll(0));
}

#[test]
fn a_wake_up_that_a_whole_poll_did_not_answer_goes_to_the_next_waiter_in_time() {
    let mut free = FreeList::new();
    let record = free.pop();
    let mutex = locked();
    let (mut kept, mut next) = (Task::of(&mutex, record), Task::new(&mutex));
    assert!(!kept.poll(0) && !next.poll(0));
    mutex.unlock();
    let cycle = || {
        for _ in 0..1_000 {
            assert!(mutex.try_lock());
            mutex.unlock();
        }
    };
    cycle();
    assert_eq!((kept.woken(), next.woken()), (1, 0), "it may be on its way");
    record.start_poll();
    record.end_poll();
    cycle();
    assert_eq!(next.woken(), 1);
    assert!(next.poll(0));
    mutex.unlock();
    assert!(kept.poll(0));
}

/// The record of a goroutine that polls `future` once: what it waits for, and in which line.
fn parked<F: Future>(future: F) -> (WaitReason, u32) {
    let record = FreeList::new().pop();
    let outer = record::swap_current(Some(record));
    assert!(pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    record::swap_current(outer);
    (record.reason().0, record.site().map_or(0, |site| site.line()))
}

#[test]
fn who_waits_says_for_what_and_where() {
    let (mutex, wg) = (locked(), WaitGroup::new());
    wg.add(1);
    assert_eq!(parked(mutex.lock()), (WaitReason::MutexLock, line!()));
    assert_eq!(parked(wg.wait()), (WaitReason::WaitGroupWait, line!()));
}

/// The budget of a poll is charged for a lock that was waited for, and for no other.
#[test]
fn only_a_contended_lock_costs_budget() {
    let mutex = RawMutex::new();
    let mut cx = Context::from_waker(Waker::noop());
    let saved = point::enter(point::BUDGET);
    for _ in 0..2 * point::BUDGET {
        assert!(pin!(mutex.lock()).poll(&mut cx).is_ready());
        mutex.unlock();
    }
    for _ in 0..point::BUDGET {
        assert!(mutex.try_lock());
        let mut lock = pin!(mutex.lock());
        assert!(lock.as_mut().poll(&mut cx).is_pending());
        mutex.unlock();
        assert!(lock.as_mut().poll(&mut cx).is_ready());
        mutex.unlock();
    }
    let spent = point::poll(&mut cx, Op::Sync).is_pending();
    point::leave(saved);
    assert!(spent);
}

/// A thread that calls `look` each time it is asked to, and has another lane than the calling one: where there are
/// very many threads, two may have the same.
fn on_another_thread<'scope>(
    scope: &'scope Scope<'scope, '_>,
    look: impl Fn() + Copy + Send + 'scope,
) -> impl Fn() {
    loop {
        let (ask, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        scope.spawn(move || {
            answer.send(lane()).unwrap();
            while let Ok(()) = asked.recv() {
                look();
                answer.send(lane()).unwrap();
            }
        });
        if answers.recv().unwrap() != lane() {
            return move || {
                ask.send(()).unwrap();
                answers.recv().unwrap();
            };
        }
    }
}

#[test]
fn readers_count_apart_once_two_threads_have_met_often_without_a_write() {
    // With one processor nobody meets anybody.
    let worthwhile = std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1);
    for (lock, scales) in [(RawRwLock::scaling(), worthwhile), (RawRwLock::new(), false)] {
        let look = || {
            assert!(lock.try_read());
            lock.release_read();
        };
        std::thread::scope(|scope| {
            let look_on_another_thread = on_another_thread(scope, look);
            look_on_another_thread();
            assert!(lock.try_read() && lock.try_read());
            (0..MEETINGS + 1).for_each(|_| look());
            look_on_another_thread();
            assert!(!lock.is_apart(), "one thread after another, and one with itself");
            lock.release_read();
            lock.release_read();
            let meet = |times| {
                assert!(lock.try_read());
                (0..times / 2).for_each(|_| {
                    look_on_another_thread();
                    look();
                });
            };
            for _ in 0..2 {
                meet(MEETINGS.saturating_sub(4));
                assert!(!lock.is_apart(), "there was a write in between");
                lock.release_read();
                assert!(lock.try_write());
                lock.release_write();
            }
            meet(MEETINGS + 2);
            assert_eq!(lock.is_apart(), scales);
        });
        // One was counted in the word, and leaves elsewhere.
        assert!(lock.try_read() && !lock.try_write());
        (0..2).for_each(|_| lock.release_read());
        assert!(lock.try_write() && !lock.try_read() && !lock.try_read());
        lock.release_write();
        assert!(lock.try_read() && !lock.try_write());
        lock.release_read();
        assert!(lock.try_write());
    }
}

/// Polls a future in one poll of a goroutine; true if it is ready.
fn poll_in(
    record: &'static Record,
    future: &mut Pin<Box<dyn Future<Output = ()> + '_>>,
    count: &Arc<Count>,
) -> bool {
    let waker = Waker::from(Arc::clone(count));
    let outer = record::swap_current(Some(record));
    record.start_poll();
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    record.end_poll();
    record::swap_current(outer);
    polled.is_ready()
}

/// A lock was granted, not collected in a whole poll, and taken by somebody else. Its wake-up is spent: granted once
/// more it would have the lock without knowing it, and everybody else would wait for ever.
#[test]
fn t08_who_was_robbed_of_a_lock_is_granted_nothing_before_it_has_looked() {
    type Locking<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
    let mut free = FreeList::new();
    let (idle, busy) = (free.pop(), free.pop());
    for (kept_writes, writes) in [(true, true), (true, false), (false, true)] {
        let lock = RawRwLock::new();
        let want = |writes| -> Locking<'_> {
            if writes { Box::pin(lock.write()) } else { Box::pin(lock.read()) }
        };
        let release = |writes| if writes { lock.unlock_write() } else { lock.unlock_read() };
        let [of_kept, of_others] = [(); 2].map(|()| Arc::<Count>::default());
        let woken = || [&of_kept, &of_others].map(|count| count.0.load(Ordering::Relaxed));

        assert!(lock.try_write());
        let mut kept = want(kept_writes);
        assert!(!poll_in(idle, &mut kept, &of_kept));
        lock.unlock_write();
        assert_eq!(woken(), [1, 0]);
        idle.start_poll();
        idle.end_poll();
        assert!(poll_in(busy, &mut want(writes), &of_others), "nobody collects it");
        let mut later = want(true);
        assert!(!poll_in(busy, &mut later, &of_others));
        release(writes);
        assert_eq!(woken(), [1, 1]);
        assert!(poll_in(busy, &mut later, &of_others));

        // When it looks it waits as anybody does.
        assert!(!poll_in(idle, &mut kept, &of_kept));
        lock.unlock_write();
        assert_eq!(woken(), [2, 1]);
        assert!(poll_in(idle, &mut kept, &of_kept));
        release(kept_writes);
        assert!(lock.try_write(), "somebody has it who does not know");
    }
    free.push(idle);
    free.push(busy);
}

#[test]
fn who_was_robbed_of_a_lock_takes_it_if_it_is_free_and_leaves_nothing_behind() {
    let record = FreeList::new().pop();
    for drops in [false, true] {
        let (lock, count) = (RawRwLock::new(), Arc::default());
        assert!(lock.try_write());
        let mut kept: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(lock.write());
        assert!(!poll_in(record, &mut kept, &count));
        lock.unlock_write();
        let mut other: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(lock.write());
        assert!(poll_in(record, &mut other, &count), "it is the same goroutine's");
        lock.unlock_write();
        if drops {
            drop(kept);
        } else {
            assert!(poll_in(record, &mut kept, &count));
            assert!(!lock.try_read());
            lock.unlock_write();
        }
        assert!(lock.try_write());
    }
}

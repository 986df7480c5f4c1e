//! `sync::Mutex` and `sync::RawMutex`: who gets the lock, what a dropped waiter leaves behind.
//! (Go's own cases are in `go_sync.rs`. Starvation mode needs a clock that stands still: see
//! `src/sync/tests.rs`.)

mod common;
mod sync_util;

use common::run;
use gort::sync::{
    Lock, MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, RawLock,
    RawMutex, WaitGroup,
};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};
use sync_util::{drive, panic_text};

#[test]
fn a_free_lock_is_taken_by_the_first_poll() {
    let mutex = Mutex::new(1);
    *drive(mutex.lock()).ready() += 1;
    assert_eq!(*drive(mutex.lock()).ready(), 2);
}

#[test]
fn a_release_wakes_the_first_waiter_and_only_it() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut waiters = [drive(mutex.lock()), drive(mutex.lock()), drive(mutex.lock())];
    waiters.iter_mut().for_each(|waiter| waiter.pending());
    drop(guard);
    assert_eq!(waiters.each_ref().map(|waiter| waiter.woken()), [1, 0, 0]);
    let guard = waiters[0].ready();
    assert_eq!(waiters.each_ref().map(|waiter| waiter.woken()), [0, 0, 0]);
    drop(guard);
    assert_eq!(waiters.each_ref().map(|waiter| waiter.woken()), [0, 1, 0]);
}

#[test]
fn a_newcomer_that_is_faster_than_the_woken_waiter_gets_the_lock() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let (mut first, mut second) = (drive(mutex.lock()), drive(mutex.lock()));
    first.pending();
    second.pending();
    drop(guard);
    let guard = drive(mutex.lock()).ready();
    first.pending();
    drop(guard);
    assert_eq!((first.woken(), second.woken()), (2, 0), "the loser keeps its place");
    drop(first.ready());
    drop(second.ready());
}

#[test]
fn a_waiter_gets_the_lock_whenever_it_looks_and_finds_it_free() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let (mut first, mut second) = (drive(mutex.lock()), drive(mutex.lock()));
    first.pending();
    second.pending();
    drop(guard);
    let guard = second.ready();
    first.pending();
    drop(guard);
    assert_eq!(first.woken(), 2);
    drop(first.ready());
}

#[test]
fn a_woken_waiter_that_is_dropped_passes_the_wake_up_on() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let (mut first, mut second) = (drive(mutex.lock()), drive(mutex.lock()));
    first.pending();
    second.pending();
    drop(guard);
    drop(first);
    assert_eq!(second.woken(), 1);
    drop(second.ready());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_woken_waiter_that_is_dropped_while_another_holds_the_lock_leaves_it_to_the_release() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let (mut first, mut second) = (drive(mutex.lock()), drive(mutex.lock()));
    first.pending();
    second.pending();
    drop(guard);
    let guard = mutex.try_lock().unwrap();
    drop(first);
    assert_eq!(second.woken(), 0);
    drop(guard);
    assert_eq!(second.woken(), 1);
    drop(second.ready());
}

#[test]
fn a_waiter_that_is_dropped_unwoken_leaves_no_trace() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let (mut first, mut second) = (drive(mutex.lock()), drive(mutex.lock()));
    first.pending();
    second.pending();
    drop(first);
    drop(drive(mutex.lock()));
    drop(guard);
    assert_eq!(second.woken(), 1);
    drop(second);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_waiter_that_moved_to_another_task_is_woken_there() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut lock = pin!(mutex.lock());
    let (here, there) = (drive(std::future::pending::<()>()), Arc::new(AtomicBool::new(false)));
    struct Flag(Arc<AtomicBool>);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    assert!(lock.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let waker = Waker::from(Arc::new(Flag(there.clone())));
    assert!(lock.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(guard);
    assert!(there.load(Ordering::SeqCst));
    assert_eq!(here.woken(), 0);
}

/// Hazard T8: the waiter that was woken is kept, and not polled, by a goroutine that waits for the
/// same lock with another future.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_woken_waiter_that_is_kept_unpolled_does_not_keep_its_own_goroutine_out() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.clone().lock_owned().await;
        let waiting = mutex.clone();
        let task = gort::go(async move {
            let mut kept = pin!(waiting.lock());
            let first = std::future::poll_fn(|cx| std::task::Poll::Ready(kept.as_mut().poll(cx)));
            assert!(first.await.is_pending());
            *waiting.lock().await += 1;
            // Released in between: now the kept one.
            *kept.await += 1;
        });
        gort::task::yield_now().await;
        drop(guard);
        task.await.unwrap();
        assert_eq!(*mutex.lock().await, 2);
    });
}

#[test]
fn a_wake_up_that_is_not_answered_does_not_keep_others_out() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut kept = drive(mutex.lock());
    kept.pending();
    drop(guard);
    assert_eq!(kept.woken(), 1);
    for _ in 0..1_000 {
        drop(drive(mutex.lock()).ready());
    }
}

#[test]
fn guards_kept_across_an_await_exclude_the_others() {
    let mutex = Arc::new(Mutex::new((0, 0)));
    let shared = mutex.clone();
    run(async move {
        let wg = WaitGroup::new();
        for _ in 0..8 {
            let mutex = shared.clone();
            wg.go(async move {
                for _ in 0..100 {
                    let mut guard = mutex.lock().await;
                    guard.0 += 1;
                    gort::task::yield_now().await;
                    guard.1 += 1;
                    assert_eq!(guard.0, guard.1);
                }
            });
        }
        wg.wait().await;
    });
    assert_eq!(*mutex.try_lock().unwrap(), (800, 800));
}

#[test]
fn a_panic_under_the_lock_releases_it_and_poisons_nothing() {
    let mutex = Mutex::new(1);
    panic_text(|| {
        let mut guard = mutex.try_lock().unwrap();
        *guard = 2;
        panic!("while locked");
    });
    assert_eq!(*mutex.try_lock().unwrap(), 2);
}

#[test]
fn a_blocked_thread_is_woken_by_the_release() {
    let mutex = Arc::new(Mutex::new(0));
    let guard = mutex.try_lock().unwrap();
    let other = Arc::clone(&mutex);
    let thread = std::thread::spawn(move || *other.blocking_lock() += 1);
    drop(guard);
    thread.join().unwrap();
    assert_eq!(*mutex.blocking_lock(), 1);
    assert_eq!(*mutex.blocking_lock_owned(), 1);
}

#[test]
fn a_guard_can_be_narrowed_to_a_part() {
    let mutex = Mutex::new((1, String::from("a")));
    let guard = mutex.try_lock().unwrap();
    assert!(std::ptr::eq(MutexGuard::mutex(&guard), &raw const mutex));
    let mut part = MutexGuard::map(guard, |data| &mut data.1);
    part.push('b');
    assert_eq!(format!("{part} {part:?}"), "ab \"ab\"");
    let mut bytes = MappedMutexGuard::map(part, |text| text.as_mut_str());
    bytes.make_ascii_uppercase();
    assert!(mutex.try_lock().is_err());
    drop(bytes);
    let guard = MutexGuard::try_map(mutex.try_lock().unwrap(), |_| None::<&mut u32>).unwrap_err();
    assert_eq!(guard.1, "AB");
    drop(guard);
    assert!(mutex.try_lock().is_ok());

    let text = |guard| MutexGuard::map(guard, |data: &mut (u32, String)| &mut data.1);
    let part = text(mutex.try_lock().unwrap());
    let part = MappedMutexGuard::try_map(part, |_| None::<&mut str>).unwrap_err();
    assert!(mutex.try_lock().is_err() && *part == "AB");
    let mut first = MappedMutexGuard::try_map(part, |text| text.get_mut(..1)).unwrap();
    first.make_ascii_lowercase();
    assert!(mutex.try_lock().is_err());
    drop(first);
    assert_eq!(*text(mutex.try_lock().unwrap()), "aB");
}

#[test]
fn an_owned_guard_keeps_the_mutex_alive() {
    let mutex = Arc::new(Mutex::new((1, 2)));
    let mut lock = drive(Arc::clone(&mutex).lock_owned());
    let held = Arc::clone(&mutex).try_lock_owned().unwrap();
    lock.pending();
    assert!(Arc::clone(&mutex).try_lock_owned().is_err());
    drop(held);
    drop(mutex);
    let guard = lock.ready();
    assert_eq!(Arc::strong_count(OwnedMutexGuard::mutex(&guard)), 1);
    let mut part = OwnedMutexGuard::map(guard, |data| &mut data.1);
    *part += 1;
    assert_eq!(*part, 3);
    let part = OwnedMappedMutexGuard::try_map(part, |_| None::<&mut u8>).unwrap_err();
    let mut part = OwnedMappedMutexGuard::try_map(part, |two| Some(two)).unwrap();
    *part += 1;
    assert_eq!(*part, 4);
}

#[test]
fn a_guard_of_a_part_of_a_part_releases_when_it_is_dropped() {
    let mutex = Arc::new(Mutex::new((1, 2)));
    let pair = Arc::clone(&mutex).try_lock_owned().unwrap();
    let second = OwnedMutexGuard::map(pair, |pair| &mut pair.1);
    let second = OwnedMappedMutexGuard::try_map(second, |two| Some(two)).unwrap();
    assert!(mutex.try_lock().is_err() && *second == 2);
    drop(second);
    let pair = MutexGuard::map(mutex.try_lock().unwrap(), |pair| pair);
    let second = MappedMutexGuard::try_map(pair, |pair| Some(&mut pair.1)).unwrap();
    assert!(mutex.try_lock().is_err() && *second == 2);
    drop(second);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn an_owned_lock_that_is_dropped_while_it_waits_leaves_the_queue() {
    let mutex = Arc::new(Mutex::new(()));
    let held = mutex.try_lock().unwrap();
    let (mut first, mut second) =
        (drive(Arc::clone(&mutex).lock_owned()), drive(Arc::clone(&mutex).lock_owned()));
    first.pending();
    second.pending();
    drop(held);
    drop(first);
    assert_eq!(second.woken(), 1);
    drop(second.ready());
}

#[test]
fn a_mutex_is_made_from_values_and_shows_them() {
    static COUNT: Mutex<u32> = Mutex::new(7);
    static OTHER: Mutex<u32> = Mutex::const_new(8);
    assert_eq!((*COUNT.try_lock().unwrap(), *OTHER.try_lock().unwrap()), (7, 8));
    let mut mutex = Mutex::from(5);
    *mutex.get_mut() += 1;
    assert_eq!(format!("{mutex:?}"), "Mutex { data: 6 }");
    let guard = mutex.try_lock().unwrap();
    assert_eq!(format!("{mutex:?} {guard}"), "Mutex { data: <locked> } 6");
    drop(guard);
    assert_eq!(mutex.into_inner(), 6);
    assert_eq!(Mutex::<String>::default().into_inner(), "");
    let unsized_data: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    assert_eq!(unsized_data.try_lock().unwrap().len(), 3);
    let unit: Mutex = Mutex::default();
    drop(unit.try_lock());
    assert_eq!(unit.try_lock().map(drop).err(), None);
}

/// Hazard T24: a waker that comes back to the lock when it is cloned, woken or dropped.
#[test]
fn t24_a_waker_may_come_back_to_the_lock_at_any_time() {
    static MUTEX: RawMutex = RawMutex::new();
    fn visit() {
        let mut lock = pin!(MUTEX.lock());
        if lock.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            MUTEX.unlock();
        }
    }
    fn clone(_: *const ()) -> RawWaker {
        visit();
        RawWaker::new(std::ptr::null(), &TABLE)
    }
    static TABLE: RawWakerVTable =
        RawWakerVTable::new(clone, |_| visit(), |_| visit(), |_| visit());
    #[expect(unsafe_code, reason = "a waker made by hand")]
    // SAFETY: the data is not used.
    let waker = unsafe { Waker::from_raw(clone(std::ptr::null())) };
    let mut cx = Context::from_waker(&waker);

    drive(MUTEX.lock()).ready();
    let (mut first, mut second) = (pin!(MUTEX.lock()), Box::pin(MUTEX.lock()));
    assert!(first.as_mut().poll(&mut cx).is_pending());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    MUTEX.unlock();
    drop(second);
    assert!(first.as_mut().poll(&mut cx).is_ready());
    MUTEX.unlock();
    drive(MUTEX.lock()).ready();
}

#[test]
fn futures_and_guards_may_go_to_other_threads() {
    fn send_sync<T: Send + Sync>() {}
    fn send<T: Send>() {}
    send_sync::<Mutex<std::cell::Cell<u32>>>();
    send_sync::<Lock<'_, u32>>();
    send_sync::<RawLock<'_>>();
    send_sync::<MutexGuard<'_, u32>>();
    send_sync::<OwnedMutexGuard<u32>>();
    send_sync::<MappedMutexGuard<'_, u32>>();
    send::<MutexGuard<'_, std::cell::Cell<u32>>>();
}

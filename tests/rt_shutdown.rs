//! The end of a runtime: what is dropped, once, and what is left.

use gort::runtime::{Builder, Runtime};
use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

struct Count(Arc<AtomicUsize>);

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counter() -> (Arc<AtomicUsize>, impl Fn() -> Count) {
    let drops = Arc::new(AtomicUsize::new(0));
    (Arc::clone(&drops), move || Count(Arc::clone(&drops)))
}

#[test]
fn every_future_is_dropped_once_wherever_its_goroutine_stood() {
    for builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let (drops, count) = counter();
        let runtime = builder.clone().build().unwrap();
        runtime.block_on(async {
            for n in 0..300 {
                let count = count();
                drop(gort::spawn(async move {
                    let _count = count;
                    for _ in 0..n % 3 {
                        gort::task::yield_now().await;
                    }
                    if n % 2 == 0 {
                        pending::<()>().await;
                    }
                }));
            }
        });
        drop(runtime);
        assert_eq!(drops.load(Ordering::SeqCst), 300);
    }
}

#[test]
fn a_goroutine_that_is_dropped_may_wake_and_spawn() {
    struct Spawns(Option<Count>, gort::runtime::Handle);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let count = self.0.take();
            drop(self.1.spawn(async move {
                let _count = count;
                pending::<()>().await;
            }));
        }
    }
    let (drops, count) = counter();
    let runtime = Runtime::new().unwrap();
    let spawns = Spawns(Some(count()), runtime.handle().clone());
    drop(runtime.spawn(async move {
        let _spawns = spawns;
        pending::<()>().await;
    }));
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn handles_of_dropped_goroutines_yield_cancelled() {
    for mut builder in
        [Builder::new_multi_thread(), Builder::new_current_thread(), Builder::simulated(7)]
    {
        let runtime = builder.build().unwrap();
        let handle = runtime.spawn(pending::<()>());
        let late = runtime.handle().clone();
        drop(runtime);
        let other = Runtime::new().unwrap();
        assert!(other.block_on(handle).unwrap_err().is_cancelled());
        assert!(other.block_on(late.spawn(async {})).unwrap_err().is_cancelled());
        assert!(other.block_on(late.spawn_blocking(|| {})).unwrap_err().is_cancelled());
    }
}

#[test]
fn a_goroutine_inside_a_poll_is_left_to_its_thread_and_dropped_there() {
    let (drops, count) = counter();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .shutdown_grace(Duration::from_millis(10))
        .build()
        .unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (ended, has_ended) = mpsc::channel::<()>();
    let count = count();
    drop(runtime.spawn(async move {
        let _ended = ended;
        let _count = count;
        started.send(()).unwrap();
        let _ = released.recv();
        pending::<()>().await;
    }));
    has_started.recv().unwrap();
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    release.send(()).unwrap();
    // The sender is dropped with the future.
    assert!(has_ended.recv().is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn wakers_that_outlive_the_runtime_do_nothing() {
    let (sender, wakers) = mpsc::channel();
    let runtime = Runtime::new().unwrap();
    drop(runtime.spawn(std::future::poll_fn(move |cx| {
        sender.send(cx.waker().clone()).unwrap();
        std::task::Poll::<()>::Pending
    })));
    let waker = wakers.recv().unwrap();
    drop(runtime);
    waker.wake_by_ref();
    waker.wake();
}

#[test]
fn wakes_that_race_with_the_shutdown_lose_nothing() {
    for _ in 0..100 {
        let (drops, count) = counter();
        let (sender, wakers) = mpsc::channel();
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        for _ in 0..8 {
            let (sender, count) = (sender.clone(), count());
            drop(runtime.spawn(async move {
                let _count = count;
                std::future::poll_fn(move |cx| {
                    let _ = sender.send(cx.waker().clone());
                    std::task::Poll::<()>::Pending
                })
                .await;
            }));
        }
        drop(sender);
        let waker = std::thread::spawn(move || wakers.into_iter().for_each(|waker| waker.wake()));
        drop(runtime);
        waker.join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 8);
    }
}

#[test]
fn blocking_jobs_that_have_started_are_waited_for_and_others_cancelled() {
    let runtime =
        Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build().unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let first = runtime.spawn_blocking(move || {
        started.send(()).unwrap();
        released.recv().unwrap();
        7
    });
    let second = runtime.spawn_blocking(|| 8);
    has_started.recv().unwrap();
    let releaser = std::thread::spawn(move || release.send(()).unwrap());
    drop(runtime);
    releaser.join().unwrap();
    let other = Runtime::new().unwrap();
    assert_eq!(other.block_on(first).unwrap(), 7);
    let second = other.block_on(second);
    assert!(second.as_ref().is_ok_and(|&n| n == 8) || second.unwrap_err().is_cancelled());
}

#[test]
fn many_threads_block_on_one_current_thread_runtime() {
    let runtime = Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let runtime = &runtime;
            scope.spawn(move || {
                let sum = runtime.block_on(async move {
                    let mut sum = 0;
                    for m in 0..100 {
                        sum += gort::spawn(async move { n * m }).await.unwrap();
                    }
                    sum
                });
                assert_eq!(sum, n * 4950);
            });
        }
    });
}

#[test]
fn hundreds_of_runtimes_come_and_go() {
    for _ in 0..200 {
        let runtime = Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(async { gort::spawn(async { 5 }).await.unwrap() }), 5);
    }
    for _ in 0..50 {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        assert_eq!(runtime.block_on(async { gort::spawn(async { 5 }).await.unwrap() }), 5);
    }
}

/// Tells everybody who waits for the event, under the event's own lock.
struct Notifies(Arc<event_listener::Event>);

impl Drop for Notifies {
    fn drop(&mut self) {
        self.0.notify(usize::MAX);
    }
}

/// Many libraries wake under a lock, which the future that is woken takes when it is dropped.
#[test]
fn a_wake_under_a_lock_does_not_drop_the_future_there() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let event = Arc::new(event_listener::Event::new());
    let (drops, count) = counter();
    runtime.block_on(async {
        for n in 0..10 {
            let (event, count) = (Arc::clone(&event), count());
            drop(gort::spawn(async move {
                let _count = count;
                if n % 3 == 0 {
                    let _notifies = Notifies(event);
                    pending::<()>().await;
                } else {
                    loop {
                        event.listen().await;
                    }
                }
            }));
        }
        while event.total_listeners() < 6 {
            gort::task::yield_now().await;
        }
    });
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), 10);
}

/// The same for a thread outside of the runtime, which finds that the runtime shuts down.
#[test]
fn a_wake_from_outside_under_a_lock_does_not_drop_the_future_there() {
    let hour = Duration::from_secs(3600);
    // Without a spare worker, which would run what is started while the one is inside of a poll.
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_spare_workers(0)
        .shutdown_grace(hour)
        .build()
        .unwrap();
    let event = Arc::new(event_listener::Event::new());
    let (drops, count) = counter();
    let listens = {
        let (event, count) = (Arc::clone(&event), count());
        async move {
            let _count = count;
            event.listen().await;
        }
    };
    drop(runtime.spawn(listens));
    while event.total_listeners() == 0 {
        std::thread::yield_now();
    }
    // The shutdown waits for a goroutine that is inside of its poll.
    let (polled, is_polled) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    drop(runtime.spawn(async move {
        polled.send(()).unwrap();
        released.recv().unwrap();
    }));
    is_polled.recv().unwrap();
    let handle = runtime.handle().clone();
    let shutdown = std::thread::spawn(move || runtime.shutdown_timeout(hour));
    // What is started from now on is refused.
    while !handle.spawn(async {}).is_finished() {
        std::thread::yield_now();
    }
    assert_eq!(event.notify(usize::MAX), 1);
    assert_eq!(drops.load(Ordering::SeqCst), 0, "it is dropped by the shutdown");
    release.send(()).unwrap();
    shutdown.join().unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

/// What a worker that is inside of a poll has queued: in its next slot, its ring, and its spill.
#[test]
fn what_is_queued_at_a_worker_inside_a_poll_is_dropped_without_it() {
    const QUEUED: usize = 1000;
    let (drops, count) = counter();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_spare_workers(0)
        .shutdown_grace(Duration::ZERO)
        .build()
        .unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (ended, has_ended) = mpsc::channel::<()>();
    drop(runtime.spawn(async move {
        let _ended = ended;
        for _ in 0..QUEUED {
            let count = count();
            drop(gort::spawn(async move { drop(count) }));
        }
        started.send(()).unwrap();
        let _ = released.recv();
    }));
    has_started.recv().unwrap();
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), QUEUED);
    release.send(()).unwrap();
    assert!(has_ended.recv().is_err());
}

#[test]
fn what_a_destructor_starts_at_the_end_is_refused_and_not_started_elsewhere() {
    struct Starts(mpsc::Sender<gort::task::JoinHandle<()>>);
    impl Drop for Starts {
        fn drop(&mut self) {
            self.0.send(gort::spawn(async {})).unwrap();
        }
    }
    let (sender, started) = mpsc::channel();
    Builder::new_current_thread().build().unwrap().run(async move {
        let parked = Starts(sender.clone());
        drop(gort::go(async move {
            let _parked = parked;
            pending::<()>().await;
        }));
        gort::task::yield_now().await;
        let queued = Starts(sender);
        drop(gort::go(async move { drop(queued) }));
    });
    let other = Runtime::new().unwrap();
    for _ in 0..2 {
        let handle = started.recv().unwrap();
        assert!(other.block_on(handle).unwrap_err().is_cancelled());
    }
}

#[test]
fn a_crash_does_not_wait_for_blocking_jobs() {
    let (release, released) = mpsc::channel::<()>();
    let (ended, has_ended) = mpsc::channel();
    let runtime = Builder::new_multi_thread().shutdown_grace(Duration::ZERO).build().unwrap();
    let crashed = catch_unwind(AssertUnwindSafe(|| {
        runtime.run(async move {
            let (started, has_started) = gort::chan(0);
            drop(gort::task::spawn_blocking(move || {
                started.blocking_send(()).unwrap();
                let _ = released.recv();
                ended.send(()).unwrap();
            }));
            has_started.recv().await;
            panic!("main")
        })
    }));
    assert_eq!(crashed.map(|never: ()| never).unwrap_err().downcast_ref(), Some(&"main"));
    release.send(()).unwrap();
    has_ended.recv().unwrap();
}

#[test]
fn async_code_may_shut_a_runtime_down_that_nobody_waits_for() {
    let outer = Runtime::new().unwrap();
    outer.block_on(async {
        let handle = {
            let inner = Runtime::new().unwrap();
            let handle = inner.spawn(pending::<()>());
            inner.shutdown_background();
            handle
        };
        assert!(handle.await.unwrap_err().is_cancelled());
        let inner = Runtime::new().unwrap();
        let refused = catch_unwind(AssertUnwindSafe(|| {
            inner.shutdown_timeout(Duration::from_secs(1));
        }));
        let text = *refused.unwrap_err().downcast::<&str>().unwrap();
        assert!(text.starts_with("Cannot drop a runtime in a context where"), "{text}");
    });
}

/// Panics when it is dropped, after `before`.
struct Bomb<F: FnMut()>(F);

impl<F: FnMut()> Drop for Bomb<F> {
    fn drop(&mut self) {
        (self.0)();
        panic!("dropped");
    }
}

fn text(error: gort::task::JoinError) -> String {
    (*error.into_panic().downcast::<&str>().expect("a text")).to_owned()
}

/// Its runtime may not even be there any more.
#[test]
fn a_panic_in_the_drop_of_what_comes_after_the_shutdown_belongs_to_the_handle() {
    for mut builder in
        [Builder::new_multi_thread(), Builder::new_current_thread(), Builder::simulated(7)]
    {
        let runtime = builder.worker_threads(1).build().unwrap();
        let late = runtime.handle().clone();
        drop(runtime);
        let [job, goroutine] = [(); 2].map(|()| Bomb(|| ()));
        Builder::new_current_thread().build().unwrap().run(async move {
            assert_eq!(text(late.spawn_blocking(move || drop(job)).await.unwrap_err()), "dropped");
            let goroutine = late.spawn(async move { drop(goroutine) });
            assert_eq!(text(goroutine.await.unwrap_err()), "dropped");
        });
    }
}

/// Sends when its thread has nothing else to do any more.
struct AtExit(mpsc::Sender<()>);

impl Drop for AtExit {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

/// The threads of the pool have ended, but not what was queued for them.
#[test]
fn a_job_that_ends_after_the_last_thread_of_the_pool_keeps_the_runtime() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let (exits, has_exited) = mpsc::channel();
    drop(runtime.spawn_blocking(move || {
        AT_EXIT.set(Some(AtExit(exits)));
        started.send(()).unwrap();
        released.recv().unwrap();
    }));
    has_started.recv().unwrap();
    let bomb = Bomb(move || {
        release.send(()).unwrap();
        has_exited.recv_timeout(Duration::from_secs(30)).expect("the thread hangs");
    });
    let queued = runtime.spawn_blocking(move || drop(bomb));
    let handle = runtime.handle().clone();
    drop(runtime);
    assert_eq!(handle.panics(), 1);
    let other = Builder::new_current_thread().build().unwrap();
    assert_eq!(text(other.block_on(queued).unwrap_err()), "dropped");
}

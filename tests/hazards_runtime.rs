//! Hazards of schedulers: bugs that other runtimes have really had, one test or more each, named
//! after its number (`t21_…`). `hazards_limits.rs` has those of a system that refuses threads.

use gort::runtime::{Builder, Runtime};
use gort::time::timeout;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// What no test waits for, unless something is broken.
const TOO_LONG: Duration = Duration::from_secs(30);

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Fails rather than hang.
#[track_caller]
fn block_on<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    runtime.block_on(async { timeout(TOO_LONG, future).await }).expect("it hangs")
}

/// Joins a thread, and fails rather than hang.
#[track_caller]
fn join<T: Send + 'static>(thread: thread::JoinHandle<T>) -> T {
    let (ended, has_ended) = mpsc::channel();
    thread::spawn(move || ended.send(thread.join()));
    match has_ended.recv_timeout(TOO_LONG).expect("a thread hangs") {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Counts how often it is dropped.
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

fn text(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("?").to_owned(),
    }
}

// T21: the slot for what runs next.

/// tokio#4941: a task woke another one into the slot that its worker runs next, then blocked its
/// thread. Nobody else could take the slot, so the woken task waited for as long as the other one
/// blocked. Here that is for ever.
#[test]
fn t21_what_was_woken_into_the_next_slot_runs_although_its_waker_blocks() {
    for count in [1, 2] {
        let runtime = workers(count);
        let woken = block_on(&runtime, async {
            gort::spawn(async {
                let (wakes, woken) = gort::chan::<u32>(0);
                let (answers, answer) = mpsc::channel();
                gort::spawn(async move { answers.send(woken.recv().await).unwrap() });
                while wakes.try_send(7).is_err() {
                    gort::task::yield_now().await;
                }
                answer.recv_timeout(TOO_LONG)
            })
            .await
        });
        assert_eq!(woken.unwrap(), Ok(7));
    }
}

/// tokio#4941, with a task that is started instead of woken.
#[test]
fn t21_what_was_started_into_the_next_slot_runs_although_its_starter_blocks() {
    for count in [1, 2] {
        let runtime = workers(count);
        let started = block_on(&runtime, async {
            gort::spawn(async {
                let (tx, rx) = mpsc::channel();
                gort::spawn(async move { tx.send(7).unwrap() });
                rx.recv_timeout(TOO_LONG)
            })
            .await
        });
        assert_eq!(started.unwrap(), Ok(7));
    }
}

/// tokio#2349, tokio#5686, tokio#5712: two tasks that woke each other in turn always found the slot
/// filled, and the rest of the queue was never looked at.
#[test]
fn t21_a_pair_that_wake_each_other_starve_nobody() {
    type Wakers = [Mutex<Option<Waker>>; 2];
    fn wake(waker: &Mutex<Option<Waker>>) {
        let taken = waker.lock().unwrap().take();
        if let Some(waker) = taken {
            waker.wake();
        }
    }
    workers(1).run(async {
        let stop = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicUsize::new(0));
        let wakers: Arc<Wakers> = Arc::default();
        let mut pair = Vec::new();
        for me in 0..2 {
            let (stop, turns, wakers) =
                (Arc::clone(&stop), Arc::clone(&turns), Arc::clone(&wakers));
            pair.push(gort::go(poll_fn(move |cx| {
                if stop.load(Ordering::Relaxed) {
                    wake(&wakers[1 - me]);
                    return Poll::Ready(());
                }
                turns.fetch_add(1, Ordering::Relaxed);
                *wakers[me].lock().unwrap() = Some(cx.waker().clone());
                wake(&wakers[1 - me]);
                Poll::Pending
            })));
        }
        let third = gort::go(async move {
            while turns.load(Ordering::Relaxed) < 1000 {
                gort::task::yield_now().await;
            }
            stop.store(true, Ordering::Relaxed);
        });
        third.await.unwrap();
        for handle in pair {
            handle.await.unwrap();
        }
    });
}

// T22: blocking jobs.

/// tokio#8056: an optimisation of the blocking pool lost the wake-up of a new thread, and a job of a
/// burst stayed in the queue. Whoever waited for it, and held what others waited for, hung.
#[test]
fn t22_all_jobs_of_a_burst_start_even_when_they_wait_for_each_other() {
    const JOBS: usize = 64;
    for round in 0..20 {
        let runtime = workers(2);
        let barrier = Arc::new(Barrier::new(JOBS));
        // From two workers and from outside, on a pool without a thread.
        let submit = |runtime: &gort::runtime::Handle, count: usize| -> Vec<_> {
            let job = || {
                let barrier = Arc::clone(&barrier);
                runtime.spawn_blocking(move || usize::from(barrier.wait().is_leader()))
            };
            (0..count).map(|_| job()).collect()
        };
        let handle = runtime.handle();
        let leaders = block_on(&runtime, async {
            let jobs = submit(handle, JOBS / 2);
            let later = submit(handle, JOBS / 2 - round);
            let last: Vec<_> = (0..round).flat_map(|_| submit(handle, 1)).collect();
            let mut leaders = 0;
            for job in jobs.into_iter().chain(later).chain(last) {
                leaders += job.await.unwrap();
            }
            leaders
        });
        assert_eq!(leaders, 1);
    }
}

/// As tokio#8056, in a pool whose threads have all had enough: with `max_blocking_threads` counting
/// one that is about to end, nobody was left to look at the queue.
#[test]
fn t22_a_job_that_comes_while_the_last_thread_ends_is_not_left_behind() {
    let (ends, has_ended) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .thread_keep_alive(Duration::from_millis(1))
        .on_thread_stop(move || {
            ends.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
        })
        .build()
        .unwrap();
    block_on(&runtime, runtime.spawn_blocking(|| ())).unwrap();
    has_ended.recv().unwrap();
    let job = runtime.spawn_blocking(|| 7);
    drop(release);
    assert_eq!(block_on(&runtime, job).unwrap(), 7);
}

// T23: workers that block.

/// `stuck` goroutines that have all come to block their threads, and what lets them go.
async fn block_threads(stuck: usize) -> (Vec<mpsc::Sender<()>>, Vec<gort::task::JoinHandle<()>>) {
    let all_stuck = Arc::new(Barrier::new(stuck + 1));
    let blocked = (0..stuck)
        .map(|_| {
            let (release, released) = mpsc::channel::<()>();
            let all_stuck = Arc::clone(&all_stuck);
            let handle = gort::spawn(async move {
                all_stuck.wait();
                let _ = released.recv();
            });
            (release, handle)
        })
        .unzip();
    gort::task::spawn_blocking(move || all_stuck.wait()).await.unwrap();
    blocked
}

/// async-std#740: every worker sleeping in a blocking call left nobody to run the others. The
/// answer, a new thread for each, was never shipped, for it could not get back to as many threads as
/// before.
#[test]
fn t23_others_go_on_while_all_workers_block() {
    for count in [1, 2] {
        block_on(&workers(count), async {
            let (release, stuck) = block_threads(count).await;
            let others: Vec<_> = (0..1000)
                .map(|n| {
                    gort::spawn(async move {
                        gort::task::yield_now().await;
                        n
                    })
                })
                .collect();
            for (n, other) in others.into_iter().enumerate() {
                assert_eq!(other.await.unwrap(), n);
            }
            drop(release);
            for handle in stuck {
                handle.await.unwrap();
            }
        });
    }
}

/// async-std#740: afterwards there are as many workers as before, and the threads of the stuck ones
/// are used again.
#[test]
fn t23_the_threads_of_workers_that_were_stuck_are_used_again() {
    const ROUNDS: usize = 6;
    const STUCK: usize = 8;
    let started = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&started);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .on_thread_start(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    for _ in 0..ROUNDS {
        block_on(&runtime, async {
            let (release, stuck) = block_threads(STUCK).await;
            drop(release);
            for handle in stuck {
                handle.await.unwrap();
            }
        });
    }
    // The worker, a thread for each that was stuck, and the job; some have not yet come back when the
    // next round needs them. With new ones in each round there would be 48.
    let started = started.load(Ordering::Relaxed);
    assert!(started > STUCK, "{started} threads");
    assert!(started <= 3 * STUCK, "{started} threads");

    // One runs at a time, as before. (A thread that has no processor for long may be taken for stuck, and its
    // body then is inside beside those of the worker that took its place: such a round says nothing.)
    loop {
        let stuck = runtime.handle().stuck_workers();
        let beside = bodies_beside_another(&runtime);
        if runtime.handle().stuck_workers() == stuck {
            assert_eq!(beside, 0, "two workers have a place");
            break;
        }
    }
}

/// How many of 2,000 goroutines run while another one does.
fn bodies_beside_another(runtime: &Runtime) -> usize {
    let inside = Arc::new(AtomicU32::new(0));
    let short: Vec<_> = (0..2_000)
        .map(|_| {
            let inside = Arc::clone(&inside);
            runtime.spawn(async move {
                let before = inside.fetch_add(1, Ordering::Relaxed);
                // Long enough that two would meet.
                (0..1_000).for_each(|_| std::hint::spin_loop());
                inside.fetch_sub(1, Ordering::Relaxed);
                before
            })
        })
        .collect();
    block_on(runtime, async {
        let mut beside = 0;
        for goroutine in short {
            beside += usize::from(goroutine.await.unwrap() > 0);
        }
        beside
    })
}

/// async-std#740: there are no more threads than allowed, and those that wait run when one is free.
#[test]
fn t23_no_more_threads_stand_in_than_allowed() {
    const SPARES: usize = 3;
    let threads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&threads);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_spare_workers(SPARES)
        .on_thread_start(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let stuck: Vec<_> = (0..5 * SPARES)
        .map(|_| {
            let (started, released) = (started.clone(), Arc::clone(&released));
            runtime.spawn(async move {
                started.send(()).unwrap();
                // One has the lock and waits for the release, the others wait for the lock.
                released.lock().unwrap().recv().unwrap();
            })
        })
        .collect();
    for _ in 0..=SPARES {
        has_started.recv_timeout(TOO_LONG).expect("a spare worker is missing");
    }
    for _ in &stuck {
        release.send(()).unwrap();
    }
    block_on(&runtime, async {
        for handle in stuck {
            handle.await.unwrap();
        }
    });
    assert_eq!(threads.load(Ordering::Relaxed), 1 + SPARES);
}

// T26: shutdown.

/// tokio#6463: a runtime that was shut down while a task was inside `block_on` (there within
/// `block_in_place`) waited for it for ever, as nothing would wake what it waited for.
#[test]
fn t26_the_shutdown_ends_what_others_wait_for_inside_block_on() {
    for runtime in [workers(2), current_thread()] {
        let (waits, is_waiting) = mpsc::channel();
        let handle = runtime.handle().clone();
        let goroutine = runtime.spawn(pending::<()>());
        let blocked = thread::spawn(move || {
            handle.block_on(async {
                waits.send(()).unwrap();
                goroutine.await
            })
        });
        is_waiting.recv().unwrap();
        drop(runtime);
        assert!(join(blocked).unwrap_err().is_cancelled());
    }
}

/// tokio#6463, where the thread inside `block_on` is the one that runs the goroutines: what it has
/// queued when the shutdown comes is dropped too.
#[test]
fn t26_the_shutdown_ends_what_a_thread_inside_block_on_has_queued() {
    const BUSY: usize = 20;
    for _ in 0..50 {
        let runtime = current_thread();
        let handle = runtime.handle().clone();
        let (drops, count) = counter();
        let (runs, is_running) = mpsc::channel();
        let host = thread::spawn(move || {
            handle.block_on(async {
                let spin = || {
                    let count = count();
                    gort::spawn(async move {
                        let _count = count;
                        loop {
                            gort::task::yield_now().await;
                        }
                    })
                };
                let busy: Vec<gort::task::JoinHandle<()>> = (0..BUSY).map(|_| spin()).collect();
                runs.send(()).unwrap();
                for goroutine in busy {
                    assert!(goroutine.await.unwrap_err().is_cancelled());
                }
            });
        });
        is_running.recv().unwrap();
        drop(runtime);
        assert_eq!(drops.load(Ordering::SeqCst), BUSY, "dropped when the shutdown returns");
        join(host);
    }
}

/// tokio#6463, in a blocking job: the shutdown waits for it, and it for a goroutine, a timer, or a
/// channel of the runtime's.
#[test]
fn t26_the_shutdown_ends_what_blocking_jobs_wait_for() {
    for runtime in [workers(1), current_thread()] {
        let goroutine = runtime.spawn(pending::<()>());
        let (tx, rx) = gort::chan::<u32>(0);
        drop(runtime.spawn(async move {
            let _tx = tx;
            pending::<()>().await;
        }));
        let handle = runtime.handle().clone();
        let (waits, is_waiting) = mpsc::channel();
        let job = runtime.spawn_blocking(move || {
            waits.send(()).unwrap();
            let joined = handle.block_on(goroutine);
            let time = handle.block_on(timeout(Duration::from_millis(1), pending::<()>()));
            (joined.is_err(), time.is_err(), rx.blocking_recv())
        });
        is_waiting.recv().unwrap();
        join(thread::spawn(move || drop(runtime)));
        assert_eq!(block_on(&current_thread(), job).unwrap(), (true, true, None));
    }
}

/// A shutdown with a limit keeps it, whatever a job does.
#[test]
fn t26_a_shutdown_with_a_limit_leaves_a_job_that_does_not_end() {
    let (drops, count) = counter();
    for limit in [Duration::ZERO, Duration::from_millis(5)] {
        for runtime in [workers(1), current_thread()] {
            let (release, released) = mpsc::channel::<()>();
            let (started, has_started) = mpsc::channel();
            let job = runtime.spawn_blocking(move || {
                started.send(()).unwrap();
                released.recv().unwrap();
                7
            });
            has_started.recv().unwrap();
            let goroutine = count();
            drop(runtime.spawn(async move {
                let _count = goroutine;
                pending::<()>().await;
            }));
            join(thread::spawn(move || runtime.shutdown_timeout(limit)));
            // The job goes on and ends.
            release.send(()).unwrap();
            assert_eq!(block_on(&current_thread(), job).unwrap(), 7);
        }
    }
    assert_eq!(drops.load(Ordering::SeqCst), 4);
}

/// A runtime that a panic has stopped is shut down once more by its drop.
#[test]
fn t26_a_second_shutdown_finds_nothing_to_do() {
    let (drops, count) = counter();
    let runtime = workers(2);
    let waiting = count();
    drop(runtime.spawn(async move {
        let _count = waiting;
        pending::<()>().await;
    }));
    let panicking = count();
    drop(runtime.handle().go(async move {
        let _count = panicking;
        panic!("fatal");
    }));
    let stopped = catch_unwind(AssertUnwindSafe(|| block_on(&runtime, pending::<()>())));
    assert_eq!(text(stopped.unwrap_err()), "fatal");
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

/// Nothing starts any more, nothing that is given away leaks, and whoever waits is told.
#[test]
fn t26_what_is_started_after_the_shutdown_is_cancelled_and_dropped() {
    for runtime in [workers(1), current_thread()] {
        let (drops, count) = counter();
        let late = runtime.handle().clone();
        drop(runtime);
        let [a, b, c] = [count(), count(), count()];
        let use_up = |count: Count| drop(count);
        let other = current_thread();
        assert!(block_on(&other, late.spawn(async move { use_up(a) })).unwrap_err().is_cancelled());
        assert!(block_on(&other, late.go(async move { use_up(b) })).unwrap_err().is_cancelled());
        assert!(
            block_on(&other, late.spawn_blocking(move || use_up(c))).unwrap_err().is_cancelled()
        );
        assert_eq!(drops.load(Ordering::SeqCst), 3);
        // Its clock and its sockets are gone; those of the global runtime stand in.
        let waited = late.block_on(async {
            gort::time::sleep(Duration::from_millis(1)).await;
            7
        });
        assert_eq!(waited, 7);
    }
}

// T27: goroutines and their children. (Those of groups are in `hazards_xsync.rs`.)

/// duroxide#45: aborting a task detached the children that it awaited; nobody could stop them any
/// more. gort's rule: a handle that is dropped detaches, whoever drops it, and only that; what must
/// end together is told so by a context, as that of a group, or ended by the runtime's end.
#[test]
fn t27_a_dropped_handle_detaches_and_an_abort_ends_one_goroutine_only() {
    let (drops, count) = counter();
    let (done, is_done) = mpsc::channel();
    let runtime = workers(2);
    let (proceed, may_proceed) = gort::chan::<()>(0);
    let (child, grandchild, parent) = (count(), count(), count());
    let handle = runtime.spawn(async move {
        let _count = parent;
        let nested = gort::spawn(async move {
            let _count = child;
            // Detached from the start.
            drop(gort::spawn(async move {
                let _count = grandchild;
                done.send("started").unwrap();
                may_proceed.recv().await;
                done.send("ended").unwrap();
                pending::<()>().await;
            }));
            pending::<()>().await;
        });
        nested.await
    });
    assert_eq!(is_done.recv_timeout(TOO_LONG), Ok("started"));
    handle.abort();
    assert!(block_on(&runtime, handle).unwrap_err().is_cancelled());
    assert_eq!(drops.load(Ordering::SeqCst), 1, "the parent, and nobody else");
    assert_eq!(runtime.handle().num_goroutine(), 2);
    block_on(&runtime, proceed.send(())).unwrap();
    assert_eq!(is_done.recv_timeout(TOO_LONG), Ok("ended"));
    drop(runtime);
    assert_eq!(drops.load(Ordering::SeqCst), 3, "the runtime's end reaches all");
}

// T28: panics, wherever the user's code runs. `rt_panic.rs` has what becomes of the panic of a
// goroutine.

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

/// In the drop of a future that is aborted. async-task, by itself, ends the process.
#[test]
fn t28_a_panic_while_a_future_is_dropped_belongs_to_the_handle() {
    gort::run(async {
        let (armed, is_armed) = gort::chan(0);
        let handle = gort::go(async move {
            let _bomb = Bomb("dropped");
            armed.send(()).await.unwrap();
            pending::<()>().await;
        });
        is_armed.recv().await;
        handle.abort();
        assert_eq!(text(handle.await.unwrap_err().into_panic()), "dropped");
    });
}

/// In the drop of futures that a shutdown drops: the others are dropped as well, and it returns.
#[test]
fn t28_a_panic_while_the_shutdown_drops_futures_harms_nobody() {
    for runtime in [workers(2), current_thread()] {
        let (drops, count) = counter();
        let armed = Arc::new(AtomicUsize::new(0));
        block_on(&runtime, async {
            for n in 0..20 {
                let (count, armed) = (count(), Arc::clone(&armed));
                let goroutine = async move {
                    let _count = count;
                    let _bomb = (n % 2 == 0).then(|| Bomb("at the end"));
                    armed.fetch_add(1, Ordering::SeqCst);
                    pending::<()>().await;
                };
                drop(if n % 3 == 0 { gort::go(goroutine) } else { gort::spawn(goroutine) });
            }
            while armed.load(Ordering::SeqCst) < 20 {
                gort::task::yield_now().await;
            }
        });
        assert_eq!(runtime.handle().num_goroutine(), 20, "nothing has gone off yet");
        drop(runtime);
        assert_eq!(drops.load(Ordering::SeqCst), 20);
    }
}

/// Panics when it is woken, and counts how often.
#[derive(Default)]
struct Explodes(AtomicUsize);

impl Wake for Explodes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a waker of the user's");
    }
}

/// A waker that panics when it is woken.
fn exploding() -> Waker {
    Waker::from(Arc::<Explodes>::default())
}

#[track_caller]
fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) {
    let polled = std::pin::Pin::new(future).poll(&mut Context::from_waker(waker));
    assert!(polled.is_pending());
}

/// In a waker that the timers call: the worker that did it unwound and was lost, with all that it had
/// queued.
#[test]
fn t28_a_waker_that_panics_when_its_time_has_come_costs_no_worker() {
    for runtime in [workers(1), current_thread()] {
        let explodes = Arc::<Explodes>::default();
        let waker = Waker::from(Arc::clone(&explodes));
        let entered = runtime.enter();
        // On a busy machine a short sleep may be over before it is polled.
        let asleep = || {
            let sleeps = (0..).map(|n| Box::pin(gort::time::sleep(Duration::from_millis(1 << n))));
            sleeps
                .map(|mut sleep| (sleep.as_mut().poll(&mut Context::from_waker(&waker)), sleep))
                .find_map(|(polled, sleep)| polled.is_pending().then_some(sleep))
                .unwrap()
        };
        let _sleeps: Vec<_> = (0..3).map(|_| asleep()).collect();
        drop(entered);
        block_on(&runtime, async {
            while explodes.0.load(Ordering::SeqCst) < 3 {
                gort::time::sleep(Duration::from_millis(1)).await;
                assert_eq!(gort::spawn(async { 7 }).await.unwrap(), 7);
            }
        });
    }
}

/// In a waker that the reactor calls.
#[test]
fn t28_a_waker_that_panics_when_its_socket_is_ready_costs_no_worker() {
    for runtime in [workers(1), current_thread()] {
        let (listener, addr) = block_on(&runtime, async {
            let listener = gort::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            (listener, addr)
        });
        let mut accept = Box::pin(listener.accept());
        poll_once(&mut accept, &exploding());
        block_on(&runtime, async {
            let _client = gort::net::TcpStream::connect(addr).await.unwrap();
            // Woken by the same event as the other, or by a later look.
            listener.accept().await.unwrap();
            gort::spawn(async {}).await.unwrap();
        });
    }
}

/// In a waker that the end of a goroutine, or of a job, calls. async-task, by itself, ends the
/// process.
#[test]
fn t28_a_waker_that_panics_when_a_goroutine_ends_costs_no_worker() {
    for runtime in [workers(1), current_thread()] {
        let (ends, may_end) = gort::chan::<()>(0);
        let mut goroutine = runtime.spawn(async move { may_end.recv().await });
        poll_once(&mut goroutine, &exploding());
        let (release, released) = mpsc::channel::<()>();
        let mut job = runtime.spawn_blocking(move || released.recv().is_err());
        poll_once(&mut job, &exploding());
        drop((ends, release));
        block_on(&runtime, async {
            // Their ends call the wakers that they have.
            while !(goroutine.is_finished() && job.is_finished()) {
                gort::task::yield_now().await;
            }
            goroutine.await.unwrap();
            assert!(job.await.unwrap());
            gort::spawn(async {}).await.unwrap();
            gort::task::spawn_blocking(|| ()).await.unwrap();
        });
    }
}

/// In the closure of a blocking job: told to the handle, or counted; the thread goes on.
#[test]
fn t28_a_panic_in_a_blocking_job_leaves_the_pool_as_it_was() {
    let started = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&started);
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .on_thread_start(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let told = block_on(&runtime, runtime.spawn_blocking(|| panic!("in a job")));
    assert_eq!(text(told.map(|never: ()| never).unwrap_err().into_panic()), "in a job");
    drop(runtime.spawn_blocking(|| panic!("nobody asks")));
    let bomb = Bomb("in what the closure holds");
    let dropped = block_on(&runtime, runtime.spawn_blocking(move || drop(bomb)));
    assert_eq!(text(dropped.unwrap_err().into_panic()), "in what the closure holds");
    assert_eq!(block_on(&runtime, runtime.spawn_blocking(|| 7)).unwrap(), 7);
    assert_eq!((runtime.handle().panics(), started.load(Ordering::Relaxed)), (3, 1));
}

/// In what is evaluated before a goroutine starts: the caller's, as in Go, and nothing has started.
#[test]
fn t28_a_panic_in_the_argument_of_go_is_the_callers() {
    async fn double(n: u32) -> u32 {
        2 * n
    }
    gort::run(async {
        let argument = || -> u32 { panic!("in the argument") };
        let panicked = catch_unwind(|| drop(gort::go(double(argument()))));
        assert_eq!(text(panicked.unwrap_err()), "in the argument");
        assert_eq!(gort::runtime::num_goroutine(), 1);
        assert_eq!(gort::go(double(2)).await.unwrap(), 4);
    });
}

/// In the future of `block_on` itself: its caller's, and the runtime goes on.
#[test]
fn t28_a_panic_inside_block_on_leaves_the_runtime_as_it_was() {
    for runtime in [workers(1), current_thread()] {
        let goroutine = runtime.spawn(async {
            gort::task::yield_now().await;
            7
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                gort::task::yield_now().await;
                panic!("in main");
            })
        }));
        assert_eq!(text(panicked.map(|never: ()| never).unwrap_err()), "in main");
        assert_eq!(block_on(&runtime, goroutine).unwrap(), 7);
    }
}

// T29: the queues.

/// tokio#7712: undefined behaviour in the work-stealing queue, found by Miri. Here: bursts that
/// overflow a ring of 256, from several workers and from outside, stolen by all; each goroutine runs
/// as often as it asked to. For the sanitizers (the queue's model is `src/runtime/loom.rs`).
#[test]
fn t29_every_goroutine_of_many_bursts_runs_as_often_as_it_asks() {
    const SPAWNERS: usize = 4;
    const EACH: usize = 1_000;
    let runtime = workers(4);
    for yields in 0..3 {
        let turns: Arc<Vec<AtomicU32>> =
            Arc::new((0..SPAWNERS * EACH).map(|_| AtomicU32::new(0)).collect());
        let burst = |spawner: usize| {
            let turns = Arc::clone(&turns);
            async move {
                let goroutines: Vec<_> = (0..EACH)
                    .map(|n| {
                        let turns = Arc::clone(&turns);
                        gort::spawn(async move {
                            for _ in 0..=yields {
                                turns[spawner * EACH + n].fetch_add(1, Ordering::Relaxed);
                                gort::task::yield_now().await;
                            }
                        })
                    })
                    .collect();
                for goroutine in goroutines {
                    goroutine.await.unwrap();
                }
            }
        };
        let inside: Vec<_> = (1..SPAWNERS).map(|spawner| runtime.spawn(burst(spawner))).collect();
        block_on(&runtime, async {
            burst(0).await;
            for spawner in inside {
                spawner.await.unwrap();
            }
        });
        assert!(turns.iter().all(|turns| turns.load(Ordering::Relaxed) == yields + 1));
    }
}

// T39: threads on one side, goroutines on the other.

/// rerun#10187: a blocking receive on a worker of an async runtime panicked ("Cannot block the current
/// thread from within a runtime"), or hung where the peer was queued behind it.
#[test]
fn t39_blocking_operations_inside_a_worker_let_the_others_run() {
    for count in [1, 2] {
        for capacity in [0, 1] {
            let runtime = workers(count);
            let sum = block_on(&runtime, async move {
                let (tx, rx) = gort::chan::<u32>(capacity);
                // Both block the threads of their workers, each waiting for the other.
                let receiver =
                    gort::spawn(
                        async move { std::iter::from_fn(|| rx.blocking_recv()).sum::<u32>() },
                    );
                let sender = gort::spawn(async move {
                    (1..=100).for_each(|n| tx.blocking_send(n).unwrap());
                });
                sender.await.unwrap();
                receiver.await.unwrap()
            });
            assert_eq!(sum, 5_050);
        }
    }
}

/// A lock and a wait group, likewise.
#[test]
fn t39_blocking_locks_inside_a_worker_let_the_others_run() {
    let runtime = workers(1);
    block_on(&runtime, async {
        let lock = Arc::new(gort::sync::Mutex::new(0));
        let guard = Arc::clone(&lock).lock_owned().await;
        let (wg, done) = (gort::sync::WaitGroup::new(), gort::sync::WaitGroup::new());
        wg.add(1);
        done.add(1);
        let (waits, locked) = (wg.clone(), Arc::clone(&lock));
        let blocks = gort::spawn(async move {
            done.done();
            *locked.blocking_lock() += 1;
            waits.blocking_wait();
            *locked.blocking_lock()
        });
        gort::task::yield_now().await;
        drop(guard);
        gort::spawn(async move { wg.done() }).await.unwrap();
        assert_eq!(blocks.await.unwrap(), 1);
    });
}

/// Four pairs: a thread or a goroutine at each end.
#[test]
fn t39_threads_and_goroutines_meet_on_both_ends() {
    for runtime in [workers(2), current_thread()] {
        for capacity in [0, 1, 10] {
            for (thread_sends, thread_receives) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let (tx, rx) = gort::chan::<u32>(capacity);
                let sender = if thread_sends {
                    let send = move || (0..300).for_each(|n| tx.blocking_send(n).unwrap());
                    Err(thread::spawn(send))
                } else {
                    Ok(runtime.spawn(async move {
                        for n in 0..300 {
                            tx.send(n).await.unwrap();
                        }
                    }))
                };
                let received: Vec<u32> = if thread_receives {
                    let receiver =
                        thread::spawn(move || std::iter::from_fn(|| rx.blocking_recv()).collect());
                    if let Ok(sender) = sender {
                        block_on(&runtime, sender).unwrap();
                    }
                    join(receiver)
                } else {
                    block_on(&runtime, async {
                        let mut received = Vec::new();
                        while let Some(n) = rx.next().await {
                            received.push(n);
                        }
                        received
                    })
                };
                assert!(received.into_iter().eq(0..300));
            }
        }
    }
}

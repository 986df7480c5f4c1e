//! Go's cases of goroutines and of the scheduler, 1 to 20.

mod common;

use common::child::main_of_child;
use common::everywhere::{dies_everywhere, everywhere, live, seeded, workers};
use common::{Log, flag};
use futures::FutureExt;
use gort::runtime::{Builder, Handle, goexit, gosched, num_goroutine};
use gort::sync::WaitGroup;
use gort::time::{Duration, Instant, sleep};
use gort::{Chan, defer, go};
use std::cell::Cell;
use std::collections::HashSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

// Goroutines.

#[test]
fn c001_function_and_arguments_are_evaluated_by_the_spawner_before_it_goes_on() {
    async fn sum(a: i32, b: i32) -> i32 {
        a + b
    }
    everywhere(|| async {
        let sum = {
            // A cell of this goroutine's: nobody else could evaluate these.
            let calls = Cell::new(0);
            let next = || {
                calls.set(calls.get() + 1);
                calls.get()
            };
            let function = || {
                assert_eq!(next(), 1);
                sum
            };
            let sum = go(function()(next(), 10 * next()));
            assert_eq!(calls.get(), 3, "each once, and before the spawner goes on");
            calls.set(100);
            sum
        };
        assert_eq!(sum.await.unwrap(), 32);
    });
}

#[test]
fn c003_a_goroutine_that_catches_its_own_panic_goes_on_and_disturbs_nobody() {
    everywhere(|| async {
        let (done, other) = (Chan::new(0), Chan::new(0));
        let recovered = done.clone();
        drop(go(async move {
            let caught = AssertUnwindSafe(async { panic!("boom") }).catch_unwind().await;
            assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "boom");
            recovered.send(1).await;
        }));
        let beside = other.clone();
        drop(go(async move { beside.send(2).await }));
        assert_eq!((other.recv().await, done.recv().await), (2, 1));
    });
}

#[test]
fn c004_a_parent_cannot_catch_its_childs_panic() {
    let text = dies_everywhere(|| async {
        let parent = async {
            drop(go(async { panic!("boom") }));
            pending::<()>().await;
        };
        let _caught = AssertUnwindSafe(parent).catch_unwind().await;
        unreachable!("the parent goes on");
    });
    assert_eq!(text, "boom");
}

/// In Go the deferred code of the others does not run; here they are dropped, once.
#[test]
fn c005_when_main_returns_the_others_are_cut_off_where_they_stand() {
    let (held, went_on) = (flag(), Arc::new(AtomicBool::new(false)));
    everywhere(|| {
        let (held, went_on) = (held.clone(), went_on.clone());
        async move {
            for n in 0..100 {
                let (held, went_on) = (held.clone(), went_on.clone());
                drop(go(async move {
                    let _held = held;
                    if n % 2 == 0 {
                        Chan::<()>::new(0).recv().await;
                        went_on.store(true, Ordering::Relaxed);
                    }
                    loop {
                        gosched().await;
                    }
                }));
            }
            gosched().await;
        }
    });
    assert!(!went_on.load(Ordering::Relaxed));
    assert_eq!(held.alive(), 1);
}

#[test]
fn c005_the_process_ends_at_once_with_status_0() {
    let ended = main_of_child("c005_the_process_ends_at_once_with_status_0", || {
        gort::run(async {
            let (spinning, spins) = gort::chan(0);
            drop(go(async move {
                spinning.send(()).await.unwrap();
                loop {
                    std::hint::spin_loop();
                }
            }));
            for _ in 0..100 {
                drop(go(async {
                    pending::<()>().await;
                    eprintln!("after the end");
                }));
            }
            spins.recv().await;
            eprintln!("main returns");
        });
    });
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.said.starts_with("main returns\n"), "{ended:?}");
    assert!(!ended.said.contains("after the end"), "{ended:?}");
}

#[test]
fn c007_goexit_runs_what_was_deferred_in_reverse_and_ends_this_goroutine_only() {
    everywhere(|| async {
        let log = Log::default();
        let (started, other) = (Chan::new(0), go(async { gosched().await }));
        let (say, ready) = (log.clone(), started.clone());
        let quitter = go(async move {
            defer! { say.say("first") }
            defer! {
                let recovered = catch_unwind(|| {}).err();
                say.say(format!("second, recovers {:?}", recovered.map(drop)));
            }
            defer! { say.say("third") }
            ready.send(()).await;
            goexit()
        });
        started.recv().await;
        let ended: Result<(), _> = quitter.await;
        assert!(ended.unwrap_err().is_goexit());
        assert_eq!(log.text(), "third second, recovers None first");
        other.await.unwrap();
    });
}

#[test]
fn c011_num_goroutine_counts_the_blocked_and_not_the_ended() {
    everywhere(|| async {
        const N: usize = 50;
        let gate = Chan::<()>::new(0);
        let parked: Vec<_> = (0..N)
            .map(|_| {
                let gate = gate.clone();
                go(async move { gate.recv().await })
            })
            .collect();
        assert_eq!(num_goroutine(), N + 1);
        gosched().await;
        assert_eq!(num_goroutine(), N + 1);
        gate.close();
        for goroutine in parked {
            goroutine.await.unwrap();
        }
        assert_eq!(num_goroutine(), 1);
    });
}

// The order on one worker.

#[test]
fn c012_goroutines_that_give_way_take_turns_the_last_one_first() {
    let log = Log::default();
    let said = log.clone();
    workers(1).run(async move {
        let wg = WaitGroup::new();
        for i in 0..3 {
            let log = log.clone();
            wg.go(async move {
                log.say(format!("{i}0"));
                gosched().await;
                log.say(format!("{i}1"));
            });
        }
        wg.wait().await;
    });
    assert_eq!(said.text(), "20 00 10 21 01 11");
}

#[test]
fn c013_the_last_goroutine_started_runs_first_and_the_others_in_order() {
    let log = Log::default();
    let said = log.clone();
    workers(1).run(async move {
        let wg = WaitGroup::new();
        for i in 0..=5 {
            let log = log.clone();
            wg.go(async move { log.say(i.to_string()) });
        }
        wg.wait().await;
    });
    assert_eq!(said.text(), "5 0 1 2 3 4");
}

// Fairness.

/// More hand-overs than fit into the turns of [`hand_overs_in_100_turns`]: Go's slice is 10 ms, time for
/// some 50,000 of them.
const TOO_MANY: u64 = 100 * 50_000;

/// Two goroutines that hand over to each other until they are told to stop, and count it.
fn start_ping_pong(hand_overs: &Arc<AtomicU64>, stop: &Arc<AtomicBool>) {
    let (there, here) = (Chan::new(0), Chan::new(0));
    let (ping, pong) = (there.clone(), here.clone());
    drop(go(async move {
        while ping.next().await.is_some() {
            pong.send(()).await;
        }
        pong.close();
    }));
    let (hand_overs, stop) = (hand_overs.clone(), stop.clone());
    drop(go(async move {
        while !stop.load(Ordering::Relaxed) && hand_overs.load(Ordering::Relaxed) < TOO_MANY {
            there.send(()).await;
            here.recv().await;
            hand_overs.fetch_add(2, Ordering::Relaxed);
        }
        there.close();
    }));
}

/// How often the two have handed over when a third goroutine has had 100 turns.
async fn hand_overs_in_100_turns() -> u64 {
    let (hand_overs, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    start_ping_pong(&hand_overs, &stop);
    let third = go(async move {
        for _ in 0..100 {
            gosched().await;
        }
        stop.store(true, Ordering::Relaxed);
        hand_overs.load(Ordering::Relaxed)
    });
    third.await.unwrap()
}

#[test]
fn c014_a_pair_that_hands_over_to_each_other_for_ever_starves_nobody() {
    // With more workers the third one has another thread, which need not run all the time.
    let case = || async {
        let hand_overs = hand_overs_in_100_turns().await;
        assert!(hand_overs < TOO_MANY, "{hand_overs} hand-overs in 100 turns");
    };
    workers(1).run(case());
    seeded(case);
}

/// Go interrupts the loop; here the worker loses its place to another one.
#[test]
fn c015_a_loop_without_calls_does_not_keep_a_sleeper_asleep() {
    live(|| async {
        let woken = Arc::new(AtomicBool::new(false));
        for _ in 0..4 {
            let woken = woken.clone();
            drop(go(async move {
                sleep(Duration::from_millis(1)).await;
                woken.store(true, Ordering::Relaxed);
            }));
        }
        gosched().await;
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let woken = woken.clone();
                go(async move { spin_until(|| woken.load(Ordering::Relaxed)) })
            })
            .collect();
        for busy in busy {
            busy.await.unwrap();
        }
    });
}

/// Keeps the thread, without a point at which the goroutine could give way.
fn spin_until(done: impl Fn() -> bool) {
    let hangs = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < hangs, "nobody else runs");
        std::hint::spin_loop();
    }
}

// Queues.

/// Starts `count` goroutines from one. Those on the first `threads` threads wait, on the processor, for
/// one another: if the work does not spread, they never meet.
fn spread(count: usize, threads: usize) {
    // No worker takes the place of one that waits.
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).max_spare_workers(0).build().unwrap().run(async move {
        let (seen, ran) = (Arc::new(Mutex::new(HashSet::new())), Arc::new(AtomicUsize::new(0)));
        let wg = WaitGroup::new();
        for _ in 0..count {
            let (seen, ran) = (seen.clone(), ran.clone());
            wg.go(async move {
                seen.lock().unwrap().insert(thread::current().id());
                spin_until(|| seen.lock().unwrap().len() >= threads);
                ran.fetch_add(1, Ordering::Relaxed);
            });
        }
        wg.wait().await;
        assert_eq!(ran.load(Ordering::Relaxed), count);
    });
}

#[test]
fn c016_what_one_goroutine_starts_spreads_over_all_workers() {
    // So few fit into the starter's own queue: the others have to steal.
    spread(200, 8);
    spread(1000, 8);
}

#[test]
fn c017_an_overflowing_queue_moves_its_older_half_out_of_the_way_and_loses_nothing() {
    const N: usize = 300;
    let order = Arc::new(Mutex::new(Vec::new()));
    let ran = order.clone();
    workers(1).run(async move {
        let wg = WaitGroup::new();
        for i in 0..N {
            let order = order.clone();
            wg.go(async move { order.lock().unwrap().push(i) });
        }
        wg.wait().await;
    });
    let order = ran.lock().unwrap();
    // The last one runs first; of the others the queue holds 256 when the 257th overflows it.
    assert_eq!(order[0], N - 1);
    let moved = |i: &usize| *i < 128 || *i == 256;
    let (apart, kept): (Vec<_>, Vec<_>) = order[1..].iter().copied().partition(moved);
    assert!(kept.into_iter().eq((128..256).chain(257..N - 1)), "in order, each once");
    assert!(apart.into_iter().eq((0..128).chain([256])), "in order, each once");
    // At most a chain that the regular look at what overflowed gave runs before what stayed.
    let overtaken = order.iter().skip_while(|i| **i != N - 2).filter(|i| moved(i)).count();
    assert!(overtaken > 100, "only {overtaken} of 129 were moved out of the way");
}

/// Goroutines that each start the next one, on a worker that is never out of work.
struct Stream {
    generation: AtomicU64,
    /// The generation when a task had been put into the global queue.
    queued: AtomicU64,
    /// The generation when that task ran.
    ran: AtomicU64,
}

fn next_generation(stream: Arc<Stream>) {
    drop(go(async move {
        let generation = stream.generation.fetch_add(1, Ordering::SeqCst);
        if stream.ran.load(Ordering::SeqCst) == 0 && generation < 1_000_000 {
            next_generation(stream);
        }
    }));
}

#[test]
fn c018_a_task_in_the_global_queue_runs_after_61_ticks_at_the_latest() {
    for _ in 0..50 {
        let stream = Arc::new(Stream {
            generation: AtomicU64::new(1),
            queued: AtomicU64::new(0),
            ran: AtomicU64::new(0),
        });
        let shared = stream.clone();
        workers(1).run(async move {
            let (handle, outside) = (Handle::current(), shared.clone());
            next_generation(shared.clone());
            let (ran, has_run) = gort::chan(1);
            let queue = thread::spawn(move || {
                let task = outside.clone();
                drop(handle.go(async move {
                    task.ran.store(task.generation.load(Ordering::SeqCst), Ordering::SeqCst);
                    let _ = ran.try_send(());
                }));
                outside.queued.store(outside.generation.load(Ordering::SeqCst), Ordering::SeqCst);
            });
            has_run.recv().await;
            queue.join().unwrap();
        });
        let (queued, ran) =
            (stream.queued.load(Ordering::SeqCst), stream.ran.load(Ordering::SeqCst));
        assert!(ran.saturating_sub(queued) <= 61, "queued at {queued}, ran at {ran}");
    }
}

#[test]
fn c020_a_goroutine_that_blocks_its_thread_does_not_keep_its_queue() {
    workers(1).run(async {
        let (tx, rx) = mpsc::channel();
        for n in 0..300 {
            let tx = tx.clone();
            drop(go(async move { tx.send(n).unwrap() }));
        }
        let mut got: Vec<i32> = (0..300).map(|_| rx.recv().unwrap()).collect();
        got.sort_unstable();
        assert!(got.into_iter().eq(0..300));
    });
}

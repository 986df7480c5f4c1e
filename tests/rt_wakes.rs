//! Waking another worker costs hundreds of task switches: goroutines that hand over to each other
//! must not do it. Counted, not timed.
//!
//! One thing does wake another worker: the system takes the processor from a worker's thread, and what that one
//! has queued waits for it. So the system is asked how often it did. (An eager runtime sleeps hundreds of times per
//! thousand hand-offs, however quiet the machine is.)

use gort::runtime::{Builder, Handle};

/// What the threads of the runtimes are called: their names tell whose they are.
const PAIR: &str = "hands-over";
const RING: &str = "runs-in-a-ring";

/// The sleeps of a runtime's workers, and how often the system took the processor from their threads, so far.
struct Parks {
    parks: u64,
    preempted: u64,
}

impl Parks {
    /// Of the current runtime, whose threads are called `name`.
    fn so_far(name: &str) -> Self {
        let parks = Handle::current().worker_park_count();
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let statuses =
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
        let count = |status: String| -> Option<u64> {
            let field = |key| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
            (field("Name:")? == name).then(|| field("nonvoluntary_ctxt_switches:")?.parse().ok())?
        };
        Self { parks, preempted: statuses.filter_map(count).sum() }
    }

    /// How many sleeps per thousand of `n` hand-offs since then nobody but the runtime has caused.
    fn per_thousand(self, name: &str, n: u64) -> f64 {
        let now = Self::so_far(name);
        // A worker that gets up for somebody's work sleeps again, and so does whom it was taken from.
        // (A thread of the runtime before this one may have ended since, and is not counted any more.)
        let excused = 2 * now.preempted.saturating_sub(self.preempted);
        (now.parks - self.parks).saturating_sub(excused) as f64 * 1000.0 / n as f64
    }
}

/// Sleeps of workers per thousand hand-offs, while `rounds` of two hand-offs each are made.
async fn parks_per_thousand(rounds: u64) -> f64 {
    let (there, here) = (gort::Chan::<u64>::new(0), gort::Chan::<u64>::new(0));
    let (rx, tx) = (there.rx(), here.tx());
    let echo = gort::go(async move {
        while let Some(n) = rx.next().await {
            tx.send(n + 1).await.unwrap();
        }
    });
    let before = Parks::so_far(PAIR);
    let mut n = 0;
    for _ in 0..rounds {
        there.send(n).await;
        n = here.recv().await;
    }
    let parks = before.per_thousand(PAIR, 2 * rounds);
    assert_eq!(n, rounds);
    there.close();
    echo.await.unwrap();
    parks
}

#[test]
fn a_pair_that_hands_over_is_not_split() {
    for workers in [1, 2, 4] {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(workers).thread_name(PAIR).build().unwrap();
        let parks = runtime.run(async { gort::go(parks_per_thousand(50_000)).await.unwrap() });
        assert!(parks < 1.0, "{parks} sleeps of workers per 1,000 hand-offs, {workers} workers");
    }
}

#[test]
fn a_ring_of_goroutines_stays_on_one_worker() {
    const LAPS: u64 = 1000;
    const MEMBERS: u64 = 100;
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_name(RING).build().unwrap();
    let parks = runtime.run(async {
        let (first, mut last) = gort::chan::<u64>(0);
        for _ in 0..MEMBERS {
            let (tx, rx) = gort::chan(0);
            let from = std::mem::replace(&mut last, rx);
            drop(gort::go(async move {
                while let Some(n) = from.next().await {
                    tx.send(n + 1).await.unwrap();
                }
            }));
        }
        let before = Parks::so_far(RING);
        for lap in 0..LAPS {
            first.send(lap).await.unwrap();
            assert_eq!(last.next().await, Some(lap + MEMBERS));
        }
        before.per_thousand(RING, LAPS * MEMBERS)
    });
    assert!(parks < 1.0, "{parks} sleeps of workers per 1,000 hand-offs");
}

//! Is this machine fit to measure on? Two threads together must do nearly twice what one does;
//! where a neighbour or a throttled host takes the second core away, all figures that involve two
//! threads are wrong by factors.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Below this a run says that it is not to be trusted.
pub const WANTED: f64 = 1.8;

/// How much more two threads spin than one.
pub fn two_over_one(each: Duration) -> f64 {
    // The lone thread is measured before and after, so that a machine that warms up or slows down
    // meanwhile is noticed on neither side alone.
    let before = spins(1, each / 2);
    let two = spins(2, each);
    let after = spins(1, each / 2);
    two / (before + after)
}

/// The work that `threads` threads do together in `time`.
fn spins(threads: usize, time: Duration) -> f64 {
    let stop = AtomicBool::new(false);
    let start = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let (mut rounds, mut x) = (0_u64, 1_u64);
                    while !stop.load(Ordering::Relaxed) {
                        for _ in 0..1000 {
                            x = std::hint::black_box(
                                x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1),
                            );
                        }
                        rounds += 1;
                    }
                    rounds
                })
            })
            .collect();
        start.wait();
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^52")]
        workers.into_iter().map(|w| w.join().unwrap() as f64).sum()
    })
}

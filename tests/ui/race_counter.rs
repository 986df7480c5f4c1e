//! A counter without a lock.
//!
//! In Go two goroutines may read the same `n`, both add one, and one increment is lost; nothing says so
//! unless the race detector happens to watch. Here each goroutine would have to borrow `n`, mutably, for
//! as long as it lives, which nobody bounds. (`async move` would give each an `n` of its own, as to move an integer is to
//! copy it; what they share is an atomic, or behind a `Mutex`.)

use gort::sync::WaitGroup;

fn main() {
    gort::run(async {
        let mut n = 0;
        let wg = WaitGroup::new();
        wg.go(async { n += 1 });
        wg.go(async { n += 1 });
        wg.wait().await;
        println!("{n}");
    });
}

//! A counter that loses increments, and its two fixes.
//!
//! ```go
//! func racy() int {
//!     n := 0
//!     var wg sync.WaitGroup
//!     for range 1000 {
//!         wg.Go(func() { n++ }) // a data race
//!     }
//!     wg.Wait()
//!     return n
//! }
//!
//! func atomically() int64 { // fix 1: one indivisible step
//!     var n atomic.Int64
//!     var wg sync.WaitGroup
//!     for range 1000 {
//!         wg.Go(func() { n.Add(1) })
//!     }
//!     wg.Wait()
//!     return n.Load()
//! }
//!
//! func locked() int { // fix 2: one at a time
//!     n := 0
//!     var mu sync.Mutex
//!     var wg sync.WaitGroup
//!     for range 1000 {
//!         wg.Go(func() {
//!             mu.Lock()
//!             defer mu.Unlock()
//!             n++
//!         })
//!     }
//!     wg.Wait()
//!     return n
//! }
//!
//! func main() {
//!     fmt.Println("racy:", racy()) // anything from 1 to 1000
//!     fmt.Println("atomic:", atomically())
//!     fmt.Println("mutex:", locked())
//! }
//! ```
//!
//! The line `n++` of the first function has no translation: goroutines that share `&mut n` do not
//! compile (E0499), nor does one that borrows a local variable of another (E0373). What is left of
//! the mistake is to read and to write in two steps, each of them atomic. Here all goroutines read
//! before the first one writes: the worst that can happen in Go, every time.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use gort::sync::{Mutex, WaitGroup};

async fn racy() -> u32 {
    let n = Arc::new(AtomicU32::new(0));
    let (wg, reading) = (WaitGroup::new(), WaitGroup::new());
    reading.add(1000);
    for _ in 0..1000 {
        let (n, reading) = (n.clone(), reading.clone());
        wg.go(async move {
            let value = n.load(Relaxed);
            reading.done();
            reading.wait().await;
            n.store(value + 1, Relaxed);
        });
    }
    wg.wait().await;
    n.load(Relaxed)
}

/// Fix 1: one indivisible step.
async fn atomically() -> u32 {
    let n = Arc::new(AtomicU32::new(0));
    let wg = WaitGroup::new();
    for _ in 0..1000 {
        let n = n.clone();
        wg.go(async move {
            n.fetch_add(1, Relaxed);
        });
    }
    wg.wait().await;
    n.load(Relaxed)
}

/// Fix 2: one at a time.
async fn locked() -> u32 {
    let n = Arc::new(Mutex::new(0));
    let wg = WaitGroup::new();
    for _ in 0..1000 {
        let n = n.clone();
        wg.go(async move { *n.lock().await += 1 });
    }
    wg.wait().await;
    *n.lock().await
}

fn main() {
    gort::run(async {
        println!("racy: {}", racy().await);
        println!("atomic: {}", atomically().await);
        println!("mutex: {}", locked().await);
    });
}

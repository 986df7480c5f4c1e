//! A counter that a thousand goroutines may use: the mutex owns the map it protects, so nobody
//! gets at the map without the lock.
//!
//! ```go
//! type SafeCounter struct {
//!     mu sync.Mutex
//!     v  map[string]int
//! }
//!
//! func (c *SafeCounter) Inc(key string) {
//!     c.mu.Lock()
//!     defer c.mu.Unlock()
//!     c.v[key]++
//! }
//!
//! func (c *SafeCounter) Value(key string) int {
//!     c.mu.Lock()
//!     defer c.mu.Unlock()
//!     return c.v[key]
//! }
//!
//! func main() {
//!     c := SafeCounter{v: make(map[string]int)}
//!     var wg sync.WaitGroup
//!     for range 1000 {
//!         wg.Go(func() { c.Inc("somewhere") })
//!     }
//!     wg.Wait()
//!     fmt.Println(c.Value("somewhere"), c.Value("elsewhere"))
//! }
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::{collections::HashMap, sync::Arc};

use gort::sync::{Mutex, WaitGroup};

#[derive(Default)]
struct SafeCounter(Mutex<HashMap<String, u32>>);

impl SafeCounter {
    async fn inc(&self, key: &str) {
        *self.0.lock().await.entry(key.to_owned()).or_default() += 1;
    }

    async fn value(&self, key: &str) -> u32 {
        self.0.lock().await.get(key).copied().unwrap_or_default()
    }
}

fn main() {
    gort::run(async {
        let counter = Arc::new(SafeCounter::default());
        let wg = WaitGroup::new();
        for _ in 0..1000 {
            let counter = counter.clone();
            wg.go(async move { counter.inc("somewhere").await });
        }
        wg.wait().await;
        println!("{} {}", counter.value("somewhere").await, counter.value("elsewhere").await);
    });
}

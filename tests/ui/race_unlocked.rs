//! What a lock protects, used without it.
//!
//! In Go a method locks, returns the map itself, and unlocks by `defer`: its caller reads while others
//! write. Or something of the map is still used below the `Unlock`. Here a reference into a `Mutex` comes
//! from the guard and ends with it.

use gort::sync::{Mutex, MutexGuard};
use std::collections::HashMap;

struct Visits(Mutex<HashMap<String, u32>>);

impl Visits {
    async fn all(&self) -> &HashMap<String, u32> {
        let all = self.0.lock().await;
        &all
    }

    async fn most(&self) -> u32 {
        let all = self.0.lock().await;
        let most = all.values().max();
        drop(all);
        most.copied().unwrap_or(0)
    }
}

async fn lock_of_this_call() -> MutexGuard<'static, u32> {
    let mutex = Mutex::new(0);
    mutex.lock().await
}

fn main() {
    drop(lock_of_this_call());
    let visits = Visits(Mutex::default());
    drop(visits.all());
    drop(visits.most());
}

//! A map that several goroutines write to without a lock.
//!
//! In Go that ends the program at some time with `fatal error: concurrent map writes`, if it is noticed,
//! and corrupts the map if not. What is shared here, by an `Arc`, can only be read; to write takes a
//! lock around the map, or a `sync::Map`.

use gort::sync::WaitGroup;
use std::collections::HashMap;
use std::sync::Arc;

fn main() {
    gort::run(async {
        let visits = Arc::new(HashMap::new());
        let wg = WaitGroup::new();
        for visitor in 0..3 {
            let visits = visits.clone();
            wg.go(async move { visits.insert(visitor, "here") });
        }
        wg.wait().await;
    });
}

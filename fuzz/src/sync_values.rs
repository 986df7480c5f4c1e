//! `sync_values`: what goroutines share and that is no channel: mutexes, things done once, wait groups, maps, pools.
//!
//! The first byte says which of them the program is about, and how: see the files of this folder. Futures are
//! polled by hand, in any order, also when nobody woke them, and dropped at any await. What gort calls back, a
//! waker, a value's drop or comparison, may use the very object that calls it.

use super::bytes::Bytes;
use super::panics;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

mod callback;
mod futures;
mod line;
mod lock;
mod map;
mod once;
mod pool;
mod wait_group;

pub fn run(data: &[u8]) {
    callback::forget();
    let mut bytes = Bytes::new(data);
    let first = usize::from(bytes.next());
    let (about, how) = (first % 5, first / 5);
    match about {
        0 => lock::run(bytes.rest(), how),
        1 => once::run(bytes.rest(), how),
        2 => wait_group::run(bytes.rest()),
        3 => map::run(bytes.rest()),
        _ => pool::run(bytes.rest()),
    }
}

/// A waker that counts, and then calls back.
#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        callback::call();
    }
}

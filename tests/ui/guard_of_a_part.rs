//! The guard of a part, as one of a part that lives shorter.
//!
//! What is written through it would be found in its place when it is gone.

use gort::sync::{
    MappedMutexGuard, OwnedMappedMutexGuard, OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard,
    RwLockMappedWriteGuard, RwLockReadGuard,
};

type Long = &'static str;

fn owned<'a>(
    guard: OwnedMappedMutexGuard<Long, Long>,
) -> OwnedMappedMutexGuard<Long, &'a str> {
    guard
}

fn borrowed<'a, 'b>(guard: MappedMutexGuard<'b, Long>) -> MappedMutexGuard<'b, &'a str> {
    guard
}

fn owned_writes<'a>(
    guard: OwnedRwLockMappedWriteGuard<Long, Long>,
) -> OwnedRwLockMappedWriteGuard<Long, &'a str> {
    guard
}

fn borrowed_writes<'a, 'b>(
    guard: RwLockMappedWriteGuard<'b, Long>,
) -> RwLockMappedWriteGuard<'b, &'a str> {
    guard
}

// Who only reads may forget how long it lives.

fn owned_reads<'a>(
    guard: OwnedRwLockReadGuard<Long, Long>,
) -> OwnedRwLockReadGuard<Long, &'a str> {
    guard
}

fn borrowed_reads<'a, 'b>(guard: RwLockReadGuard<'b, Long>) -> RwLockReadGuard<'b, &'a str> {
    guard
}

fn main() {}

//! A guard that is shared gives its lock away, too: whoever has that may take what it protects to a thread of its own.

use gort::sync::{
    MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockMappedWriteGuard,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockWriteGuard,
};

/// May be shared, but stays on its thread.
type Stays = std::sync::MutexGuard<'static, u32>;

fn share<T: Sync>() {}

fn main() {
    share::<Stays>();
    share::<MutexGuard<'static, Stays>>();
    share::<OwnedMutexGuard<Stays>>();
    share::<OwnedMappedMutexGuard<Stays, u32>>();
    share::<RwLockWriteGuard<'static, Stays>>();
    share::<OwnedRwLockReadGuard<Stays>>();
    share::<OwnedRwLockWriteGuard<Stays>>();
    share::<OwnedRwLockMappedWriteGuard<Stays, u32>>();
}

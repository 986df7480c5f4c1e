//! Loom's atomics, with loads that loom takes as seriously as stores.
//!
//! Loom tries another order of two accesses only where they conflict, and of each atomic it remembers the
//! last access alone. Two loads do not conflict. So a thread that loads an atomic and then stores to it
//! hides that another thread had loaded it before, and the order in which that load comes after the
//! store is never tried. (Found with loom 0.7.2: a model of a channel ended after one execution.) Here
//! every load is preceded by an access to an object of the atomic's own, on which loads do conflict.
//! It is a notification that nobody waits for: it orders executions and does nothing to memory.

use loom::sync::Condvar;
use loom::sync::atomic as imp;
use std::fmt;
use std::ops::Deref;

pub(crate) use imp::{Ordering, fence};

/// An atomic and what its loads meet at.
#[derive(Default)]
pub(crate) struct Chained<A> {
    atomic: A,
    loads: Condvar,
}

/// All but what loads.
impl<A> Deref for Chained<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.atomic
    }
}

impl<A: fmt::Debug> fmt::Debug for Chained<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.atomic.fmt(f)
    }
}

macro_rules! chained {
    ($($name:ident $(<$t:ident>)? of $value:ty,)*) => {$(
        pub(crate) type $name $(<$t>)? = Chained<imp::$name $(<$t>)?>;

        impl $(<$t>)? Chained<imp::$name $(<$t>)?> {
            pub(crate) fn new(value: $value) -> Self {
                Self { atomic: imp::$name::new(value), loads: Condvar::new() }
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.loads.notify_all();
                self.atomic.load(order)
            }

            #[track_caller]
            #[allow(dead_code, reason = "not of every type")]
            pub(crate) fn fetch_update(
                &self,
                set_order: Ordering,
                fetch_order: Ordering,
                change: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.loads.notify_all();
                self.atomic.fetch_update(set_order, fetch_order, change)
            }
        }
    )*};
}

chained! {
    AtomicBool of bool,
    AtomicI32 of i32,
    AtomicPtr<T> of *mut T,
    AtomicU8 of u8,
    AtomicU16 of u16,
    AtomicU32 of u32,
    AtomicU64 of u64,
    AtomicUsize of usize,
}

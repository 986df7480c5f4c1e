//! Values kept for later use: Go's `sync.Pool`.
//!
//! Each thread has a shelf of its own, under a lock that nobody else wants as a rule; whoever finds its own
//! empty looks at those of the others. A shelf has two generations. What is put goes to the young one; every
//! [`TURN`] puts the old one is dropped and the young one becomes the old. So what nobody wanted for one to
//! two turns is gone, as after two collections of Go's garbage collector, and a shelf never holds more than
//! twice [`ROOM`].

use super::shards::parts;
use crate::sys::cell::CachePadded;
use crate::sys::const_fn;
use crate::sys::lane::lane;
use crate::sys::sync::{Mutex, OnceLock};
use std::fmt;
use std::mem;

/// How many values one generation of a shelf holds.
const ROOM: usize = 64;

/// How many puts make a turn.
const TURN: u32 = 1024;

struct Shelf<T> {
    young: Vec<T>,
    old: Vec<T>,
    puts: u32,
}

impl<T> Shelf<T> {
    fn new() -> Self {
        Self { young: Vec::new(), old: Vec::new(), puts: 0 }
    }

    fn take(&mut self) -> Option<T> {
        self.young.pop().or_else(|| self.old.pop())
    }

    /// Ends a generation. Returns what is to be dropped outside of the lock.
    fn turn(&mut self) -> Vec<T> {
        self.puts = 0;
        mem::replace(&mut self.old, mem::take(&mut self.young))
    }
}

type Shelves<T> = Box<[CachePadded<Mutex<Shelf<T>>>]>;

/// A set of values that are dear to make and may be used again, such as buffers. Whoever needs one
/// [gets](Self::get) it, and [puts](Self::put) it back.
///
/// What is put may be dropped at any time: a pool holds at most a hundred or so values per thread, and what
/// nobody wants for a while goes. Values come in no particular order, in the state in which they were put. No
/// method waits.
///
/// It is a value, to be shared by [`Arc`](std::sync::Arc) or as a `static`.
///
/// # Go
///
/// `sync.Pool`. Its `New` is the function given to [`new`](Self::new); a pool without is asked with
/// [`try_get`](Self::try_get). Where Go drops what is unused when it collects garbage, this does after so and
/// so many puts, and when it is [told](Self::trim) to.
///
/// # Examples
///
/// ```
/// use gort::sync::Pool;
///
/// static BUFFERS: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(4096));
///
/// let mut buffer = BUFFERS.get();
/// buffer.extend_from_slice(b"hello");
/// buffer.clear();
/// BUFFERS.put(buffer);
/// ```
#[doc(alias = "sync.Pool")]
pub struct Pool<T, F = fn() -> T> {
    shelves: OnceLock<Shelves<T>>,
    make: F,
}

impl<T, F> Pool<T, F> {
    const_fn! {
        /// An empty pool, which makes a value with `make` where it has none.
        ///
        /// # Go
        ///
        /// The field `New`.
        #[doc(alias = "Pool.New")]
        pub const fn new(make: F) -> Self {
            Self { shelves: OnceLock::new(), make }
        }
    }

    fn shelves(&self) -> &[CachePadded<Mutex<Shelf<T>>>] {
        self.shelves.get_or_init(|| {
            (0..parts()).map(|_| CachePadded::new(Mutex::new(Shelf::new()))).collect()
        })
    }

    /// A value out of the pool, if there is one.
    ///
    /// # Go
    ///
    /// `p.Get()` of a pool without `New`: `None` is its `nil`.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = gort::sync::Pool::<Vec<u8>>::default();
    /// assert_eq!(pool.try_get(), None);
    /// ```
    #[doc(alias = "Get")]
    pub fn try_get(&self) -> Option<T> {
        let shelves = self.shelves();
        let own = lane();
        let value = shelves[own % shelves.len()].lock().take();
        if value.is_some() {
            return value;
        }
        // From the others, where nobody is just now.
        let other = |at: usize| shelves[(own + at) % shelves.len()].try_lock()?.take();
        (1..shelves.len()).find_map(other)
    }

    /// Gives a value to the pool, which keeps it or drops it.
    ///
    /// # Go
    ///
    /// `p.Put(x)`.
    #[doc(alias = "Put")]
    pub fn put(&self, value: T) {
        let shelves = self.shelves();
        // Declared before the guard, so dropped after it.
        let (mut rest, mut unused) = (None, Vec::new());
        let mut shelf = shelves[lane() % shelves.len()].lock();
        shelf.puts += 1;
        if shelf.puts == TURN {
            unused = shelf.turn();
        }
        if shelf.young.len() < ROOM {
            shelf.young.push(value);
        } else {
            rest = Some(value);
        }
        drop(shelf);
        drop((rest.take(), unused));
    }

    /// Drops what has not been wanted since the last call, as a garbage collection does in Go: after two
    /// calls nothing is left of what was in the pool before them.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = gort::sync::Pool::new(|| 0);
    /// pool.put(7);
    /// pool.trim();
    /// pool.trim(); // not wanted since the last time
    /// assert_eq!(pool.try_get(), None);
    /// ```
    pub fn trim(&self) {
        for shelf in self.shelves.get().into_iter().flatten() {
            let unused = shelf.lock().turn();
            drop(unused);
        }
    }
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// A value out of the pool, or a new one.
    ///
    /// # Go
    ///
    /// `p.Get()` of a pool with `New`.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = gort::sync::Pool::new(|| String::with_capacity(100));
    /// let text = pool.get();
    /// assert!(text.capacity() >= 100);
    /// pool.put(text);
    /// ```
    #[doc(alias = "Get")]
    pub fn get(&self) -> T {
        self.try_get().unwrap_or_else(&self.make)
    }
}

impl<T: Default> Default for Pool<T> {
    /// A pool that makes the values that are the type's defaults.
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T, F> fmt::Debug for Pool<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |shelf: &CachePadded<Mutex<Shelf<T>>>| {
            let shelf = shelf.lock();
            shelf.young.len() + shelf.old.len()
        };
        let len: usize = self.shelves.get().into_iter().flatten().map(count).sum();
        f.debug_struct("Pool").field("len", &len).finish_non_exhaustive()
    }
}

//! A map that many goroutines use at once: Go's `sync.Map`.
//!
//! It is cut into parts by the hash of the key, each a map of the standard library's under a lock of its own.
//! Keys and values lie behind `Arc`s, so that under a lock nothing of the user's runs but the `Hash` and `Eq`
//! of keys: values are cloned, compared and dropped outside.
//!
//! (Concurrent maps that are kept were looked at. dashmap holds a lock while one iterates, and a call from
//! inside deadlocks. papaya has no locks, but a key that is deleted and stored again while one iterates may
//! be met twice, a clear is not one step, and what was deleted is dropped at a time of its choosing. Go
//! promises the opposite of each.)

use super::shards::parts;
use crate::sys::cell::CachePadded;
use crate::sys::choose::choose;
use crate::sys::const_fn;
use crate::sys::sync::{Mutex, OnceLock};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Makes hashers that start from a number which the runtime has chosen, so that a simulated run is the same
/// each time, and what others send cannot be made to collide.
#[derive(Debug, Clone, Copy)]
struct Seeded(u64);

impl Seeded {
    fn new() -> Self {
        let half = || choose(1 << 30) as u64;
        Self(half() << 32 | half())
    }
}

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

type Part<K, V> = HashMap<Arc<K>, Arc<V>, Seeded>;

/// A part, and its lock.
type Locked<K, V> = CachePadded<Mutex<Part<K, V>>>;

struct Parts<K, V> {
    parts: Box<[Locked<K, V>]>,
    seed: Seeded,
}

/// A map that any number of goroutines may use at once, without a lock around it.
///
/// Made for keys that are written once and read often, and for goroutines that work on keys of their own.
/// Otherwise a plain map behind a [`Mutex`](super::Mutex) keeps more than one step together. No method waits.
///
/// Values are cloned out, as Go copies them; keep an [`Arc`] where that is dear. The `Hash` and `Eq` of a key
/// must not use the map.
///
/// It is a value, to be shared by [`Arc`] or as a `static`.
///
/// # Go
///
/// `sync.Map`. What Go says by a second result is an [`Option`] here. A write happens before each read that
/// sees it. That keys can be hashed and values compared is checked by the compiler, where Go panics.
///
/// # Examples
///
/// ```
/// use gort::sync::Map;
///
/// static SEEN: Map<&str, u32> = Map::new();
///
/// assert_eq!(SEEN.load_or_store("gopher", 1), (1, false));
/// assert_eq!(SEEN.load_or_store("gopher", 2), (1, true));
/// assert!(SEEN.compare_and_swap(&"gopher", &1, 3));
/// SEEN.range(|name, count| {
///     println!("{name}: {count}");
///     true // go on
/// });
/// assert_eq!(SEEN.load_and_delete(&"gopher"), Some(3));
/// ```
#[doc(alias = "sync.Map")]
pub struct Map<K, V> {
    parts: OnceLock<Parts<K, V>>,
}

impl<K, V> Map<K, V> {
    const_fn! {
        /// An empty map.
        pub const fn new() -> Self {
            Self { parts: OnceLock::new() }
        }
    }

    fn all(&self) -> &Parts<K, V> {
        self.parts.get_or_init(|| {
            let seed = Seeded::new();
            // More parts than threads, so that two seldom meet.
            let part = |_| CachePadded::new(Mutex::new(Part::with_hasher(seed)));
            Parts { parts: (0..4 * parts()).map(part).collect(), seed }
        })
    }

    /// Deletes all entries, at one instant.
    ///
    /// # Go
    ///
    /// `m.Clear()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// map.clear();
    /// assert_eq!(map.load(&"one"), None);
    /// ```
    #[doc(alias = "Clear")]
    pub fn clear(&self) {
        let all = self.all();
        let mut guards: Vec<_> = all.parts.iter().map(|part| part.lock()).collect();
        let empty = || Part::with_hasher(all.seed);
        let dropped: Vec<_> =
            guards.iter_mut().map(|part| std::mem::replace(&mut **part, empty())).collect();
        drop(guards);
        drop(dropped);
    }
}

impl<K: Hash + Eq, V> Map<K, V> {
    fn part(&self, key: &K) -> &Mutex<Part<K, V>> {
        let all = self.all();
        // The upper bits: the part's own map goes by the lower ones.
        let at = (all.seed.hash_one(key) >> 32) as usize % all.parts.len();
        &all.parts[at]
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.part(key).lock().get(key).cloned()
    }

    /// Stores a value, and drops what was there.
    ///
    /// # Go
    ///
    /// `m.Store(key, value)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// map.store("one", 11);
    /// assert_eq!(map.load(&"one"), Some(11));
    /// ```
    #[doc(alias = "Store")]
    pub fn store(&self, key: K, value: V) {
        drop(self.exchange(key, value));
    }

    fn exchange(&self, key: K, value: V) -> Option<Arc<V>> {
        let (key, value) = (Arc::new(key), Arc::new(value));
        let spare = Arc::clone(&key);
        let previous = self.part(&spare).lock().insert(key, value);
        // The key that was there stays, so this one may be the last of its kind.
        drop(spare);
        previous
    }

    fn take(&self, key: &K) -> Option<Arc<V>> {
        let entry = self.part(key).lock().remove_entry(key);
        entry.map(|(_key, value)| value)
    }

    /// Deletes the entry, if there is one.
    ///
    /// # Go
    ///
    /// `m.Delete(key)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// map.delete(&"one");
    /// map.delete(&"two"); // was never there
    /// assert_eq!(map.load(&"one"), None);
    /// ```
    #[doc(alias = "Delete")]
    pub fn delete(&self, key: &K) {
        drop(self.take(key));
    }

    /// Stores `new` if the value is equal to `old`, and says whether it did. An absent value is equal to none.
    ///
    /// # Go
    ///
    /// `m.CompareAndSwap(key, old, new)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// assert!(map.compare_and_swap(&"one", &1, 11));
    /// assert!(!map.compare_and_swap(&"one", &1, 111), "it is 11 now");
    /// assert!(!map.compare_and_swap(&"two", &0, 2), "absent is not zero");
    /// ```
    #[doc(alias = "CompareAndSwap")]
    pub fn compare_and_swap(&self, key: &K, old: &V, new: V) -> bool
    where
        V: PartialEq,
    {
        let mut new = Arc::new(new);
        self.change_if(key, old, |part| {
            if let Some(value) = part.get_mut(key) {
                std::mem::swap(value, &mut new);
            }
        })
    }

    /// Deletes the entry if its value is equal to `old`, and says whether it did.
    ///
    /// # Go
    ///
    /// `m.CompareAndDelete(key, old)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// assert!(!map.compare_and_delete(&"one", &2));
    /// assert!(map.compare_and_delete(&"one", &1));
    /// ```
    #[doc(alias = "CompareAndDelete")]
    pub fn compare_and_delete(&self, key: &K, old: &V) -> bool
    where
        V: PartialEq,
    {
        let mut deleted = None;
        self.change_if(key, old, |part| deleted = part.remove_entry(key))
    }

    /// Does `change`, under the lock, while the value is equal to `old`.
    fn change_if(&self, key: &K, old: &V, change: impl FnOnce(&mut Part<K, V>)) -> bool
    where
        V: PartialEq,
    {
        loop {
            let Some(seen) = self.get(key) else { return false };
            if *seen != *old {
                return false;
            }
            let mut part = self.part(key).lock();
            if part.get(key).is_some_and(|value| Arc::ptr_eq(value, &seen)) {
                change(&mut part);
                return true;
            }
        }
    }

    /// Calls `f` with each entry, until it returns false.
    ///
    /// It is no picture of one instant, but no key comes twice. An entry that is there from beginning to end
    /// comes; of one that is stored, changed or deleted meanwhile, either state may be seen. `f` may call any
    /// method of the map, this one too. Costs time for all entries of a part even if `f` stops early.
    ///
    /// # Go
    ///
    /// `m.Range(f)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// for n in 1..=3 {
    ///     map.store(n, n * n);
    /// }
    /// let mut sum = 0;
    /// map.range(|key, square| {
    ///     map.delete(key);
    ///     sum += square;
    ///     true // go on
    /// });
    /// assert_eq!((sum, map.load(&1)), (14, None));
    /// ```
    #[doc(alias = "Range")]
    pub fn range(&self, mut f: impl FnMut(&K, &V) -> bool) {
        for part in &self.all().parts {
            // A key is in one part only, so it comes once.
            let keys: Vec<_> = part.lock().keys().cloned().collect();
            for key in keys {
                // As it is now, or not at all if it has been deleted meanwhile.
                let value = part.lock().get(&key).cloned();
                if value.is_some_and(|value| !f(&key, &value)) {
                    return;
                }
            }
        }
    }
}

impl<K: Hash + Eq, V: Clone> Map<K, V> {
    /// The value, if there is one.
    ///
    /// # Go
    ///
    /// `m.Load(key)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// assert_eq!((map.load(&"one"), map.load(&"two")), (Some(1), None));
    /// ```
    #[doc(alias = "Load")]
    pub fn load(&self, key: &K) -> Option<V> {
        self.get(key).map(own)
    }

    /// The value if there is one, and true; else stores `value` and yields it and false.
    ///
    /// # Go
    ///
    /// `m.LoadOrStore(key, value)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// assert_eq!(map.load_or_store("one", 1), (1, false));
    /// assert_eq!(map.load_or_store("one", 2), (1, true));
    /// ```
    #[doc(alias = "LoadOrStore")]
    pub fn load_or_store(&self, key: K, value: V) -> (V, bool) {
        if let Some(there) = self.get(&key) {
            return (own(there), true);
        }
        let (key, value) = (Arc::new(key), Arc::new(value));
        let (stored, spare) = (Arc::clone(&value), Arc::clone(&key));
        let mut part = self.part(&spare).lock();
        let there = part.get(&*spare).cloned();
        if there.is_none() {
            part.insert(key, value);
        }
        drop(part);
        match there {
            Some(there) => (own(there), true),
            None => (own(stored), false),
        }
    }

    /// Stores a value and returns the one that was there.
    ///
    /// # Go
    ///
    /// `m.Swap(key, value)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// assert_eq!(map.swap("one", 1), None);
    /// assert_eq!(map.swap("one", 2), Some(1));
    /// ```
    #[doc(alias = "Swap")]
    pub fn swap(&self, key: K, value: V) -> Option<V> {
        self.exchange(key, value).map(own)
    }

    /// Deletes the entry and returns its value, if there was one.
    ///
    /// # Go
    ///
    /// `m.LoadAndDelete(key)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Map;
    ///
    /// let map = Map::new();
    /// map.store("one", 1);
    /// assert_eq!(map.load_and_delete(&"one"), Some(1));
    /// assert_eq!(map.load_and_delete(&"one"), None);
    /// ```
    #[doc(alias = "LoadAndDelete")]
    pub fn load_and_delete(&self, key: &K) -> Option<V> {
        self.take(key).map(own)
    }
}

/// The value itself, if nobody else has it, or a clone.
fn own<V: Clone>(value: Arc<V>) -> V {
    Arc::unwrap_or_clone(value)
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = |parts: &Parts<K, V>| parts.parts.iter().map(|part| part.lock().len()).sum();
        let len: usize = self.parts.get().map_or(0, len);
        f.debug_struct("Map").field("len", &len).finish_non_exhaustive()
    }
}

//! The timers of one shard: a data structure without locks, clocks or calls into foreign code.
//!
//! Its parts:
//!
//! * `slots`: one per pending timer, holding its waker and its place in one of the others. A slot
//!   that is free again is reused, so a [`Key`] carries the number of the timer beside the index:
//!   numbers never repeat, and a key whose number is not in the slot belongs to a timer that has
//!   fired or was removed. Whoever loses a key (`mem::forget`) leaves an entry behind that fires at
//!   its time and is gone; nothing ever points from here to the owner of a key.
//! * `near`: the timers of the next 67 ms, and what is already due, by the millisecond: a [`Calendar`]. Timers that fire
//!   again and again come and go here in constant time.
//! * `young`: the last few of those that are due later, in no order. Most are timeouts that never fire: they
//!   come and go here in constant time, however many others are pending.
//! * `heap`: all others, a 4-ary heap by deadline; the four children of an entry share a cache line.
//! * `due`: those whose time has come, sorted, while they are handed out batch by batch.
//!
//! Invariant: `slots[e.slot].place` names the place of every entry `e` of these, and every slot that
//! is not free is named by exactly one entry.

use super::calendar::{Calendar, Day, Entry};
use crate::sys::clock::Nanos;
use crate::wait::batch::WakeBatch;
use std::task::Waker;

/// Children per heap entry.
const ARITY: usize = 4;
/// How many timers stay out of the heap.
const YOUNG: usize = 64;
/// End of the list of free slots; the slot of an entry of `due` that was removed.
const NO_SLOT: u32 = u32::MAX;
/// Most timers that may be pending.
const MAX: usize = 1 << 31;
/// Memory for up to so many timers is kept when none is left.
const KEEP: usize = 1024;

/// A pending timer, for whoever may want to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(super) number: u64,
    pub(super) slot: u32,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere: the slot is free, and this the next free one.
    Free(u32),
    Near(Day, u32),
    Young(u32),
    Old(u32),
    Due(u32),
}

#[derive(Debug)]
struct Slot {
    /// Number of the timer; 0 while the slot is free.
    number: u64,
    waker: Option<Waker>,
    place: Place,
}

const _: () = assert!(size_of::<Slot>() <= 32, "every sleeping goroutine has one");

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Timers {
    slots: Vec<Slot>,
    free: u32,
    /// How many are not.
    pending: usize,
    near: Calendar,
    young: Vec<Entry>,
    heap: Vec<Entry>,
    /// The first to fire is the last.
    due: Vec<Entry>,
    /// Number of the last timer.
    last: u64,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: NO_SLOT,
            pending: 0,
            near: Calendar::new(),
            young: Vec::new(),
            heap: Vec::new(),
            due: Vec::new(),
            last: 0,
        }
    }

    /// How many timers are pending.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.pending
    }

    /// The least deadline, `Nanos::MAX` if there is none. While some are due, the least of those.
    pub(crate) fn least(&self) -> Nanos {
        if let Some(entry) = self.due.last() {
            return entry.deadline;
        }
        let old = self.heap.first().map_or(Nanos::MAX, |e| e.deadline);
        let least = self.young.iter().fold(old, |least, e| least.min(e.deadline));
        self.near.least().map_or(least, |near| least.min(near))
    }

    /// Adds a timer that calls `waker` at `deadline`.
    ///
    /// # Panics
    ///
    /// With two thousand million timers pending.
    pub(crate) fn insert(&mut self, deadline: Nanos, waker: Waker) -> Key {
        self.last += 1;
        let number = self.last;
        let slot = self.take_slot(number, waker);
        let entry = Entry { deadline, slot, order: number as u32 };
        let place = match self.near.insert(entry) {
            Some((day, index)) => Place::Near(day, index),
            None => self.push_young(entry),
        };
        self.slots[slot as usize].place = place;
        Key { number, slot }
    }

    /// Whether the timer has neither fired nor been removed.
    pub(crate) fn is_pending(&self, key: Key) -> bool {
        self.slots.get(key.slot as usize).is_some_and(|slot| slot.number == key.number)
    }

    /// Whether the timer is pending and would wake the same task as `waker`.
    pub(crate) fn will_wake(&self, key: Key, waker: &Waker) -> bool {
        self.is_pending(key)
            && self.slots[key.slot as usize].waker.as_ref().is_some_and(|w| w.will_wake(waker))
    }

    /// Gives a pending timer another waker and returns the one to drop: the old one, or the new one
    /// if the timer is not pending any more.
    pub(crate) fn replace(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        if !self.is_pending(key) {
            return Some(waker);
        }
        self.slots[key.slot as usize].waker.replace(waker)
    }

    /// Removes a timer. Returns its deadline and its waker if it was pending.
    pub(crate) fn remove(&mut self, key: Key) -> Option<(Nanos, Option<Waker>)> {
        if !self.is_pending(key) {
            return None;
        }
        let entry = match self.slots[key.slot as usize].place {
            Place::Near(day, index) => {
                let (entry, moved) = self.near.remove(day, index);
                if let Some(moved) = moved {
                    self.slots[moved.slot as usize].place = Place::Near(day, index);
                }
                entry
            }
            Place::Young(index) => self.remove_young(index as usize),
            Place::Old(index) => self.remove_old(index as usize),
            Place::Due(index) => {
                let entry = self.due[index as usize];
                self.due[index as usize].slot = NO_SLOT;
                self.skip_removed();
                entry
            }
            Place::Free(_) => unreachable!("it is pending"),
        };
        Some((entry.deadline, self.free_slot(entry.slot)))
    }

    /// Moves the wakers of timers that are due at `now` to `batch`, in the order of their deadlines,
    /// until there are none or the batch is full. Returns how many.
    pub(crate) fn pop_due(&mut self, now: Nanos, batch: &mut WakeBatch) -> usize {
        if self.due.is_empty() {
            self.collect(now);
        }
        let mut popped = 0;
        while !batch.is_full() {
            let Some(entry) = self.due.pop() else { break };
            self.skip_removed();
            if let Some(waker) = self.free_slot(entry.slot) {
                batch.push(waker);
            }
            popped += 1;
        }
        if self.due.is_empty() && self.due.capacity() > KEEP {
            self.due = Vec::new();
        }
        popped
    }

    /// Whatever is the last of `due` is pending.
    fn skip_removed(&mut self) {
        while self.due.last().is_some_and(|entry| entry.slot == NO_SLOT) {
            self.due.pop();
        }
    }

    /// Moves the entries that are due at `now` to `due`, where nothing is.
    fn collect(&mut self, now: Nanos) {
        let Self { slots, near, due, .. } = self;
        near.take_due(now, due, |moved, day, index| {
            slots[moved.slot as usize].place = Place::Near(day, index);
        });
        let mut index = 0;
        while let Some(entry) = self.young.get(index) {
            if entry.deadline <= now {
                let entry = self.remove_young(index);
                self.due.push(entry);
            } else {
                index += 1;
            }
        }
        while self.heap.first().is_some_and(|e| e.deadline <= now) {
            let entry = self.remove_old(0);
            self.due.push(entry);
        }
        let last = self.last;
        self.due.sort_unstable_by_key(|entry| entry.latest_first(last));
        for (index, entry) in self.due.iter().enumerate() {
            self.slots[entry.slot as usize].place = Place::Due(index as u32);
        }
    }

    /// Removes all timers. Returns their wakers.
    pub(crate) fn clear(&mut self) -> Vec<Waker> {
        // Keys become invalid: numbers go on.
        let last = self.last;
        let all = std::mem::replace(self, Self { last, ..Self::new() });
        all.slots.into_iter().filter_map(|slot| slot.waker).collect()
    }

    fn take_slot(&mut self, number: u64, waker: Waker) -> u32 {
        let slot = Slot { number, waker: Some(waker), place: Place::Free(NO_SLOT) };
        let index = self.free;
        if let Some(vacant) = self.slots.get_mut(index as usize) {
            if let Place::Free(next) = vacant.place {
                self.free = next;
            }
            *vacant = slot;
            self.pending += 1;
            return index;
        }
        let index = self.slots.len();
        assert!(index < MAX, "{index} timers are pending");
        self.slots.push(slot);
        self.pending += 1;
        index as u32
    }

    /// Frees a slot whose entry is already gone.
    fn free_slot(&mut self, index: u32) -> Option<Waker> {
        let slot = &mut self.slots[index as usize];
        let waker = slot.waker.take();
        slot.number = 0;
        slot.place = Place::Free(self.free);
        self.free = index;
        self.pending -= 1;
        if self.pending == 0 && self.slots.len() > KEEP {
            self.shrink();
        }
        waker
    }

    /// Gives back the memory of a burst. All slots are free: no key is valid, and none becomes valid
    /// again as numbers go on.
    #[cold]
    fn shrink(&mut self) {
        self.slots = Vec::new();
        self.free = NO_SLOT;
        self.heap = Vec::new();
        self.due = Vec::new();
    }

    fn push_young(&mut self, entry: Entry) -> Place {
        if self.young.len() == YOUNG {
            self.age();
        }
        self.young.push(entry);
        Place::Young(self.young.len() as u32 - 1)
    }

    /// Moves all young timers to the heap.
    fn age(&mut self) {
        for index in 0..self.young.len() {
            self.push_old(self.young[index]);
        }
        self.young.clear();
    }

    fn remove_young(&mut self, index: usize) -> Entry {
        let entry = self.young.swap_remove(index);
        if let Some(moved) = self.young.get(index) {
            self.slots[moved.slot as usize].place = Place::Young(index as u32);
        }
        entry
    }

    fn push_old(&mut self, entry: Entry) {
        self.heap.push(entry);
        self.sift_up(self.heap.len() - 1, entry);
    }

    fn remove_old(&mut self, index: usize) -> Entry {
        let entry = self.heap.swap_remove(index);
        if let Some(&moved) = self.heap.get(index) {
            if index > 0 && moved.before(&self.heap[(index - 1) / ARITY]) {
                self.sift_up(index, moved);
            } else {
                self.sift_down(index, moved);
            }
        }
        entry
    }

    /// Writes `entry` to the heap at `index` or above, where it belongs.
    fn sift_up(&mut self, mut index: usize, entry: Entry) {
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if !entry.before(&self.heap[parent]) {
                break;
            }
            self.place_old(index, self.heap[parent]);
            index = parent;
        }
        self.place_old(index, entry);
    }

    /// Writes `entry` to the heap at `index` or below, where it belongs.
    fn sift_down(&mut self, mut index: usize, entry: Entry) {
        loop {
            let first = index * ARITY + 1;
            let Some(children) = self.heap.get(first..) else { break };
            let mut least = 0;
            let count = children.len().min(ARITY);
            if count == 0 {
                break;
            }
            for child in 1..count {
                if children[child].before(&children[least]) {
                    least = child;
                }
            }
            let child = children[least];
            if !child.before(&entry) {
                break;
            }
            self.place_old(index, child);
            index = first + least;
        }
        self.place_old(index, entry);
    }

    fn place_old(&mut self, index: usize, entry: Entry) {
        self.heap[index] = entry;
        self.slots[entry.slot as usize].place = Place::Old(index as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sync::Mutex;
    use crate::sys::sync::atomic::{AtomicU64, Ordering};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::task::Wake;

    /// Notes when it was woken, as a number that counts all wakes.
    struct Note {
        clock: Arc<AtomicU64>,
        woken: AtomicU64,
    }

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            let at = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
            assert_eq!(self.woken.swap(at, Ordering::Relaxed), 0, "a timer fired twice");
        }
    }

    fn check(timers: &Timers) {
        for (index, entry) in timers.heap.iter().enumerate() {
            assert_eq!(timers.slots[entry.slot as usize].place, Place::Old(index as u32));
            assert!(index == 0 || !entry.before(&timers.heap[(index - 1) / ARITY]), "heap order");
        }
        for (index, entry) in timers.young.iter().enumerate() {
            assert_eq!(timers.slots[entry.slot as usize].place, Place::Young(index as u32));
        }
        for (entry, day, index) in timers.near.entries() {
            assert_eq!(timers.slots[entry.slot as usize].place, Place::Near(day, index));
        }
        for (index, entry) in timers.due.iter().enumerate().filter(|(_, e)| e.slot != NO_SLOT) {
            assert_eq!(timers.slots[entry.slot as usize].place, Place::Due(index as u32));
        }
        let used = timers.slots.iter().filter(|slot| slot.number != 0).count();
        assert_eq!(used, timers.len());
    }

    fn drain(timers: &mut Timers, now: Nanos) -> usize {
        let mut total = 0;
        loop {
            let mut batch = WakeBatch::new();
            let popped = timers.pop_due(now, &mut batch);
            batch.wake_all();
            total += popped;
            if popped == 0 {
                return total;
            }
        }
    }

    /// Random insertions, removals and firings, against a map ordered by (deadline, insertion).
    fn model(seed: u64, steps: usize, span: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let clock = Arc::new(AtomicU64::new(0));
        let mut timers = Timers::new();
        let mut model: BTreeMap<(Nanos, usize), (Key, Arc<Note>)> = BTreeMap::new();
        let mut gone = Vec::new();
        let mut now = 0;
        for step in 0..steps {
            match rng.u32(..10) {
                0..6 => {
                    let note = Arc::new(Note { clock: clock.clone(), woken: AtomicU64::new(0) });
                    let deadline = now + rng.u64(..span);
                    let key = timers.insert(deadline, note.clone().into());
                    model.insert((deadline, step), (key, note));
                }
                6..9 if !model.is_empty() => {
                    let index = rng.usize(..model.len());
                    let id = *model.keys().nth(index).unwrap();
                    let (key, note) = model.remove(&id).unwrap();
                    let (deadline, waker) = timers.remove(key).expect("it is pending");
                    assert_eq!(deadline, id.0);
                    assert!(waker.is_some());
                    assert!(timers.remove(key).is_none());
                    gone.push((key, note, 0));
                }
                _ => {
                    now += rng.u64(..span / 8 + 1);
                    let later = model.split_off(&(now + 1, 0));
                    let due = std::mem::replace(&mut model, later);
                    let before = clock.load(Ordering::Relaxed);
                    assert_eq!(drain(&mut timers, now), due.len());
                    for (index, (_, (key, note))) in due.into_iter().enumerate() {
                        let at = note.woken.load(Ordering::Relaxed);
                        assert_eq!(at, before + index as u64 + 1, "order of firing");
                        gone.push((key, note, at));
                    }
                }
            }
            let least = model.first_key_value().map_or(Nanos::MAX, |(id, _)| id.0);
            assert_eq!(timers.least(), least);
            assert_eq!(timers.len(), model.len());
            if step % 64 == 0 {
                check(&timers);
            }
        }
        for (key, note, at) in gone {
            assert!(!timers.is_pending(key), "a key of the past is not valid again");
            assert_eq!(note.woken.load(Ordering::Relaxed), at);
        }
    }

    #[test]
    fn behaves_as_an_ordered_map() {
        // Of one day of the calendar, of all its days, and far beyond.
        for span in [1 << 20, 1 << 27, 1 << 40] {
            for seed in 0..20 {
                model(seed, 2_000, span);
            }
        }
    }

    #[test]
    fn equal_deadlines_fire_in_order_of_insertion() {
        for seed in 0..10 {
            model(seed, 2_000, 8);
        }
    }

    /// A waker that tells its number.
    fn teller(told: &Arc<Mutex<Vec<u64>>>, number: u64) -> Waker {
        struct Teller(Arc<Mutex<Vec<u64>>>, u64);
        impl Wake for Teller {
            fn wake(self: Arc<Self>) {
                self.0.lock().push(self.1);
            }
        }
        Arc::new(Teller(Arc::clone(told), number)).into()
    }

    #[test]
    fn what_is_due_and_was_not_handed_out_can_be_removed_and_keeps_its_place() {
        let told = Arc::default();
        let mut timers = Timers::new();
        let count = 2 * WakeBatch::ROOM as u64 + 3;
        let keys: Vec<_> = (0..count).map(|n| timers.insert(n, teller(&told, n))).collect();
        let mut batch = WakeBatch::new();
        assert_eq!(timers.pop_due(count, &mut batch), WakeBatch::ROOM);
        batch.wake_all();
        check(&timers);
        let first = WakeBatch::ROOM;
        assert!(timers.remove(keys[first - 1]).is_none(), "it has fired");
        for index in [first, first + 2, keys.len() - 1] {
            assert_eq!(timers.remove(keys[index]).expect("it is pending").0, index as u64);
            assert!(timers.remove(keys[index]).is_none() && !timers.is_pending(keys[index]));
        }
        // A new one, due before all others, has the slot of one that was removed.
        timers.insert(0, teller(&told, 1000));
        check(&timers);
        assert_eq!(drain(&mut timers, count), WakeBatch::ROOM + 1);
        let gone = [first, first + 2, keys.len() - 1].map(|index| index as u64);
        let expected = (0..count).filter(|n| !gone.contains(n)).chain([1000]);
        assert_eq!(*told.lock(), expected.collect::<Vec<_>>());
        assert_eq!((timers.len(), timers.least()), (0, Nanos::MAX));
    }

    /// Wherever they lie: one was made when the time was far, the other when it was near.
    #[test]
    fn of_equal_deadlines_the_older_timer_fires_first_from_the_heap_too() {
        const AT: Nanos = 1 << 40;
        let told = Arc::default();
        let mut timers = Timers::new();
        timers.insert(AT, teller(&told, 1));
        for n in 0..2 * YOUNG as u64 {
            timers.insert(AT + 1 + n, Waker::noop().clone());
        }
        timers.insert(AT, teller(&told, 2));
        assert_eq!(drain(&mut timers, AT - 1), 0);
        timers.insert(AT, teller(&told, 3));
        check(&timers);
        let places = |timers: &Timers| {
            (timers.heap.len(), timers.young.len(), timers.near.entries().count())
        };
        assert_eq!(places(&timers), (2 * YOUNG, 2, 1));
        assert_eq!(drain(&mut timers, AT), 3);
        assert_eq!(*told.lock(), [1, 2, 3]);
    }

    #[test]
    fn memory_of_a_burst_is_given_back_and_old_keys_stay_invalid() {
        let mut timers = Timers::new();
        let keys: Vec<_> =
            (0..10 * KEEP as u64).map(|i| timers.insert(i, Waker::noop().clone())).collect();
        assert_eq!(drain(&mut timers, Nanos::MAX), keys.len());
        assert_eq!(timers.slots.capacity(), 0);
        let key = timers.insert(7, Waker::noop().clone());
        assert!(keys.iter().all(|&old| timers.remove(old).is_none()));
        assert!(timers.is_pending(key));
        assert_eq!(timers.least(), 7);
    }
}

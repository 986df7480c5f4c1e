//! The timers of the next 67 ms, by the millisecond they are due in.
//!
//! A ring of 64 *days*, each an unordered list of the timers due in it. Adding and removing one takes constant time;
//! a day is sorted when it has come, by whoever takes its timers, so that none loses its place in the order. The
//! system's waits are for whole milliseconds: a day is what becomes due at once.
//!
//! After R. Brown, *Calendar Queues: A Fast O(1) Priority Queue Implementation for the Simulation Event Set Problem*,
//! Communications of the ACM 31 (1988), with days of a fixed length, and without its years: what lies beyond the last
//! day is somebody else's.
//!
//! Invariants:
//! * C1. An entry for day `n` of `first..first + 64`, counted from the beginning of time, is in the list `n % 64`, and
//!   what was due before `first` in that of `first`: whatever is in an earlier list is due earlier.
//! * C2. A bit of `occupied` is set if and only if its list is not empty.
//!
//! `first` is the day of the last time that something was due. While nothing is, it falls behind the clock, and what is
//! added goes where later timers go: its order is the same, only the constant time is lost, until the next is due.

use crate::sys::clock::Nanos;
use std::cmp::Reverse;

/// The length of a day is 2 to this power: 1.05 ms.
const LENGTH: u32 = 20;
/// How many days there are: the bits of [`Calendar::occupied`].
const DAYS: u64 = u64::BITS as u64;
/// Memory for up to so many timers is kept for a day on which nothing is due any more.
const KEEP: usize = 256;

/// Deadline and slot of a pending timer. Equal deadlines fire in the order of insertion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) deadline: Nanos,
    pub(super) slot: u32,
    /// Low half of the timer's number.
    pub(super) order: u32,
}

impl Entry {
    pub(super) fn before(&self, other: &Entry) -> bool {
        if self.deadline != other.deadline {
            return self.deadline < other.deadline;
        }
        // Wraps: of two timers with the same deadline that are 2^31 insertions apart, the order is
        // not worth four bytes.
        self.order.wrapping_sub(other.order) > u32::MAX / 2
    }

    /// What to sort by to have the first to fire at the end. `last` is the last number given.
    pub(super) fn latest_first(&self, last: u64) -> (Reverse<Nanos>, u32) {
        (Reverse(self.deadline), (last as u32).wrapping_sub(self.order))
    }
}

/// A day's index in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day(u8);

impl Day {
    /// Of the day with this number, counted from the beginning of time.
    fn numbered(number: u64) -> Self {
        Self((number % DAYS) as u8)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Calendar {
    /// Empty, or [`DAYS`] of them.
    days: Vec<Vec<Entry>>,
    /// A bit for each that is not empty.
    occupied: u64,
    /// Number of the first day. What was due before is in its list, too.
    first: u64,
}

impl Calendar {
    pub(super) const fn new() -> Self {
        Self { days: Vec::new(), occupied: 0, first: 0 }
    }

    /// Adds an entry and returns where it is, unless it is due after the last day.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<(Day, u32)> {
        let number = (entry.deadline >> LENGTH).max(self.first);
        if number - self.first >= DAYS {
            return None;
        }
        if self.days.is_empty() {
            self.days.resize_with(DAYS as usize, Vec::new);
        }
        let day = Day::numbered(number);
        let entries = &mut self.days[usize::from(day.0)];
        entries.push(entry);
        self.occupied |= 1 << day.0;
        Some((day, entries.len() as u32 - 1))
    }

    /// Removes the entry at a place. Returns the one that has moved there, too.
    pub(super) fn remove(&mut self, day: Day, index: u32) -> (Entry, Option<Entry>) {
        let entries = &mut self.days[usize::from(day.0)];
        let entry = entries.swap_remove(index as usize);
        let moved = entries.get(index as usize).copied();
        if entries.is_empty() {
            self.vacate(day);
        }
        (entry, moved)
    }

    /// Nothing is due any more on a day.
    fn vacate(&mut self, day: Day) {
        self.occupied &= !(1 << day.0);
        let entries = &mut self.days[usize::from(day.0)];
        if entries.capacity() > KEEP {
            *entries = Vec::new();
        }
    }

    /// The least deadline.
    pub(super) fn least(&self) -> Option<Nanos> {
        let day = Day::numbered(self.first_occupied()?);
        self.days[usize::from(day.0)].iter().map(|entry| entry.deadline).min()
    }

    /// Number of the first day on which something is due.
    fn first_occupied(&self) -> Option<u64> {
        let from_first = self.occupied.rotate_right((self.first % DAYS) as u32);
        (from_first != 0).then(|| self.first + u64::from(from_first.trailing_zeros()))
    }

    /// Moves what is due at `now` to `due`, in no order, and begins with the day of `now`. Tells `moved` of each
    /// entry that stays and has a new place.
    pub(super) fn take_due(
        &mut self,
        now: Nanos,
        due: &mut Vec<Entry>,
        mut moved: impl FnMut(Entry, Day, u32),
    ) {
        let today = (now >> LENGTH).max(self.first);
        while let Some(number) = self.first_occupied().filter(|&number| number < today) {
            let day = Day::numbered(number);
            due.append(&mut self.days[usize::from(day.0)]);
            self.vacate(day);
        }
        self.first = today;
        let day = Day::numbered(today);
        let Some(entries) = self.days.get_mut(usize::from(day.0)) else { return };
        let mut index = 0;
        while let Some(&entry) = entries.get(index) {
            if entry.deadline > now {
                index += 1;
                continue;
            }
            due.push(entries.swap_remove(index));
            if let Some(&last) = entries.get(index) {
                moved(last, day, index as u32);
            }
        }
        if entries.is_empty() {
            self.vacate(day);
        }
    }

    /// All entries and where they are.
    #[cfg(test)]
    pub(super) fn entries(&self) -> impl Iterator<Item = (Entry, Day, u32)> {
        self.days.iter().enumerate().flat_map(|(day, entries)| {
            let place = move |(index, &entry)| (entry, Day(day as u8), index as u32);
            entries.iter().enumerate().map(place)
        })
    }
}

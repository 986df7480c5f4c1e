//! A small number for each thread, its *lane*: what many threads change at once is kept in several parts, and
//! each thread goes to the part of its lane.
//!
//! Numbers are given back when their threads end, and the least free one is given out next. So the threads
//! that live have low numbers, two of them never have the same one (up to [`LANES`] threads), and a runtime's
//! workers, which ask when they start, mostly have neighbouring ones: modulo a number of parts that is no
//! less than theirs they are apart. (A count that only rises would not do: with two parts, the workers
//! meet whenever there is an odd number of other threads between them.)

use super::MODEL;
use super::sync::{StaticMutex, thread_local};
use std::cell::Cell;

/// How many threads can have a lane for themselves.
pub(crate) const LANES: usize = 64;

/// No lane yet.
const NONE: usize = usize::MAX;

thread_local! {
    static LANE: Cell<usize> = const { Cell::new(NONE) };
}

// Apart from `LANE`, which is looked at often and so has no destructor.
std::thread_local! {
    static TAKEN: Taken = Taken(LANES_TAKEN.lock().take());
}

static LANES_TAKEN: StaticMutex<Lanes> = StaticMutex::new(Lanes::new());

/// The lane of the calling thread.
#[inline]
pub(crate) fn lane() -> usize {
    let lane = LANE.try_with(Cell::get).unwrap_or(0);
    if lane == NONE { enter() } else { lane }
}

/// The same, if it has one already: most threads take one when they first ask.
#[inline]
pub(crate) fn known() -> Option<usize> {
    let lane = LANE.try_with(Cell::get).unwrap_or(NONE);
    (lane != NONE).then_some(lane)
}

/// For models: the calling thread has this lane.
#[cfg(test)]
#[allow(dead_code, reason = "of loom")]
pub(crate) fn stand_at(lane: usize) {
    LANE.with(|own| own.set(lane));
}

#[cold]
fn enter() -> usize {
    if MODEL {
        // A model says where its threads stand: what is taken would last from one execution to the next.
        return 0;
    }
    // A thread that is about to end and has none takes none.
    let lane = TAKEN.try_with(|taken| taken.0.at).unwrap_or(0);
    LANE.with(|own| own.set(lane));
    lane
}

/// A lane that a thread has until it ends.
struct Taken(Lane);

impl Drop for Taken {
    fn drop(&mut self) {
        LANES_TAKEN.lock().give_back(&self.0);
    }
}

/// A number, and whether nobody else has it.
#[derive(Debug, PartialEq, Eq)]
struct Lane {
    at: usize,
    alone: bool,
}

/// Which lanes are taken, a bit each; those who found none free share.
struct Lanes {
    taken: u64,
    shared: usize,
}

impl Lanes {
    const fn new() -> Self {
        Self { taken: 0, shared: 0 }
    }

    fn take(&mut self) -> Lane {
        let at = self.taken.trailing_ones() as usize;
        if at < LANES {
            self.taken |= 1 << at;
            return Lane { at, alone: true };
        }
        self.shared += 1;
        Lane { at: self.shared % LANES, alone: false }
    }

    fn give_back(&mut self, lane: &Lane) {
        if lane.alone {
            self.taken &= !(1 << lane.at);
        }
    }
}

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn the_least_free_lane_is_taken() {
        let mut lanes = Lanes::new();
        let [main, one, other] = [lanes.take(), lanes.take(), lanes.take()];
        assert_eq!([main.at, one.at, other.at], [0, 1, 2]);
        lanes.give_back(&one);
        assert_eq!(lanes.take(), Lane { at: 1, alone: true });
        assert_eq!(lanes.take(), Lane { at: 3, alone: true });
    }

    #[test]
    fn more_threads_than_lanes_share_and_give_nothing_back() {
        let mut lanes = Lanes::new();
        let alone: Vec<_> = (0..LANES).map(|_| lanes.take()).collect();
        assert!(alone.iter().enumerate().all(|(at, lane)| *lane == Lane { at, alone: true }));
        let sharing = [lanes.take(), lanes.take()];
        assert!(sharing.iter().all(|lane| !lane.alone));
        assert_ne!(sharing[0].at, sharing[1].at);
        for lane in &sharing {
            lanes.give_back(lane);
        }
        assert!(!lanes.take().alone, "a lane was given back by one who shared it");
    }

    #[test]
    fn a_thread_keeps_its_lane_and_gives_it_back_when_it_ends() {
        let look = || {
            assert_eq!(lane(), lane());
            TAKEN.with(|taken| {
                assert_eq!(taken.0.at, lane());
                taken.0.alone
            })
        };
        let start = || std::thread::spawn(look).join().unwrap();
        for _ in 0..LANES {
            start();
        }
        // Those who have ended have none. Other tests may have all of them, for a moment.
        while !start() {}
    }
}

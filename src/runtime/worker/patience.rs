//! How long work waits in a worker's queue before another worker is woken for it.
//!
//! A wake costs both sides some microseconds, and the one that is woken reads everything that the tasks use
//! from the first one's cache. Whether that pays is known afterwards only: if the queue is empty a moment
//! later, it did not, and the next work waits for longer; if it is not, the next work waits as short as ever.

use crate::sys::clock::Nanos;
use std::ops::RangeInclusive;

/// The times that work may wait, in nanoseconds.
const LIMITS: RangeInclusive<Nanos> = super::PATIENCE..=2 * super::PATIENCE;
/// A wake has paid if there is still work in the queue so long after it, in nanoseconds.
const WORTH: Nanos = 25_000;

/// See the module documentation. A time of 0 means that there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    limit: Nanos,
    /// Since when work has been seen to wait in the queue.
    since: Nanos,
    /// When another worker was woken for it, while it is not known whether that has paid.
    woken: Nanos,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { limit: *LIMITS.start(), since: 0, woken: 0 }
    }

    /// A look at the queue. Returns whether what is in it has waited long enough.
    pub(super) fn is_over(&mut self, work_waits: bool, now: Nanos) -> bool {
        if !work_waits {
            self.end(|| now);
            return false;
        }
        if self.woken != 0 && now.saturating_sub(self.woken) >= WORTH {
            self.judge(now);
        }
        if self.since == 0 {
            self.since = now;
        }
        let over = now.saturating_sub(self.since) >= self.limit;
        if over {
            self.since = now;
        }
        over
    }

    /// Another worker has been woken.
    pub(super) fn woke(&mut self, now: Nanos) {
        self.woken = now;
    }

    /// The queue is empty. The clock is looked at if that says anything about a wake.
    pub(super) fn end(&mut self, now: impl FnOnce() -> Nanos) {
        self.since = 0;
        if self.woken != 0 {
            self.judge(now());
        }
    }

    fn judge(&mut self, now: Nanos) {
        let paid = now.saturating_sub(self.woken) >= WORTH;
        self.limit = if paid { *LIMITS.start() } else { (2 * self.limit).min(*LIMITS.end()) };
        self.woken = 0;
    }
}

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;

    /// Work that is there from `start` on for so long, looked at every 10 us. Returns when somebody was woken.
    fn burst(patience: &mut Patience, start: Nanos, length: Nanos) -> Vec<Nanos> {
        let mut woken = Vec::new();
        for now in (start..start + length).step_by(10_000) {
            if patience.is_over(true, now) {
                patience.woke(now);
                woken.push(now - start);
            }
        }
        patience.end(|| start + length);
        woken
    }

    #[test]
    fn a_wake_that_does_not_pay_makes_the_next_one_later() {
        let mut patience = Patience::new();
        assert_eq!(burst(&mut patience, 1_000_000, 60_000), [50_000], "10 us were left");
        assert_eq!(burst(&mut patience, 2_000_000, 60_000), []);
        for start in (3_000_000..8_000_000).step_by(1_000_000) {
            let woken = burst(&mut patience, start, 120_000);
            assert_eq!(woken, [100_000], "20 us were left, but never later than after 100 us");
        }
        let woken = burst(&mut patience, 8_000_000, 200_000);
        assert_eq!(
            woken,
            [100_000, 150_000],
            "the first has paid, so the second is as early as ever"
        );
    }

    #[test]
    fn a_wake_that_pays_leaves_the_next_one_as_early_as_ever() {
        let mut patience = Patience::new();
        for start in (1_000_000..5_000_000).step_by(1_000_000) {
            assert_eq!(burst(&mut patience, start, 75_000), [50_000]);
        }
    }

    /// An empty queue in between, seen by a look or by the worker that has nothing to do: what comes then waits
    /// anew.
    #[test]
    fn only_work_that_is_there_all_the_time_has_waited() {
        let mut patience = Patience::new();
        for now in (1_000_000..2_000_000).step_by(10_000) {
            assert!(!patience.is_over(now % 50_000 != 0, now));
        }
        patience.end(|| 2_000_000);
        for start in (2_000_000..3_000_000).step_by(100_000) {
            assert_eq!(burst(&mut patience, start, 40_000), []);
        }
    }
}

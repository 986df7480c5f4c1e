//! How fast a host may be asked.

use std::time::Duration;

use gort::{sync::Mutex, time::Ticker};

/// Gives out turns, at least so long after each other.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Who has the lock is next; the others stand in line for it.
    ticker: Mutex<Ticker>,
    delay: Duration,
}

impl Pace {
    /// The first turn comes after the delay, which is not zero.
    pub(crate) fn new(delay: Duration) -> Self {
        Pace { ticker: Mutex::new(Ticker::new(delay)), delay }
    }

    /// Waits for a turn.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line; no turn is lost.
    pub(crate) async fn turn(&self) {
        let ticker = self.ticker.lock().await;
        ticker.c().recv().await;
        // If that tick has waited for somebody to come, the one after it would be too early.
        ticker.reset(self.delay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gort::runtime::Builder;
    use gort::time::{Instant, sleep};
    use std::sync::Arc;

    const DELAY: Duration = Duration::from_millis(100);

    /// Runs it on a clock that moves when everybody waits, and only then.
    fn paused<F: Future>(future: F) -> F::Output {
        let runtime = Builder::new_current_thread().start_paused(true).build();
        runtime.expect("a runtime").block_on(future)
    }

    #[test]
    fn turns_of_many_are_a_delay_apart() {
        let turns = paused(async {
            let (pace, start) = (Arc::new(Pace::new(DELAY)), Instant::now());
            let visits: Vec<_> = (0..4)
                .map(|_| {
                    let pace = pace.clone();
                    gort::go(async move {
                        pace.turn().await;
                        start.elapsed()
                    })
                })
                .collect();
            let mut turns = Vec::new();
            for visit in visits {
                turns.push(visit.await.expect("it does not panic"));
            }
            turns.sort();
            turns
        });
        assert_eq!(turns, [1, 2, 3, 4].map(|n| n * DELAY));
    }

    #[test]
    fn pause_does_not_bring_the_next_turn_forward() {
        let turns = paused(async {
            let (pace, start) = (Pace::new(DELAY), Instant::now());
            sleep(Duration::from_millis(250)).await;
            pace.turn().await;
            let first = start.elapsed();
            pace.turn().await;
            (first, start.elapsed())
        });
        assert_eq!(turns, (Duration::from_millis(250), Duration::from_millis(350)));
    }
}

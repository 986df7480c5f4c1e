//! Timers. Nothing here looks at how long something took, except that no timer may fire early.

use super::util::{Chance, WORKERS, attempt, runtime};
use gort::select;
use gort::time::{Duration, Instant, Sleep, after, interval, sleep, timeout};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

fn short(chance: &mut Chance) -> Duration {
    Duration::from_micros(chance.below(2_000) as u64)
}

/// Each sleep begins on one worker, is set again, dropped or awaited on another.
pub(crate) fn timers_move_between_workers() {
    const EACH: usize = 800;
    runtime(WORKERS).run(async {
        let (to, from) = gort::chan::<Pin<Box<Sleep>>>(16);
        let makers = [0, 1, 2].map(|seed| {
            let to = to.clone();
            gort::go(async move {
                let mut chance = Chance::new(seed);
                for _ in 0..EACH {
                    let mut timer = Box::pin(sleep(short(&mut chance)));
                    let _ = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
                    to.send(timer).await.unwrap();
                }
            })
        });
        drop(to);
        let users = [0, 1, 2].map(|seed| {
            let from = from.clone();
            gort::go(async move {
                let mut chance = Chance::new(100 + seed);
                let mut seen = 0;
                while let Some(mut timer) = from.next().await {
                    seen += 1;
                    match chance.below(4) {
                        0 => drop(timer),
                        1 => drop(attempt(2, timer).await),
                        2 => {
                            let deadline = Instant::now() + short(&mut chance);
                            timer.as_mut().reset(deadline);
                            timer.await;
                            assert!(Instant::now() >= deadline, "too early");
                        }
                        _ => {
                            let deadline = timer.deadline();
                            timer.await;
                            assert!(Instant::now() >= deadline, "too early");
                        }
                    }
                }
                seen
            })
        });
        for maker in makers {
            maker.await.unwrap();
        }
        let mut seen = 0;
        for user in users {
            seen += user.await.unwrap();
        }
        assert_eq!(seen, 3 * EACH);
    });
}

/// Timeouts that fire and timeouts that do not, around operations that others complete.
pub(crate) fn timeouts_and_what_they_bound() {
    const EACH: usize = 500;
    runtime(WORKERS).run(async {
        let (to, from) = gort::chan::<Box<usize>>(0);
        let senders = [0, 1, 2].map(|seed| {
            let to = to.clone();
            gort::go(async move {
                let mut chance = Chance::new(seed);
                let mut sent = 0;
                for i in 0..EACH {
                    if let Ok(outcome) = timeout(short(&mut chance), to.send(Box::new(i))).await {
                        outcome.unwrap();
                        sent += 1;
                    }
                }
                sent
            })
        });
        drop(to);
        let receivers = [0, 1].map(|seed| {
            let from = from.clone();
            gort::go(async move {
                let mut chance = Chance::new(100 + seed);
                let mut ticker = interval(Duration::from_millis(1));
                let mut received = 0;
                loop {
                    let patience = after(short(&mut chance));
                    select! {
                        v = from.next() => match v {
                            Some(_) => received += 1,
                            None => return received,
                        },
                        <-patience => {}
                        _ = ticker.tick() => {}
                    }
                }
            })
        });
        let (mut sent, mut received) = (0, 0);
        for sender in senders {
            sent += sender.await.unwrap();
        }
        for receiver in receivers {
            received += receiver.await.unwrap();
        }
        // A send that timed out may have been received all the same.
        assert!(sent <= received, "{sent} sent, {received} received");
        assert!(received <= 3 * EACH);
    });
}

//! Selects that meet in a ring, under random schedules.

use crate::chan::Chan;
use crate::select;
use crate::sys::sync::Arc;
use crate::sys::sync::atomic::{AtomicU32, Ordering};
use crate::wait::model::random::{check, go, perhaps};

const PLACES: usize = 3;
/// How many meetings end it.
const MEETINGS: u32 = 6;

/// What one place of the ring has sent and received.
#[derive(Debug, Default)]
struct Tally {
    sent: u32,
    received: u32,
}

/// Three selects in a ring: each receives from its own channel and sends to the next one's, so that
/// everybody may be claimed from both sides while it parks, and takes two locks that overlap with both
/// neighbours'. As long as all three are there, two of them can meet: nobody may be stuck. If some
/// `give_up` now and then, what they were handed and have not seen is with somebody else.
fn ring(capacity: usize, give_up: bool) {
    let channels: [Chan<u32>; PLACES] = std::array::from_fn(|_| Chan::new(capacity));
    let (met, stop) = (Arc::new(AtomicU32::new(0)), Chan::<()>::new(0));
    let places: Vec<_> = (0..PLACES)
        .map(|place| {
            let (mine, next) = (channels[place].clone(), channels[(place + 1) % PLACES].clone());
            let (met, stop) = (Arc::clone(&met), stop.clone());
            go(async move {
                let mut tally = Tally::default();
                loop {
                    let meet = async {
                        select! {
                            value = <-mine => Some(value),
                            next <- 1 => Some(0),
                            <-stop => None,
                        }
                    };
                    let met_now = if give_up { perhaps(meet).await } else { Some(meet.await) };
                    match met_now {
                        None => continue,
                        Some(None) => return tally,
                        Some(Some(0)) => tally.sent += 1,
                        Some(Some(value)) => {
                            tally.received += value;
                            // Whoever sees it: one that is to do it may not be scheduled again.
                            if met.fetch_add(1, Ordering::Relaxed) + 1 >= MEETINGS {
                                stop.try_close();
                            }
                        }
                    }
                }
            })
        })
        .collect();
    let tallies: Vec<_> = places.into_iter().map(|place| place.join().unwrap()).collect();
    let sent: u32 = tallies.iter().map(|tally| tally.sent).sum();
    let received: u32 = tallies.iter().map(|tally| tally.received).sum();
    let left: u32 =
        channels.iter().flat_map(|channel| std::iter::from_fn(|| channel.try_recv().ok())).sum();
    if give_up {
        // A send may have been taken and given up before it was known.
        assert!(sent <= received + left, "{tallies:?}, {left} left");
    } else {
        assert_eq!(sent, received + left, "{tallies:?}");
    }
}

#[test]
fn three_in_a_ring_unbuffered() {
    check(3_000, || ring(0, false));
}

#[test]
fn three_in_a_ring_buffered() {
    check(3_000, || ring(1, false));
}

#[test]
fn three_in_a_ring_who_give_up() {
    check(3_000, || ring(0, true));
    check(3_000, || ring(1, true));
}

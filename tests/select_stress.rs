//! Selects on several workers, some of which give up at any moment: every value arrives once.

mod common;

use common::{go, run};
use gort::task::yield_now;
use gort::{Receiver, chan, select};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

const CAPACITIES: [usize; 4] = [0, 1, 2, 8];

/// How often each value has arrived.
struct Seen(Vec<AtomicU32>);

impl Seen {
    fn note(&self, value: usize) {
        self.0[value].fetch_add(1, Ordering::Relaxed);
    }
}

async fn receive(rx: [Receiver<usize>; 4], seen: Arc<Seen>) {
    loop {
        select! {
            Some(v) = rx[0].next() => seen.note(v),
            Some(v) = rx[1].next() => seen.note(v),
            Some(v) = rx[2].next() => seen.note(v),
            Some(v) = rx[3].next() => seen.note(v),
            else => return,
        }
    }
}

/// Polls a select a few times and drops it, again and again, until `stop` is closed.
async fn give_up(rx: [Receiver<usize>; 4], stop: Receiver<()>, seen: Arc<Seen>) {
    for round in 0.. {
        if stop.is_closed() {
            return;
        }
        let mut parked = pin!(async {
            select! {
                Some(v) = rx[round % 4].next() => Some(v),
                v, ok = <-rx[(round + 1) % 4] => ok.then_some(v),
                v, ok = <-rx[(round + 2) % 4] => ok.then_some(v),
                <-stop => None,
            }
        });
        for _ in 0..round % 3 + 1 {
            let polled = poll_fn(|cx| Poll::Ready(parked.as_mut().poll(cx))).await;
            if let Poll::Ready(value) = polled {
                value.into_iter().for_each(|value| seen.note(value));
                break;
            }
            yield_now().await;
        }
        yield_now().await;
    }
}

#[test]
fn values_arrive_once_while_selects_come_and_go() {
    const EACH: usize = 5_000;
    let seen = Arc::new(Seen((0..8 * EACH).map(|_| AtomicU32::new(0)).collect()));
    let end = seen.clone();
    run(async move {
        let (ends, starts): (Vec<_>, Vec<_>) = CAPACITIES.map(chan::<usize>).into_iter().unzip();
        let starts: [Receiver<usize>; 4] = starts.try_into().unwrap();
        let (stop, stopped) = chan::<()>(0);
        let quitters: Vec<_> =
            (0..3).map(|_| go(give_up(starts.clone(), stopped.clone(), seen.clone()))).collect();
        let receivers: Vec<_> = (0..3).map(|_| go(receive(starts.clone(), seen.clone()))).collect();
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (one, other) = (ends[sender % 4].clone(), ends[(sender + 1) % 4].clone());
                go(async move {
                    for i in 0..EACH {
                        let (value, mut same) = (sender * EACH + i, Some(sender * EACH + i));
                        select! {
                            r = one <- value => r.unwrap(),
                            r = other <- &mut same => r.unwrap(),
                        }
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.unwrap();
        }
        // What the quitters may still hold goes back before the channels end.
        stop.close();
        for quitter in quitters {
            quitter.await.unwrap();
        }
        drop(ends);
        for receiver in receivers {
            receiver.await.unwrap();
        }
    });
    let wrong = end.0.iter().filter(|count| count.load(Ordering::Relaxed) != 1).count();
    assert_eq!(wrong, 0);
}

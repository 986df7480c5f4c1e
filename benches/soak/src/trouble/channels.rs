//! Producers and consumers on two channels, all of whom give up now and then.

use super::{attempt, micros, start};
use crate::demand;
use crate::ledger::{Ledger, Message};
use fastrand::Rng;
use gort::chan::{SendError, TryRecvError};
use gort::task::spawn_blocking;
use gort::time::{sleep, timeout};
use gort::{Receiver, Sender, chan, select};
use std::sync::Arc;

const CAPACITIES: [usize; 5] = [0, 1, 2, 8, 128];

type Ends = [Sender<Message>; 2];
type Starts = [Receiver<Message>; 2];

/// Notes what a send came to. False: nobody receives any more.
fn note(ledger: &Ledger, id: usize, outcome: Option<Result<(), SendError<Message>>>) -> bool {
    match outcome {
        Some(Ok(())) => ledger.sent(id),
        Some(Err(SendError(message))) => {
            demand!(message.id() == id, "message {} came back for {id}", message.id());
            message.returned();
            return false;
        }
        None => {}
    }
    true
}

/// Sends one message in one of many ways. False: nobody receives any more.
async fn send_one(rng: &mut Rng, ends: &Ends, ledger: &Arc<Ledger>) -> bool {
    let message = ledger.message();
    let id = message.id();
    let end = &ends[rng.usize(0..2)];
    match rng.u8(0..32) {
        0..=7 => note(ledger, id, Some(end.send(message).await)),
        8..=15 => note(ledger, id, attempt(rng.usize(1..4), end.send(message)).await),
        16..=19 => {
            let limited = timeout(micros(rng, 2_000), end.send(message)).await;
            note(ledger, id, limited.ok())
        }
        20..=23 => {
            match end.try_send(message) {
                Ok(()) => ledger.sent(id),
                Err(error) => error.into_inner().rejected(),
            }
            true
        }
        24..=26 => {
            let (other, mut same) = (ledger.message(), Some(message));
            let other_id = other.id();
            select! {
                r = ends[0] <- &mut same => note(ledger, id, Some(r)),
                r = ends[1] <- other => note(ledger, other_id, Some(r)),
            }
        }
        27..=30 => select! {
            r = end <- message => note(ledger, id, Some(r)),
            default => true,
        },
        _ => {
            let end = end.clone();
            let sent = spawn_blocking(move || end.blocking_send(message)).await;
            note(ledger, id, sent.ok())
        }
    }
}

/// Receives once in one of many ways from those of the channels that are open; marks those that are
/// not. True: something was received.
async fn receive_one(rng: &mut Rng, starts: &Starts, open: &mut [bool; 2]) -> bool {
    let i = rng.usize(0..2);
    let received = match rng.u8(0..8) {
        0..=2 => select! {
            m = starts[0].next(), if open[0] => { open[0] = m.is_some(); m }
            m = starts[1].next(), if open[1] => { open[1] = m.is_some(); m }
        },
        3..=4 => match attempt(rng.usize(1..4), starts[i].next()).await {
            Some(m) => {
                open[i] = m.is_some();
                m
            }
            None => None,
        },
        5 => match timeout(micros(rng, 2_000), starts[i].next()).await {
            Ok(m) => {
                open[i] = m.is_some();
                m
            }
            Err(_) => None,
        },
        6 => starts[i].try_recv().ok(),
        _ => {
            let one = async {
                select! {
                    m = starts[0].next(), if open[0] => m,
                    m = starts[1].next(), if open[1] => m,
                }
            };
            attempt(rng.usize(1..4), one).await.flatten()
        }
    };
    received.map(Message::received).is_some()
}

async fn consume(mut rng: Rng, starts: Starts, most: usize) {
    let (mut open, mut count) = ([true; 2], 0);
    while open.contains(&true) && count < most {
        count += usize::from(receive_one(&mut rng, &starts, &mut open).await);
    }
}

/// Two channels. `kept`: some consumers stay to the end, so that everything sent must arrive; else
/// they leave early, one after the other.
pub async fn mesh(mut rng: Rng, kept: bool) {
    let (producers, consumers) = (rng.usize(1..6), rng.usize(2..6));
    let each = rng.usize(50..400);
    let ledger = Ledger::new("message", 2 * producers * each);
    let (end_a, start_a) = chan(CAPACITIES[rng.usize(0..CAPACITIES.len())]);
    let (end_b, start_b) = chan(CAPACITIES[rng.usize(0..CAPACITIES.len())]);
    let starts = [start_a, start_b];
    let receivers: Vec<_> = (0..consumers)
        .map(|_| {
            let most = if kept { usize::MAX } else { rng.usize(0..producers * each) };
            start(consume(rng.fork(), starts.clone(), most))
        })
        .collect();
    let senders: Vec<_> = (0..producers)
        .map(|_| {
            let (mut rng, ledger) = (rng.fork(), Arc::clone(&ledger));
            let ends = [end_a.clone(), end_b.clone()];
            start(async move {
                for _ in 0..each {
                    if !send_one(&mut rng, &ends, &ledger).await {
                        return;
                    }
                }
            })
        })
        .collect();
    drop((end_a, end_b));
    let rest = kept.then_some(starts);
    // Never the first of either, or nobody would be left to come to an end.
    for task in senders.iter().skip(1).chain(receivers.iter().skip(1)) {
        if rng.u8(0..6) == 0 {
            let (delay, abort) = (micros(&mut rng, 5_000), task.abort_handle());
            start(async move {
                sleep(delay).await;
                abort.abort();
            });
        }
    }
    for task in senders.into_iter().chain(receivers) {
        if let Err(error) = task.await {
            demand!(error.is_cancelled(), "a producer or consumer: {error}");
        }
    }
    // What an aborted consumer had been handed went back.
    for start in rest.into_iter().flatten() {
        loop {
            match start.try_recv() {
                Ok(message) => message.received(),
                Err(TryRecvError::Closed) => break,
                Err(error) => {
                    demand!(false, "a channel without senders: {error}");
                    break;
                }
            }
        }
    }
    ledger.settle(!kept).await;
}

//! Channels and selects.

use super::util::{Chance, Ledger, Token, WORKERS, attempt, runtime};
use gort::chan::TryRecvError;
use gort::{Receiver, Select, Sender, chan, select};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

/// Receives until the channel has ended, now and then by a receive that is given up.
async fn receive(rx: Receiver<Token>, seed: usize) {
    let mut chance = Chance::new(seed);
    loop {
        let received = match chance.below(3) {
            0 => rx.next().await,
            polls => match attempt(polls, rx.next()).await {
                Some(received) => received,
                None => continue,
            },
        };
        match received {
            Some(token) => token.arrive(),
            None => return,
        }
    }
}

/// Sends `count` tokens, now and then by a send that is given up, and returns which were sent.
async fn send(tx: Sender<Token>, ledger: Arc<Ledger>, count: usize, seed: usize) -> Vec<usize> {
    let mut chance = Chance::new(seed);
    let mut sent = Vec::new();
    for _ in 0..count {
        let token = ledger.token();
        let number = token.number();
        let outcome = match chance.below(3) {
            0 => Some(tx.send(token).await),
            polls => attempt(polls, tx.send(token)).await,
        };
        match outcome {
            Some(Ok(())) => sent.push(number),
            Some(Err(_)) => panic!("there are receivers"),
            None => {}
        }
    }
    sent
}

pub(crate) fn values_through_all_capacities_with_cancels() {
    const EACH: usize = 1_500;
    for capacity in [0, 1, 128] {
        let ledger = Ledger::new(4 * EACH);
        let book = Arc::clone(&ledger);
        let sent = runtime(WORKERS).run(async move {
            let (tx, rx) = chan(capacity);
            let receivers: Vec<_> = (0..4).map(|i| gort::go(receive(rx.clone(), i))).collect();
            drop(rx);
            let senders: Vec<_> = (0..4)
                .map(|i| gort::go(send(tx.clone(), Arc::clone(&book), EACH, 100 + i)))
                .collect();
            drop(tx);
            let mut sent = Vec::new();
            for sender in senders {
                sent.extend(sender.await.unwrap());
            }
            for receiver in receivers {
                receiver.await.unwrap();
            }
            sent
        });
        ledger.assert_settled(sent);
    }
}

/// One side of a crossing: each round is one receive from `rx` or one send to `tx`.
async fn cross(rx: Receiver<Token>, tx: Sender<Token>, ledger: Arc<Ledger>, rounds: usize) {
    for round in 0..rounds {
        let mut token = Some(ledger.token());
        let mut done = false;
        while !done {
            let one = async {
                select! {
                    Some(token) = rx.next() => token.arrive(),
                    r = tx <- &mut token => assert!(r.is_ok()),
                }
            };
            done = match round % 3 {
                0 => {
                    one.await;
                    true
                }
                // Given up, but the token may have been taken before that.
                polls => attempt(polls, one).await.is_some() || token.is_none(),
            };
        }
    }
}

/// A: receive from x or send to y; B: receive from y or send to x. Each pairing is one of A's rounds
/// and one of B's.
pub(crate) fn selects_across_two_channels() {
    const ROUNDS: usize = 800;
    const PAIRS: usize = 3;
    let ledger = Ledger::new(2 * PAIRS * ROUNDS);
    let book = Arc::clone(&ledger);
    runtime(WORKERS).run(async move {
        let ((to_x, x), (to_y, y)) = (chan(0), chan(0));
        let sides: Vec<_> = (0..PAIRS)
            .flat_map(|_| [(x.clone(), to_y.clone()), (y.clone(), to_x.clone())])
            .map(|(rx, tx)| gort::go(cross(rx, tx, Arc::clone(&book), ROUNDS)))
            .collect();
        for side in sides {
            side.await.unwrap();
        }
    });
    ledger.assert_settled([]);
    assert_eq!(ledger.arrivals(), PAIRS * ROUNDS);
}

/// Receives from whichever of `inputs` has something, with the select that is built at run time.
async fn drain(inputs: [Receiver<Token>; 3], seed: usize) {
    let mut chance = Chance::new(seed);
    let mut open: Vec<_> = inputs.into();
    while !open.is_empty() {
        let mut which = Select::new();
        for input in &open {
            which.next(input, |token| token);
        }
        match attempt(chance.below(4) + 1, which.wait()).await {
            Some((_, Some(token))) => token.arrive(),
            Some((index, None)) => drop(open.swap_remove(index)),
            None => {}
        }
    }
}

pub(crate) fn selects_over_many_channels_with_cancels() {
    const EACH: usize = 800;
    let ledger = Ledger::new(6 * EACH);
    let book = Arc::clone(&ledger);
    let sent = runtime(WORKERS).run(async move {
        let (ends, starts): (Vec<_>, Vec<_>) = [0, 1, 8].map(chan).into_iter().unzip();
        let starts: [Receiver<Token>; 3] = starts.try_into().unwrap();
        let receivers: Vec<_> = (0..4).map(|i| gort::go(drain(starts.clone(), i))).collect();
        drop(starts);
        let senders: Vec<_> = (0..6)
            .map(|i| gort::go(send(ends[i % 3].clone(), Arc::clone(&book), EACH, 100 + i)))
            .collect();
        drop(ends);
        let mut sent = Vec::new();
        for sender in senders {
            sent.extend(sender.await.unwrap());
        }
        for receiver in receivers {
            receiver.await.unwrap();
        }
        sent
    });
    ledger.assert_settled(sent);
}

/// The last end of a side goes while the other side is at work: what was sent arrives, or is dropped
/// with the channel, or comes back.
pub(crate) fn ends_come_and_go() {
    const ROUNDS: usize = 800;
    let ledger = Ledger::new(ROUNDS * 8);
    let book = Arc::clone(&ledger);
    runtime(WORKERS).run(async move {
        for round in 0..ROUNDS {
            let (tx, rx) = chan(round % 3);
            let senders = [0, 1].map(|_| {
                let (tx, book) = (tx.clone(), Arc::clone(&book));
                gort::go(async move {
                    for _ in 0..4 {
                        let token = book.token();
                        let number = token.number();
                        if let Err(back) = tx.send(token).await {
                            assert_eq!(back.0.number(), number);
                        }
                    }
                })
            });
            let receivers = [0, 1].map(|_| {
                let rx = rx.clone();
                gort::go(async move {
                    for _ in 0..round % 5 {
                        rx.next().await.into_iter().for_each(Token::arrive);
                    }
                })
            });
            let watch = gort::go({
                let tx = tx.clone();
                async move { tx.closed().await }
            });
            drop((tx, rx));
            for task in senders.into_iter().chain(receivers).chain([watch]) {
                task.await.unwrap();
            }
        }
    });
    ledger.assert_settled([]);
}

/// Keeps a receive that it does not poll again while it waits for another one, over and over.
async fn neglect(rx: Receiver<Token>) {
    loop {
        let mut kept = Box::pin(rx.next());
        let polled = poll_fn(|cx| Poll::Ready(kept.as_mut().poll(cx))).await;
        let token = match polled {
            Poll::Ready(token) => token,
            // Whatever `kept` was handed meanwhile must not be missing here.
            Poll::Pending => rx.next().await,
        };
        match token {
            Some(token) => token.arrive(),
            None => return,
        }
    }
}

pub(crate) fn matches_that_nobody_collects() {
    const EACH: usize = 1_500;
    for capacity in [0, 1] {
        let ledger = Ledger::new(3 * EACH);
        let book = Arc::clone(&ledger);
        let sent = runtime(WORKERS).run(async move {
            let (tx, rx) = chan(capacity);
            let receivers = [0, 1, 2].map(|_| gort::go(neglect(rx.clone())));
            let senders =
                [0, 1, 2].map(|i| gort::go(send(tx.clone(), Arc::clone(&book), EACH, 100 + i)));
            drop(tx);
            let mut sent = Vec::new();
            for sender in senders {
                sent.extend(sender.await.unwrap());
            }
            for receiver in receivers {
                receiver.await.unwrap();
            }
            // Given back by a receive that was kept when the channel ended.
            loop {
                match rx.try_recv() {
                    Ok(token) => token.arrive(),
                    Err(TryRecvError::Closed) => return sent,
                    Err(other) => panic!("{other}"),
                }
            }
        });
        ledger.assert_settled(sent);
    }
}

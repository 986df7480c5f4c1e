//! Channels with more senders and receivers than loom can follow, under random schedules.

use super::{Receiver, chan};
use crate::sys::choose::choose;
use crate::wait::model::random::{check, go, perhaps};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Who sent it, and which of the sender's it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    sender: usize,
    number: usize,
}

const SENDERS: usize = 4;
const RECEIVERS: usize = 4;
const EACH: usize = 3;

/// Polls the future in `kept`, if there is one, once, and takes it out if it is ready.
async fn look<F: Future + Unpin>(kept: &mut Option<F>) -> Option<F::Output> {
    let output = poll_fn(|cx| {
        Poll::Ready(match kept.as_mut().map(|future| Pin::new(future).poll(cx)) {
            Some(Poll::Ready(output)) => Some(output),
            Some(Poll::Pending) | None => None,
        })
    })
    .await?;
    *kept = None;
    Some(output)
}

/// Receives until the end, and never gives up.
async fn receive(rx: Receiver<Item>) -> Vec<Item> {
    let mut got = Vec::new();
    while let Some(item) = rx.next().await {
        got.push(item);
    }
    got
}

/// Receives until the end, gives up now and then, and now and then keeps a receive without polling it
/// while it awaits another.
async fn receive_restlessly(rx: Receiver<Item>) -> Vec<Item> {
    let mut got = Vec::new();
    loop {
        let mut kept = (choose(3) == 0).then(|| Box::pin(rx.next()));
        got.extend(look(&mut kept).await.flatten());
        match perhaps(rx.next()).await {
            Some(Some(item)) => got.push(item),
            Some(None) => {
                // If it is dropped with an item now, nobody comes for that any more.
                got.extend(look(&mut kept).await.flatten());
                return got;
            }
            None => {}
        }
    }
}

/// Four send and give up now and then, four receive. What was sent is received once, what was not is
/// dropped, and nobody waits for ever. Returns what each of the receivers got.
fn four_by_four<F>(capacity: usize, receive: fn(Receiver<Item>) -> F) -> Vec<Vec<Item>>
where
    F: Future<Output = Vec<Item>> + Send + 'static,
{
    let (tx, rx) = chan::<Item>(capacity);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let tx = tx.clone();
            go(async move {
                let mut sent = Vec::new();
                for number in 0..EACH {
                    let item = Item { sender, number };
                    if perhaps(tx.send(item)).await.is_some_and(|sent| sent.is_ok()) {
                        sent.push(item);
                    }
                }
                sent
            })
        })
        .collect();
    drop(tx);
    let receivers: Vec<_> = (0..RECEIVERS).map(|_| go(receive(rx.clone()))).collect();
    drop(rx);
    let sent: Vec<_> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    let got: Vec<_> = receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect();
    let mut all = got.concat();
    assert!(sent.iter().all(|item| all.contains(item)), "{sent:?} were sent, {all:?} received");
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "received twice: {all:?}");
    got
}

/// Nobody who receives gives up: then each sees every sender's items in their order.
fn in_order(capacity: usize) {
    for got in four_by_four(capacity, receive) {
        for sender in 0..SENDERS {
            assert!(got.iter().filter(|item| item.sender == sender).is_sorted(), "{got:?}");
        }
    }
}

#[test]
fn four_by_four_in_order() {
    check(3_000, || in_order(0));
    check(3_000, || in_order(1));
    check(3_000, || in_order(3));
}

#[test]
fn four_by_four_who_give_up() {
    check(3_000, || drop(four_by_four(0, receive_restlessly)));
    check(3_000, || drop(four_by_four(1, receive_restlessly)));
    check(3_000, || drop(four_by_four(3, receive_restlessly)));
}

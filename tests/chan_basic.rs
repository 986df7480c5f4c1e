//! What channels do beyond Go's: ends that are dropped, conversions, errors. Without a runtime: futures
//! polled by hand. (Go's own cases are in `go_chan.rs`.)

mod common;

use common::{Polled, flag};
use gort::chan::{SendError, TryRecvError, TrySendError};
use gort::{Chan, Receiver, Sender, chan};

#[test]
fn nobody_gets_in_front_of_a_waiter() {
    let (tx, rx) = chan(1);
    tx.try_send(1).unwrap();
    let mut waiting = Polled::new(tx.send(2));
    assert!(waiting.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)), "2 has taken the room");
    assert_eq!(rx.try_recv(), Ok(2));

    let mut first = Polled::new(rx.recv());
    assert!(first.poll().is_pending());
    tx.try_send(4).unwrap();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "4 is the first one's");
    assert_eq!(first.ready(), 4);
}

#[test]
fn the_last_sending_handle_closes() {
    let (tx, rx) = chan(1);
    let second = tx.clone();
    let mut recv = Polled::new(rx.next());
    assert!(recv.poll().is_pending());
    drop(tx);
    assert!(!rx.is_closed() && recv.poll().is_pending());
    second.try_send(1).unwrap();
    drop(second);
    assert!(rx.is_closed());
    assert_eq!(recv.ready(), Some(1));
    assert_eq!(Polled::new(rx.next()).ready(), None);
}

#[test]
fn a_chan_is_a_sender_and_a_receiver() {
    let ch = Chan::<i32>::new(1);
    let (tx, rx) = (ch.tx(), ch.rx());
    drop((tx, rx));
    assert!(!ch.is_closed());
    let tx = ch.tx();
    let rx = Receiver::from(ch);
    drop(tx);
    assert!(rx.is_closed(), "turned into a receiver, it sends no more");

    let ch = Chan::new(1);
    let tx = Sender::from(ch);
    assert!(tx.is_closed(), "turned into a sender, it receives no more");
    assert_eq!(Polled::new(tx.send(1)).ready(), Err(SendError(1)));
}

#[test]
fn the_last_receiving_handle_gives_senders_their_values_back() {
    let (tx, rx) = chan(1);
    let queued = flag();
    tx.try_send(queued.clone()).unwrap();
    let mut waiting = Polled::new(tx.send(flag()));
    let mut closed = Polled::new(tx.closed());
    assert!(waiting.poll().is_pending() && closed.poll().is_pending());
    let second = rx.clone();
    drop(rx);
    assert!(!tx.is_closed() && waiting.poll().is_pending() && closed.poll().is_pending());
    drop(second);
    assert_eq!(queued.alive(), 1, "what was queued is dropped at once");
    assert_eq!((waiting.wakes(), closed.wakes()), (1, 1));
    assert!(waiting.ready().is_err());
    closed.ready();
    assert!(tx.is_closed() && tx.is_empty());
    assert!(Polled::new(tx.send(queued.clone())).ready().is_err(), "no panic");
    assert!(matches!(tx.try_send(flag()), Err(TrySendError::Disconnected(_))));
    tx.close();
}

#[test]
fn closed_completes_on_close() {
    let (tx, _rx) = chan::<i32>(0);
    let mut closed = Polled::new(tx.closed());
    assert!(closed.poll().is_pending());
    tx.close();
    assert_eq!(closed.wakes(), 1);
    closed.ready();
    Polled::new(tx.closed()).ready();
}

#[test]
fn errors_are_errors_of_any_value() {
    struct Opaque;
    fn text(error: &dyn std::error::Error) -> (String, String) {
        (error.to_string(), format!("{error:?}"))
    }
    let full = text(&TrySendError::Full(Opaque));
    assert_eq!(full, ("send on a full channel".into(), "Full(..)".into()));
    assert_eq!(text(&TrySendError::Closed(Opaque)).0, "send on closed channel");
    assert_eq!(text(&SendError(Opaque)).0, "send on a channel without receivers");
    assert_eq!(text(&TryRecvError::Empty).0, "receive from an empty channel");
    assert!(TrySendError::Full(1).is_full());
    assert_eq!(TrySendError::Disconnected(1).into_inner(), 1);
}

#[test]
fn debug_says_what_it_is() {
    let ch = Chan::new(2);
    ch.try_send(1).unwrap();
    let text = format!("{:?}", ch.tx());
    assert_eq!(text, "Sender(Some(Channel { len: 1, capacity: 2, closed: false }))");
    assert_eq!(format!("{:?}", Chan::<i32>::nil()), "Chan(None)");
}

#[test]
fn handles_and_futures_travel() {
    fn travels<T: Send + Sync + Unpin + std::panic::UnwindSafe>(_: &T) {}
    fn is_send<T: Send + Sync>(_: &T) {}
    let (tx, rx) = chan::<i32>(0);
    travels(&tx);
    travels(&rx);
    travels(&Chan::<i32>::nil());
    is_send(&tx.send(1));
    is_send(&rx.recv());
    is_send(&tx.closed());
    is_send(&rx.stream());
    is_send(&tx.sink());
}

#[test]
fn blocking_ends_meet_across_threads() {
    for capacity in [0, 1, 10] {
        let (tx, rx) = chan(capacity);
        let producer = std::thread::spawn(move || {
            for i in 0..1000 {
                tx.blocking_send(i).unwrap();
            }
        });
        let received: Vec<_> = std::iter::from_fn(|| rx.blocking_recv()).collect();
        producer.join().unwrap();
        assert!(received.into_iter().eq(0..1000));
    }
    let ch = Chan::new(1);
    ch.blocking_send(5);
    assert_eq!(ch.blocking_recv(), Some(5));
    let (tx, rx) = chan(0);
    drop(rx);
    assert_eq!(tx.blocking_send(1), Err(SendError(1)));
}

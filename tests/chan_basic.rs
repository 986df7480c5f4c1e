//! Channels, operation by operation, without a runtime: futures polled by hand.

mod common;

use common::{Polled, flag};
use gort::chan::{SendError, TryRecvError, TrySendError};
use gort::{Chan, Receiver, Sender, chan};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of the panic that `f` ends with.
#[track_caller]
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("no panic");
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .expect("a text")
}

#[test]
fn c021_makechan_size_out_of_range() {
    assert_eq!(panic_of(|| Chan::<u8>::new(usize::MAX)), "makechan: size out of range");
    assert_eq!(panic_of(|| chan::<u64>(1 << 60)), "makechan: size out of range");
    assert_eq!(panic_of(|| chan::<()>(usize::MAX)), "makechan: size out of range");
    assert_eq!(chan::<u8>(1 << 40).0.capacity(), 1 << 40, "takes no memory yet");
}

#[test]
fn c022_len_and_cap() {
    let nil = Chan::<i32>::nil();
    assert_eq!((nil.len(), nil.capacity()), (0, 0));
    let unbuffered = Chan::<i32>::new(0);
    assert_eq!((unbuffered.len(), unbuffered.capacity()), (0, 0));
    let three = Chan::new(3);
    three.try_send(1).unwrap();
    three.try_send(2).unwrap();
    assert_eq!((three.len(), three.capacity()), (2, 3));
    assert_eq!((three.tx().len(), three.rx().capacity()), (2, 3));
    assert!(!three.is_empty());
}

#[test]
fn c023_empty_full_and_nil_wait() {
    let (tx, rx) = chan(1);
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    drop(recv);
    tx.try_send(1).unwrap();
    let mut send = Polled::new(tx.send(2));
    assert!(send.poll().is_pending());
    drop(send);
    assert_eq!(rx.len(), 1);

    let nil = Chan::<i32>::default();
    let (mut send, mut recv) = (Polled::new(nil.send(1)), Polled::new(nil.recv()));
    let mut next = Polled::new(nil.next());
    for _ in 0..3 {
        assert!(send.poll().is_pending() && recv.poll().is_pending() && next.poll().is_pending());
    }
    assert!(Polled::new(nil.closed()).poll().is_pending());
    assert!(nil.is_nil() && !nil.is_closed() && !nil.try_close());
}

#[test]
fn c024_try_leaves_a_channel_that_is_not_ready_unchanged() {
    let (tx, rx) = chan(1);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(tx.try_send(1), Ok(()));
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(rx.len(), 1);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));

    let (tx, rx) = chan(0);
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    assert_eq!(tx.try_send(2), Ok(()));
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)), "the receiver is taken");
    assert_eq!(recv.ready(), 2);

    let nil = Chan::nil();
    assert_eq!(nil.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(nil.try_send(7), Err(TrySendError::Full(7)));
}

#[test]
fn c025_closed_is_drained_then_yields_zero_for_ever() {
    let ch = Chan::new(2);
    ch.try_send(1).unwrap();
    ch.try_send(2).unwrap();
    ch.close();
    assert_eq!(Polled::new(ch.recv_ok()).ready(), (1, true));
    assert_eq!(Polled::new(ch.recv_ok()).ready(), (2, true));
    for _ in 0..3 {
        assert_eq!(Polled::new(ch.recv_ok()).ready(), (0, false));
        assert_eq!(Polled::new(ch.recv()).ready(), 0);
        assert_eq!(Polled::new(ch.next()).ready(), None);
        assert_eq!(ch.try_recv(), Err(TryRecvError::Closed));
    }
}

#[test]
fn c026_send_on_closed_panics_and_drops_the_value() {
    let ch = Chan::new(1);
    let tx = ch.tx();
    ch.close();
    let value = flag();
    assert_eq!(panic_of(|| Polled::new(ch.send(value.clone())).poll()), "send on closed channel");
    assert_eq!(panic_of(|| Polled::new(tx.send(value.clone())).poll()), "send on closed channel");
    assert_eq!(value.alive(), 1);
    assert!(matches!(ch.try_send(value.clone()), Err(TrySendError::Closed(_))));
    assert!(ch.is_empty(), "the channel works on");
    assert!(Polled::new(ch.next()).ready().is_none());
}

#[test]
fn c027_close_twice_and_close_nil() {
    let ch = Chan::<i32>::new(0);
    ch.close();
    assert!(ch.is_closed());
    assert_eq!(panic_of(|| ch.close()), "close of closed channel");
    assert_eq!(panic_of(|| ch.tx().close()), "close of closed channel");
    assert!(!ch.try_close());
    assert_eq!(panic_of(|| Chan::<i32>::nil().close()), "close of nil channel");
    assert_eq!(panic_of(|| Sender::<i32>::nil().close()), "close of nil channel");
    let other = Chan::<i32>::new(0);
    assert!(other.try_close() && other.is_closed());
}

#[test]
fn c028_close_wakes_every_receiver_once() {
    let ch = Chan::<i32>::new(0);
    let mut waiting: Vec<_> = (0..40).map(|_| Polled::new(ch.recv_ok())).collect();
    assert!(waiting.iter_mut().all(|recv| recv.poll().is_pending()));
    ch.close();
    for recv in &mut waiting {
        assert_eq!(recv.wakes(), 1);
        assert_eq!(recv.ready(), (0, false));
    }
}

#[test]
fn c029_c030_close_makes_every_waiting_sender_panic_and_loses_its_value() {
    for capacity in [0, 2] {
        let (tx, rx) = chan(capacity);
        let value = flag();
        (0..capacity).for_each(|_| tx.try_send(value.clone()).unwrap());
        let mut waiting: Vec<_> = (0..5).map(|_| Polled::new(tx.send(value.clone()))).collect();
        assert!(waiting.iter_mut().all(|send| send.poll().is_pending()));
        tx.close();
        for send in &mut waiting {
            assert_eq!(send.wakes(), 1);
            assert_eq!(panic_of(|| send.poll()), "send on closed channel");
        }
        assert_eq!(value.alive(), 1 + capacity, "values of waiting senders are gone");
        for _ in 0..capacity {
            assert!(Polled::new(rx.next()).ready().is_some());
        }
        assert!(Polled::new(rx.next()).ready().is_none());
    }
}

#[test]
fn c031_the_ith_waiting_receiver_gets_the_ith_value() {
    for capacity in [0, 3] {
        let (tx, rx) = chan(capacity);
        let mut waiting: Vec<_> = (0..10).map(|_| Polled::new(rx.recv())).collect();
        assert!(waiting.iter_mut().all(|recv| recv.poll().is_pending()));
        for i in 0..10 {
            assert_eq!(Polled::new(tx.send(i)).ready(), Ok(()), "handed over at once");
        }
        assert_eq!(tx.len(), 0);
        for (i, recv) in waiting.iter_mut().enumerate().rev() {
            assert_eq!((recv.wakes(), recv.ready()), (1, i));
        }
    }
}

#[test]
fn c032_waiting_senders_are_admitted_in_order() {
    for capacity in [0, 3] {
        let (tx, rx) = chan(capacity);
        let mut waiting: Vec<_> = (0..10).map(|i| Polled::new(tx.send(i))).collect();
        for (i, send) in waiting.iter_mut().enumerate() {
            assert_eq!(send.poll().is_pending(), i >= capacity);
        }
        for i in 0..10 {
            assert_eq!(Polled::new(rx.recv()).ready(), i);
        }
        for send in &mut waiting[capacity..] {
            assert_eq!((send.wakes(), send.ready()), (1, Ok(())));
        }
    }
}

#[test]
fn c033_a_receive_from_a_full_buffer_admits_one_sender() {
    let (tx, rx) = chan(2);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let (mut third, mut fourth) = (Polled::new(tx.send(3)), Polled::new(tx.send(4)));
    assert!(third.poll().is_pending() && fourth.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.len(), 2);
    assert_eq!((third.wakes(), fourth.wakes()), (1, 0));
    assert_eq!(third.ready(), Ok(()));
    assert!(fourth.poll().is_pending());
    assert_eq!([rx.try_recv(), rx.try_recv(), rx.try_recv()], [Ok(2), Ok(3), Ok(4)]);
    assert_eq!(fourth.ready(), Ok(()));
}

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
fn c039_zero_sized_values_are_counted() {
    let (tx, rx) = chan(3);
    (0..3).for_each(|_| tx.try_send(()).unwrap());
    assert_eq!(tx.len(), 3);
    assert_eq!(tx.try_send(()), Err(TrySendError::Full(())));
    (0..3).for_each(|_| rx.try_recv().unwrap());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

#[test]
#[expect(clippy::mutable_key_type, reason = "a channel's identity never changes")]
fn c040_handles_compare_by_channel() {
    let ch = Chan::<i32>::new(0);
    let (tx, rx) = (ch.tx(), ch.rx());
    assert!(ch == tx && tx == rx && rx == ch && ch == ch.clone());
    let other = Chan::<i32>::new(0);
    assert!(ch != other && tx != other.rx());
    assert!(Chan::<i32>::nil() == Receiver::nil() && ch != Chan::nil());
    let names = HashMap::from([(ch.clone(), "ch"), (other, "other")]);
    assert_eq!(names[&ch], "ch");
    assert!(Chan::<()>::new(0) != Chan::<()>::new(0));
    let (sender, receiver): (Sender<_>, Receiver<_>) = ((&ch).into(), ch.clone().into());
    assert!(sender == receiver);
}

#[test]
fn c042_next_ends_when_closed() {
    let ch = Chan::new(3);
    (0..3).for_each(|i| ch.try_send(i).unwrap());
    ch.close();
    let mut seen = Vec::new();
    while let Some(i) = Polled::new(ch.next()).ready() {
        seen.push(i);
    }
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn c046_closed_is_always_ready() {
    let ch = Chan::<i32>::new(0);
    ch.close();
    assert!((0..1000).all(|_| ch.try_recv() == Err(TryRecvError::Closed)));
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

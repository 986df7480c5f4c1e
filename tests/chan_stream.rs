//! Channels as `Stream` and `Sink`, and what their futures say of themselves, polled by hand.

mod common;

use common::{Polled, flag};
use futures::future::FusedFuture;
use futures::stream::{FusedStream, Stream};
use futures::{SinkExt, StreamExt};
use gort::chan::SendError;
use gort::{Chan, Receiver, Sender, chan};
use std::pin::pin;
use std::task::Poll;

#[test]
fn a_stream_yields_in_order_and_ends() {
    let (tx, rx) = chan(2);
    let mut stream = rx.stream();
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    drop(tx);
    assert_eq!(Polled::new(stream.next()).ready(), Some(1));
    assert_eq!(Polled::new(stream.next()).ready(), Some(2));
    assert!(!stream.is_terminated());
    assert_eq!(Polled::new(stream.next()).ready(), None);
    assert!(stream.is_terminated());
    assert_eq!(Polled::new(stream.next()).ready(), None);
}

#[test]
fn a_stream_promises_no_values_that_others_may_take() {
    let (tx, rx) = chan(2);
    let mut stream = rx.stream();
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    let (least, most) = stream.size_hint();
    assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(0), Ok(1)]);
    drop(tx);
    assert_eq!(Polled::new(stream.next()).ready(), None);
    assert_eq!((least, most), (0, None));
}

#[test]
fn a_waiting_stream_is_woken_by_a_value_a_waiting_sender_and_the_close() {
    for capacity in [0, 1] {
        let (tx, rx) = chan(capacity);
        let mut stream = rx.stream();
        let mut next = Polled::new(stream.next());
        assert!(next.poll().is_pending());
        assert!(next.poll().is_pending());
        let mut send = Polled::new(tx.send(1));
        assert_eq!(send.poll().is_pending(), capacity == 0, "a stream is not handed a value");
        assert_eq!(next.wakes(), 1);
        assert_eq!(next.ready(), Some(1));
        assert!(capacity == 1 || send.ready() == Ok(()));
        drop(next);
        let mut next = Polled::new(stream.next());
        assert!(next.poll().is_pending());
        drop(send);
        drop(tx);
        assert_eq!(next.wakes(), 1);
        assert_eq!(next.ready(), None);
    }
}

#[test]
fn a_stream_kept_without_being_polled_strands_nothing() {
    let (tx, rx) = chan(1);
    let (mut kept, mut other) = (rx.stream(), rx.stream());
    let mut kept_next = Polled::new(kept.next());
    assert!(kept_next.poll().is_pending());
    let mut other_next = Polled::new(other.next());
    assert!(other_next.poll().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((kept_next.wakes(), other_next.wakes()), (1, 1), "both are told");
    assert_eq!(other_next.ready(), Some(1));
    assert!(kept_next.poll().is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(rx.try_recv(), Ok(2), "anybody can take it");
}

#[test]
fn receivers_in_line_come_before_streams() {
    let (tx, rx) = chan(1);
    let mut stream = rx.stream();
    let mut next = Polled::new(stream.next());
    assert!(next.poll().is_pending());
    let mut recv = Polled::new(rx.next());
    assert!(recv.poll().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((next.wakes(), recv.wakes()), (0, 1));
    drop(recv);
    assert_eq!(next.wakes(), 1, "given back");
    assert_eq!(next.ready(), Some(1));
}

#[test]
fn a_stream_is_a_receiver_and_leaves_nothing_in_line() {
    let (tx, rx) = chan::<i32>(1);
    let mut stream = rx.stream();
    drop(rx);
    assert!(!tx.is_closed());
    assert!(Polled::new(stream.next()).poll().is_pending());
    drop(stream);
    assert!(tx.is_closed());
    let nil = Chan::<i32>::nil();
    assert!(Polled::new(nil.stream().next()).poll().is_pending());
}

#[test]
fn a_sink_passes_values_on_in_order() {
    let (tx, rx) = chan(1);
    let mut sink = tx.sink();
    assert_eq!(Polled::new(sink.send(1)).ready(), Ok(()));
    assert_eq!(Polled::new(sink.feed(2)).ready(), Ok(()), "accepted, and kept");
    let mut flush = Polled::new(sink.flush());
    assert!(flush.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(flush.wakes(), 1);
    assert_eq!(flush.ready(), Ok(()));
    drop(flush);
    assert_eq!(Polled::new(sink.feed(3)).ready(), Ok(()));
    let mut feed = Polled::new(sink.feed(4));
    assert!(feed.poll().is_pending(), "one at a time");
    assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(2), Ok(3)]);
    assert_eq!(feed.ready(), Ok(()));
    drop(feed);
    assert_eq!(rx.try_recv(), Ok(4));
}

#[test]
fn a_sink_closes_by_letting_go() {
    let (tx, rx) = chan(0);
    let mut sink = tx.sink();
    drop(tx);
    assert_eq!(Polled::new(sink.feed(1)).ready(), Ok(()));
    let mut close = Polled::new(sink.close());
    assert!(close.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(close.ready(), Ok(()));
    drop(close);
    assert!(rx.is_closed());
    assert_eq!(Polled::new(sink.send(2)).ready(), Err(SendError(2)));
}

#[test]
fn a_sink_gives_back_what_it_cannot_pass_on_and_never_panics() {
    let (tx, rx) = chan(0);
    let mut sink = tx.sink();
    assert_eq!(Polled::new(sink.feed(1)).ready(), Ok(()));
    drop(rx);
    assert_eq!(Polled::new(sink.flush()).ready(), Err(SendError(1)));
    assert_eq!(Polled::new(sink.send(2)).ready(), Err(SendError(2)));

    let ch = Chan::new(0);
    let mut sink = ch.sink();
    let mut send = Polled::new(sink.send(3));
    assert!(send.poll().is_pending());
    ch.close();
    assert_eq!((send.wakes(), send.ready()), (1, Err(SendError(3))));
    drop(send);
    assert_eq!(Polled::new(sink.send(4)).ready(), Err(SendError(4)));
}

/// Also when the last value has been received: the sink finds out when it is polled, and may not look before that.
#[test]
fn a_sink_that_is_given_a_value_out_of_turn_panics_and_keeps_the_first_one() {
    for is_received in [false, true] {
        let (tx, rx) = chan(1);
        tx.try_send(1).unwrap();
        let mut sink = Box::pin(tx.sink());
        sink.start_send_unpin(2).unwrap();
        assert!(Polled::new(sink.flush()).poll().is_pending());
        if is_received {
            assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(1), Ok(2)]);
        }
        let text = common::panic_text(|| sink.start_send_unpin(3));
        assert_eq!(text, "the last value has not been sent");
        let received: Vec<_> = std::iter::from_fn(|| rx.try_recv().ok()).collect();
        assert_eq!(received, if is_received { &[][..] } else { &[1, 2] });
        assert_eq!(Polled::new(sink.send(4)).ready(), Ok(()), "it is ready again");
        assert_eq!(rx.try_recv(), Ok(4));
    }
}

#[test]
fn a_sink_that_is_dropped_drops_what_it_kept_once() {
    let (tx, rx) = chan(0);
    let value = flag();
    let mut sink = tx.sink();
    assert!(Polled::new(sink.feed(value.clone())).ready().is_ok());
    drop(sink);
    assert_eq!(value.alive(), 1, "never passed on");
    let mut sink = tx.sink();
    assert!(Polled::new(sink.send(value.clone())).poll().is_pending());
    drop(sink);
    assert_eq!(value.alive(), 1, "in line");
    assert!(rx.try_recv().is_err());
    let mut nil = Chan::nil().sink();
    assert!(Polled::new(nil.send(value.clone())).poll().is_pending());
    drop(nil);
    assert_eq!(value.alive(), 1);
}

#[test]
fn a_whole_stream_is_forwarded() {
    let (tx, rx) = chan(0);
    let (tx2, rx2) = chan(3);
    let producer = std::thread::spawn(move || (0..500).for_each(|i| tx.blocking_send(i).unwrap()));
    let forward = std::thread::spawn(move || {
        futures::executor::block_on(rx.stream().map(Ok).forward(tx2.sink()))
    });
    let got: Vec<_> = std::iter::from_fn(|| rx2.blocking_recv()).collect();
    producer.join().unwrap();
    drop(rx2);
    let _ = forward.join().unwrap();
    assert!(got.into_iter().eq(0..500));
}

#[test]
fn a_receive_says_whether_it_has_yielded() {
    let (tx, rx) = chan(1);
    let mut next = Box::pin(rx.next());
    assert!(!next.is_terminated(), "not polled yet");
    assert!(Polled::new(&mut next).poll().is_pending());
    assert!(!next.is_terminated(), "it waits");
    tx.try_send(1).unwrap();
    assert!(!next.is_terminated(), "it was handed a value that it has not yielded");
    assert_eq!(Polled::new(&mut next).ready(), Some(1));
    assert!(next.is_terminated());

    tx.try_send(2).unwrap();
    let mut recv = Box::pin(rx.recv());
    assert_eq!(Polled::new(&mut recv).ready(), 2);
    assert!(recv.is_terminated(), "ready at once");

    let mut recv_ok = Box::pin(rx.recv_ok());
    assert!(Polled::new(&mut recv_ok).poll().is_pending());
    drop(tx);
    assert!(!recv_ok.is_terminated(), "it has not yielded that there is nothing");
    assert_eq!(Polled::new(&mut recv_ok).ready(), (0, false));
    assert!(recv_ok.is_terminated());

    let nil = Receiver::<i32>::nil();
    let mut never = Box::pin(nil.next());
    assert!(Polled::new(&mut never).poll().is_pending());
    assert!(!never.is_terminated());
}

#[test]
fn a_send_says_whether_it_has_yielded() {
    let (tx, rx) = chan(0);
    let mut send = Box::pin(tx.send(1));
    assert!(!send.is_terminated(), "not polled yet");
    assert!(Polled::new(&mut send).poll().is_pending());
    assert!(!send.is_terminated(), "it waits");
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(!send.is_terminated(), "its value was taken, and it has not yielded");
    assert_eq!(Polled::new(&mut send).ready(), Ok(()));
    assert!(send.is_terminated());

    drop(rx);
    let mut refused = Box::pin(tx.send(2));
    assert_eq!(Polled::new(&mut refused).ready(), Err(SendError(2)));
    assert!(refused.is_terminated());

    let ch = Chan::new(1);
    let mut send = Box::pin(ch.send(3));
    Polled::new(&mut send).ready();
    assert!(send.is_terminated(), "ready at once");

    let nil = Sender::nil();
    let mut never = Box::pin(nil.send(4));
    assert!(Polled::new(&mut never).poll().is_pending());
    assert!(!never.is_terminated());
}

/// A future that has yielded is left out by `futures::select!`: it does not begin another receive.
#[test]
fn operations_take_part_in_a_loop_over_the_select_of_futures() {
    let (a, b) = (Chan::new(2), Chan::new(1));
    a.try_send(1).unwrap();
    a.try_send(2).unwrap();
    let mut seen = Vec::new();
    let mut all = Polled::new(async {
        let (mut receive, mut send) = (pin!(a.next()), pin!(b.send(3)));
        loop {
            futures::select! {
                value = receive => seen.push(value),
                () = send => seen.push(None),
                complete => break,
            }
        }
    });
    assert_eq!(all.poll(), Poll::Ready(()));
    drop(all);
    seen.sort_unstable();
    assert_eq!(seen, [None, Some(1)]);
    assert_eq!((a.try_recv(), b.try_recv()), (Ok(2), Ok(3)));
}

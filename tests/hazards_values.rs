//! Hazards of values of unusual kinds: large, without a size, aligned, tied to their place or their
//! thread, dangerous to drop. T38.

mod common;

use common::{Flag, Polled, flag, panic_text};
use futures::{SinkExt, StreamExt};
use gort::chan::TryRecvError;
use gort::{Receiver, Select, Sender, chan, select};
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

// Large values.

const MIB: usize = 1 << 20;
struct Big([u8; MIB]);

fn big(byte: u8) -> Big {
    Big([byte; MIB])
}

impl Default for Big {
    fn default() -> Self {
        big(0)
    }
}

/// Without optimisation, every move is a copy of its own.
const STACK: usize = if cfg!(debug_assertions) { 80 } else { 24 } * MIB;

/// Whether every byte of it is there.
#[track_caller]
fn check(value: &Big, byte: u8) {
    assert!(value.0.iter().all(|b| *b == byte), "not the value that was sent");
}

/// crossbeam#1146, tokio#5293: a queue made the block for its next 32 values on the stack, so a value of
/// modest size was too large for a thread. Here one value of 1 MiB goes every way that there is, on a
/// stack that has no room for such a block.
#[test]
fn t38_a_value_of_one_mebibyte_goes_every_way() {
    type Way = fn(Sender<Big>, Receiver<Big>);
    let ways: [(usize, Way); 11] = [
        (1, tried),
        (0, received_by_who_waits),
        (0, sent_by_who_waits),
        (1, sent_by_who_waits_for_room),
        (0, received_by_a_select),
        (0, sent_by_a_select),
        (0, received_by_a_select_of_run_time),
        (0, sent_by_a_select_of_run_time),
        (1, through_sink_and_stream),
        (0, given_back),
        (64, in_a_burst),
    ];
    for (capacity, way) in ways {
        let walk = move || {
            let (tx, rx) = chan(capacity);
            way(tx, rx);
        };
        thread::Builder::new().stack_size(STACK).spawn(walk).unwrap().join().unwrap();
    }
}

fn tried(tx: Sender<Big>, rx: Receiver<Big>) {
    assert!(tx.try_send(big(1)).is_ok());
    let Err(error) = tx.try_send(big(2)) else { panic!("there is no room") };
    check(&error.into_inner(), 2);
    check(&rx.try_recv().unwrap(), 1);
}

fn received_by_who_waits(tx: Sender<Big>, rx: Receiver<Big>) {
    let mut recv = Polled::new(rx.recv_ok());
    assert!(recv.poll().is_pending());
    assert!(tx.try_send(big(1)).is_ok());
    let (value, ok) = recv.ready();
    assert!(ok);
    check(&value, 1);
}

fn sent_by_who_waits(tx: Sender<Big>, rx: Receiver<Big>) {
    let mut send = Polled::new(tx.send(big(1)));
    assert!(send.poll().is_pending());
    check(&rx.try_recv().unwrap(), 1);
    assert!(send.ready().is_ok());
}

fn sent_by_who_waits_for_room(tx: Sender<Big>, rx: Receiver<Big>) {
    assert!(tx.try_send(big(1)).is_ok());
    let mut send = Polled::new(tx.send(big(2)));
    assert!(send.poll().is_pending());
    check(&rx.try_recv().unwrap(), 1);
    check(&rx.try_recv().unwrap(), 2);
    assert!(send.ready().is_ok());
}

fn received_by_a_select(tx: Sender<Big>, rx: Receiver<Big>) {
    let never = chan::<Big>(0);
    let mut selects = Polled::new(async {
        select! {
            v = rx.next() => check(&v.unwrap(), 1),
            v = <-never.1 => check(&v, 9),
        }
    });
    assert!(selects.poll().is_pending());
    assert!(tx.try_send(big(1)).is_ok());
    selects.ready();
}

fn sent_by_a_select(tx: Sender<Big>, rx: Receiver<Big>) {
    let never = chan::<Big>(0);
    let mut selects = Polled::new(async {
        select! {
            r = tx <- big(1) => r.is_ok(),
            r = never.0 <- big(9) => r.is_err(),
        }
    });
    assert!(selects.poll().is_pending());
    check(&rx.try_recv().unwrap(), 1);
    assert!(selects.ready());
}

fn received_by_a_select_of_run_time(tx: Sender<Big>, rx: Receiver<Big>) {
    let mut select = Select::new();
    select.recv(&rx, |value, ok| {
        assert!(ok);
        check(&value, 1);
    });
    let mut waits = Polled::new(select.wait());
    assert!(waits.poll().is_pending());
    assert!(tx.try_send(big(1)).is_ok());
    assert_eq!(waits.ready().0, 0);
}

fn sent_by_a_select_of_run_time(tx: Sender<Big>, rx: Receiver<Big>) {
    let mut select = Select::new();
    select.send(&tx, big(1), |sent| assert!(sent.is_ok()));
    let mut waits = Polled::new(select.wait());
    assert!(waits.poll().is_pending());
    check(&rx.try_recv().unwrap(), 1);
    assert_eq!(waits.ready().0, 0);
}

fn through_sink_and_stream(tx: Sender<Big>, rx: Receiver<Big>) {
    let (mut sink, mut stream) = (tx.sink(), rx.stream());
    let mut next = Polled::new(stream.next());
    assert!(next.poll().is_pending());
    assert!(Polled::new(sink.send(big(1))).ready().is_ok());
    check(&next.ready().unwrap(), 1);
}

fn given_back(tx: Sender<Big>, rx: Receiver<Big>) {
    let mut first = Polled::new(rx.next());
    assert!(first.poll().is_pending());
    assert!(tx.try_send(big(1)).is_ok());
    drop(first);
    let mut second = Polled::new(rx.next());
    check(&second.ready().unwrap(), 1);
}

/// More than one block of any queue, and some that nobody receives.
fn in_a_burst(tx: Sender<Big>, rx: Receiver<Big>) {
    for byte in 0..40 {
        assert!(tx.try_send(big(byte)).is_ok());
    }
    for byte in 0..35 {
        check(&rx.try_recv().unwrap(), byte);
    }
    drop((rx, tx));
}

/// The same between goroutines and between threads, and as what a goroutine returns.
#[cfg(not(foreign_executor))]
#[test]
#[expect(clippy::large_futures, reason = "that is what is tested")]
fn t38_a_value_of_one_mebibyte_goes_between_goroutines_and_threads() {
    let runtime = gort::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK)
        .build()
        .unwrap();
    let main = move || {
        let (tx, rx) = chan(0);
        let sends = runtime.spawn({
            let tx = tx.clone();
            async move {
                assert!(tx.send(big(1)).await.is_ok());
                big(2)
            }
        });
        check(&rx.blocking_recv().unwrap(), 1);
        check(&runtime.block_on(sends).unwrap(), 2);
        let job = runtime.spawn_blocking(move || {
            assert!(tx.blocking_send(big(3)).is_ok());
            big(4)
        });
        runtime.block_on(async {
            check(&rx.recv_ok().await.0, 3);
            check(&job.await.unwrap(), 4);
        });
    };
    thread::Builder::new().stack_size(STACK).spawn(main).unwrap().join().unwrap();
}

// Values without a size.

thread_local! {
    static DROPPED: Cell<usize> = const { Cell::new(0) };
}

/// Takes no room, and is dropped all the same.
#[derive(Debug)]
struct Nothing;

impl Drop for Nothing {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

/// A queue that divides by the size of its values, or counts their bytes, has none or any number of
/// values without a size.
#[test]
fn t38_values_without_a_size_are_counted_and_dropped_once() {
    const VALUES: usize = 100_000;
    let made = Cell::new(0);
    let nothing = || {
        made.set(made.get() + 1);
        Nothing
    };
    let (tx, rx) = chan(VALUES);
    (0..VALUES).for_each(|_| assert!(tx.try_send(nothing()).is_ok()));
    assert!(tx.try_send(nothing()).is_err(), "it is full");
    assert_eq!(rx.len(), VALUES);
    let mut waits = Polled::new(tx.send(nothing()));
    assert!(waits.poll().is_pending());
    (0..=VALUES).for_each(|_| drop(rx.try_recv().expect("one more")));
    assert!(waits.ready().is_ok());
    assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
    // Matched and given back, matched and received, in a select, in the queue at the end.
    let (mut first, mut second) = (Polled::new(rx.next()), Polled::new(rx.next()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    (0..2).for_each(|_| assert!(tx.try_send(nothing()).is_ok()));
    drop(first);
    assert!(second.ready().is_some() && rx.try_recv().is_ok());
    let mut selects = Polled::new(async {
        select! { v = rx.next() => v.is_some(), r = tx <- nothing() => r.is_err() }
    });
    assert!(!selects.ready(), "there is room");
    drop((selects, second, waits));
    assert_eq!(DROPPED.get(), made.get() - 1, "one is in the queue");
    drop(rx);
    assert_eq!(DROPPED.get(), made.get());
}

// Aligned values.

/// A slot that is cut out of bytes, or stands behind a header, has the alignment of those.
#[test]
fn t38_aligned_values_stay_aligned() {
    #[derive(Debug, Clone, Copy, PartialEq)]
    #[repr(align(64))]
    struct Aligned(u8);
    #[derive(Debug, Clone, Copy, PartialEq)]
    // Not a page. rustc 1.95, optimising, loses the pushes of a prologue that is not at the start of its
    // function (`State::try_send` here) and aligns the stack to 4096, what its probes of the stack take at
    // a time; the pops stay.
    #[repr(align(2048))]
    struct Page(u8);

    fn goes<T: Copy + PartialEq + std::fmt::Debug>(value: impl Fn(u8) -> T) {
        let at_home = |value: &T| assert_eq!((&raw const *value).addr() % align_of::<T>(), 0);
        let (tx, rx) = chan(2);
        let mut recv = Polled::new(async { at_home(&rx.next().await.unwrap()) });
        let mut given_back = Polled::new(rx.next());
        assert!(recv.poll().is_pending() && given_back.poll().is_pending());
        (0..4).for_each(|i| tx.try_send(value(i)).unwrap());
        let mut send = Polled::new(tx.send(value(4)));
        assert!(send.poll().is_pending());
        recv.ready();
        drop(given_back);
        for i in 1..5 {
            let received = rx.try_recv().unwrap();
            at_home(&received);
            assert_eq!(received, value(i));
        }
    }
    goes(Aligned);
    goes(Page);
}

// Values that are tied to something.

/// The ends of a channel, its futures and its selects may be used with what cannot leave its thread, or
/// must not be moved once it is pinned: a channel pins no value.
#[test]
fn t38_values_that_are_neither_send_nor_unpin_go_every_way_on_one_thread() {
    let (tx, rx) = chan(1);
    let counted = Rc::new(1);
    let value = || (Rc::clone(&counted), PhantomPinned);
    assert!(tx.try_send(value()).is_ok());
    let mut send = Polled::new(tx.send(value()));
    assert!(send.poll().is_pending());
    assert_eq!(*Polled::new(rx.next()).ready().unwrap().0, 1);
    assert_eq!(*rx.try_recv().unwrap().0, 1);
    assert!(send.ready().is_ok());
    let mut selects = Polled::new(async {
        select! { v = rx.next() => *v.unwrap().0 }
    });
    assert!(selects.poll().is_pending());
    assert!(tx.try_send(value()).is_ok());
    assert_eq!(selects.ready(), 1);
    let mut given_back = Polled::new(rx.next());
    assert!(given_back.poll().is_pending());
    assert!(tx.try_send(value()).is_ok());
    drop((given_back, selects));
    assert_eq!(Rc::strong_count(&counted), 2, "one is given back");
    drop(rx);
    assert_eq!(Rc::strong_count(&counted), 1);
}

// Values that are dangerous to drop.

/// Panics when it is dropped, unless that would end the process.
struct Bomb {
    _alive: Flag,
    drops: Arc<AtomicUsize>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        assert!(thread::panicking(), "a drop of the user's");
    }
}

/// A panic out of the drop of one value left the others of a queue where they were, or a lock poisoned.
/// Here everything is dropped once, whoever waits is told, and the panic is that of the caller.
#[test]
fn t38_values_that_panic_when_they_are_dropped_are_dropped_once_and_keep_nobody() {
    let (alive, drops) = (flag(), Arc::new(AtomicUsize::new(0)));
    let bomb = || Bomb { _alive: alive.clone(), drops: Arc::clone(&drops) };
    let dropped = || (drops.swap(0, Ordering::Relaxed), alive.alive() - 1);
    const TEXT: &str = "a drop of the user's";

    // In the queue, given back and in line, when the last receiver goes.
    let (tx, rx) = chan(3);
    let mut closed = Polled::new(tx.closed());
    assert!(closed.poll().is_pending());
    let mut given_back = Polled::new(rx.next());
    assert!(given_back.poll().is_pending());
    (0..4).for_each(|_| assert!(tx.try_send(bomb()).is_ok()));
    drop(given_back);
    let mut waits = Polled::new(tx.send(bomb()));
    assert!(waits.poll().is_pending());
    assert_eq!(panic_text(|| drop(rx)), TEXT);
    assert_eq!(dropped(), (4, 1), "one comes back");
    closed.ready();
    assert_eq!(waits.wakes(), 1);
    let Poll::Ready(Err(error)) = waits.poll() else { panic!("no receiver is left") };
    assert_eq!(panic_text(|| drop(error)), TEXT);
    assert_eq!(dropped(), (1, 0));

    // The whole channel, in whichever order.
    for receiver_first in [true, false] {
        let (tx, rx) = chan(2);
        (0..2).for_each(|_| assert!(tx.try_send(bomb()).is_ok()));
        let ends = || if receiver_first { drop((rx, tx)) } else { drop((tx, rx)) };
        assert_eq!(panic_text(ends), TEXT);
        assert_eq!(dropped(), (2, 0));
    }
}

//! Futures dropped, forgotten, moved and re-polled at every point; wakers and drops that misbehave.
//! Polled by hand, without a runtime.

#![expect(unsafe_code, reason = "a waker that notices its clones and drops")]

mod common;

use common::{Polled, flag};
use gort::chan::{SendError, TryRecvError, TrySendError};
use gort::{Chan, chan};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, RawWaker, RawWakerVTable, Wake, Waker};

// Receives.

/// T1, unbuffered and buffered.
#[test]
fn a_receive_dropped_after_its_match_leaves_the_value_to_the_next() {
    for capacity in [0, 2] {
        let (tx, rx) = chan(capacity);
        let mut first = Polled::new(rx.recv());
        assert!(first.poll().is_pending());
        assert_eq!(Polled::new(tx.send(1)).ready(), Ok(()));
        assert_eq!(first.wakes(), 1);
        drop(first);
        assert_eq!(rx.len(), 0, "a value given back is not counted");
        assert_eq!(Polled::new(rx.recv()).ready(), 1);
    }
}

#[test]
fn a_value_given_back_comes_before_the_buffer_and_before_deposits() {
    let (tx, rx) = chan(1);
    let mut first = Polled::new(rx.recv());
    assert!(first.poll().is_pending());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let mut third = Polled::new(tx.send(3));
    assert!(third.poll().is_pending());
    drop(first);
    assert_eq!(rx.len(), 1);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(third.wakes(), 0, "1 has not made room");
    assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(2), Ok(3)]);
    assert_eq!(third.ready(), Ok(()));
}

#[test]
fn values_given_back_in_any_order_come_in_the_order_they_were_sent() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1], [2, 0, 1]] {
        let (tx, rx) = chan(0);
        let mut waiting: Vec<_> = (0..3).map(|_| Some(Polled::new(rx.recv()))).collect();
        assert!(waiting.iter_mut().flatten().all(|recv| recv.poll().is_pending()));
        (0..3).for_each(|i| tx.try_send(i).unwrap());
        order.into_iter().for_each(|i| waiting[i] = None);
        assert_eq!([rx.try_recv(), rx.try_recv(), rx.try_recv()], [Ok(0), Ok(1), Ok(2)]);
    }
}

/// T2: the wake-up goes with the value.
#[test]
fn a_receive_dropped_after_its_match_wakes_the_next_one_that_waits() {
    let (tx, rx) = chan(0);
    let (mut first, mut second) = (Polled::new(rx.recv()), Polled::new(rx.recv()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), 1);
}

#[test]
fn a_receive_dropped_while_it_waits_is_out_of_line() {
    let (tx, rx) = chan(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Polled::new(rx.recv())).collect();
    assert!(waiting.iter_mut().all(|recv| recv.poll().is_pending()));
    drop(waiting.remove(1));
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    assert!(tx.try_send(2).is_err());
    assert_eq!((waiting[0].ready(), waiting[1].ready()), (0, 1));
    drop(Polled::new(rx.recv()));
    assert!(tx.try_send(3).is_err(), "a receive that was never polled is not in line");
}

#[test]
fn a_receive_can_be_polled_again_and_again_with_other_wakers() {
    let (tx, rx) = chan(0);
    let mut recv = Polled::new(rx.recv());
    let old = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    assert!(recv.poll().is_pending());
    assert!(recv.poll_with(Waker::noop()).is_pending());
    assert!(recv.poll().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((recv.wakes(), old.wakes()), (1, 0));
    assert_eq!(recv.ready(), 1);
    assert!(recv.poll().is_pending(), "polled after its end it is another receive");
}

/// T10: the task of a matched receive is unwound by a panic.
#[test]
fn a_receive_that_is_unwound_gives_its_value_back() {
    let (tx, rx) = chan(0);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let mut recv = Polled::new(rx.recv());
        assert!(recv.poll().is_pending());
        tx.try_send(1).unwrap();
        panic!("before it looks");
    }));
    assert!(unwound.is_err());
    assert_eq!(rx.try_recv(), Ok(1));
}

#[test]
fn a_value_given_back_after_the_close_is_still_received() {
    let (tx, rx) = chan(0);
    let mut first = Polled::new(rx.next());
    assert!(first.poll().is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    drop(first);
    assert_eq!(Polled::new(rx.next()).ready(), Some(1));
    assert_eq!(Polled::new(rx.next()).ready(), None);
}

/// A receive woken by the close looks again, and finds what was given back since.
#[test]
fn a_receive_woken_by_the_close_takes_what_was_given_back_meanwhile() {
    let (tx, rx) = chan(0);
    let (mut first, mut second) = (Polled::new(rx.next()), Polled::new(rx.next()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    drop(first);
    assert_eq!(second.ready(), Some(1));
}

// Sends.

/// T6.
#[test]
fn a_send_drops_its_value_once_wherever_it_is_dropped() {
    let (tx, rx) = chan(0);
    let value = flag();
    drop(Polled::new(tx.send(value.clone())));
    assert_eq!(value.alive(), 1, "never polled");
    let mut send = Polled::new(tx.send(value.clone()));
    assert!(send.poll().is_pending());
    assert_eq!(value.alive(), 2);
    drop(send);
    assert_eq!(value.alive(), 1, "dropped while it waited");
    assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)), "out of line");

    let mut send = Polled::new(tx.send(value.clone()));
    assert!(send.poll().is_pending());
    let received = rx.try_recv().unwrap();
    drop(send);
    assert_eq!(value.alive(), 2, "sent, though its future never heard of it");
    drop(received);

    let mut send = Polled::new(tx.send(value.clone()));
    assert!(send.poll().is_pending());
    tx.close();
    drop(send);
    assert_eq!(value.alive(), 1, "closed, and its future never heard of it");
}

#[test]
fn a_send_dropped_from_the_middle_of_the_line_leaves_the_others_in_order() {
    let (tx, rx) = chan(1);
    tx.try_send(0).unwrap();
    let mut waiting: Vec<_> = (1..5).map(|i| Polled::new(tx.send(i))).collect();
    assert!(waiting.iter_mut().all(|send| send.poll().is_pending()));
    drop(waiting.remove(1));
    drop(waiting.remove(0));
    assert_eq!([rx.try_recv(), rx.try_recv(), rx.try_recv()], [Ok(0), Ok(3), Ok(4)]);
    assert!(waiting.iter_mut().all(|send| send.ready() == Ok(())));
}

#[test]
fn a_send_that_waits_wakes_the_last_waker_only() {
    let (tx, rx) = chan(0);
    let mut send = Polled::new(tx.send(1));
    assert!(send.poll_with(Waker::noop()).is_pending());
    assert!(send.poll().is_pending());
    assert!(send.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Ok(()));
}

#[test]
fn polling_a_send_after_its_end_panics_and_harms_nobody() {
    let (tx, rx) = chan(2);
    let mut send = Polled::new(tx.send(1));
    assert_eq!(send.ready(), Ok(()));
    assert!(catch_unwind(AssertUnwindSafe(|| send.poll())).is_err());
    assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(1), Err(TryRecvError::Empty)]);
}

/// A sender kept without being polled keeps its turn, and holds nobody up: no futurelock.
#[test]
fn a_send_that_is_never_polled_again_gives_its_value_all_the_same() {
    let (tx, rx) = chan(1);
    tx.try_send(1).unwrap();
    let mut kept = Polled::new(tx.send(2));
    assert!(kept.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(Polled::new(tx.send(3)).ready(), Ok(()), "room is granted to nobody");
}

// Close and disconnect.

/// T11, on one thread; `loom.rs` has the race.
#[test]
fn a_value_sent_before_the_last_sender_goes_is_seen_before_the_end() {
    let (tx, rx) = chan(1);
    tx.try_send(1).unwrap();
    drop(tx);
    assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(1), Err(TryRecvError::Closed)]);
}

/// T13.
#[test]
fn what_is_in_flight_when_the_last_receiver_goes_is_dropped_at_once() {
    let (tx, rx) = chan(2);
    let value = flag();
    let mut matched = Polled::new(rx.next());
    assert!(matched.poll().is_pending());
    (0..3).for_each(|_| tx.try_send(value.clone()).unwrap());
    let mut waiting = Polled::new(tx.send(value.clone()));
    assert!(waiting.poll().is_pending());
    drop(matched); // one is returned, two are queued, one waits
    assert_eq!(value.alive(), 5);
    drop(rx);
    assert_eq!(value.alive(), 2);
    assert!(matches!(waiting.ready(), Err(SendError(_))));
    assert!(matches!(tx.try_send(value.clone()), Err(TrySendError::Disconnected(_))));
    assert_eq!(value.alive(), 1);
}

/// T14.
#[test]
fn a_sender_that_panics_disturbs_nobody() {
    let ch = Chan::new(1);
    ch.try_send(1).unwrap();
    let mut waiting: Vec<_> = (2..5).map(|i| Polled::new(ch.send(i))).collect();
    assert!(waiting.iter_mut().all(|send| send.poll().is_pending()));
    ch.close();
    for send in &mut waiting {
        assert!(catch_unwind(AssertUnwindSafe(|| send.poll())).is_err());
        assert!(!ch.try_close());
    }
    assert_eq!([ch.try_recv(), ch.try_recv()], [Ok(1), Err(TryRecvError::Closed)]);
}

#[test]
fn a_value_that_panics_when_dropped_leaves_the_channel_in_order() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert!(std::thread::panicking(), "a drop of the user's");
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let bomb = || Bomb(dropped.clone());

    let (tx, rx) = chan(3);
    let mut closed = Polled::new(tx.closed());
    assert!(closed.poll().is_pending());
    (0..3).for_each(|_| tx.try_send(bomb()).map_err(|_| ()).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 3, "each once");
    closed.ready();

    let (tx, _rx) = chan(0);
    let mut send = Polled::new(tx.send(bomb()));
    assert!(send.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(send))).is_err());
    let mut send = Polled::new(tx.send(bomb()));
    assert!(send.poll().is_pending());
    tx.close();
    assert!(catch_unwind(AssertUnwindSafe(|| send.poll().is_ready())).is_err());
    drop(send);
    assert_eq!(dropped.load(Ordering::Relaxed), 5);
}

#[test]
fn a_drop_may_use_the_channel_that_drops_it() {
    struct Sends(gort::Sender<Sends>, Rc<Cell<u32>>);
    impl Drop for Sends {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            if self.1.get() < 3 {
                let again = Sends(self.0.clone(), Rc::clone(&self.1));
                assert!(matches!(self.0.try_send(again), Err(TrySendError::Disconnected(_))));
            }
        }
    }
    let drops = Rc::new(Cell::new(0));
    let (tx, rx) = chan(1);
    assert!(tx.try_send(Sends(tx.clone(), Rc::clone(&drops))).is_ok());
    drop(rx);
    assert_eq!(drops.get(), 3);
}

// Wakers.

/// A waker that calls `f` whenever it is cloned, woken or dropped.
fn nosy_waker(f: impl Fn() + Send + Sync + 'static) -> Waker {
    type Call = Arc<dyn Fn() + Send + Sync>;
    struct Inner(Call);
    fn raw(inner: &Arc<Inner>) -> RawWaker {
        RawWaker::new(Arc::into_raw(Arc::clone(inner)).cast(), &VTABLE)
    }
    fn with<R>(data: *const (), f: impl FnOnce(&Arc<Inner>) -> R) -> R {
        // SAFETY: every `data` is from `Arc::into_raw` in `raw`.
        let inner = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Inner>()) });
        (inner.0)();
        f(&inner)
    }
    fn release(data: *const ()) {
        // SAFETY: as in `with`; this is the waker's own count.
        drop(unsafe { Arc::from_raw(data.cast::<Inner>()) });
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| with(data, raw),
        |data| {
            with(data, |_| ());
            release(data);
        },
        |data| with(data, |_| ()),
        |data| {
            with(data, |_| ());
            release(data);
        },
    );
    // SAFETY: the table keeps the counts of an `Arc`, which is `Send + Sync`.
    unsafe { Waker::from_raw(raw(&Arc::new(Inner(Arc::new(f))))) }
}

/// T24.
#[test]
fn wakers_are_cloned_woken_and_dropped_without_the_lock() {
    let (tx, rx) = chan::<i32>(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let nosy = || {
        let (tx, rx, calls) = (tx.clone(), rx.clone(), calls.clone());
        nosy_waker(move || {
            calls.fetch_add(1, Ordering::Relaxed);
            // Each of these takes the lock.
            assert!(tx.len() <= 1 && rx.capacity() == 1);
        })
    };
    let (a, b) = (nosy(), nosy());
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll_with(&a).is_pending());
    assert!(recv.poll_with(&b).is_pending());
    assert!(recv.poll_with(&a).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(recv.poll_with(&a), Poll::Ready(1));
    assert!(recv.poll_with(&a).is_pending());
    drop(recv);

    tx.try_send(2).unwrap();
    let mut send = Polled::new(tx.send(3));
    assert!(send.poll_with(&a).is_pending());
    assert!(send.poll_with(&b).is_pending());
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(send.poll_with(&a), Poll::Ready(Ok(())));
    let mut send = Polled::new(tx.send(4));
    assert!(send.poll_with(&a).is_pending());
    drop(send);

    let mut closed = Polled::new(tx.closed());
    assert!(closed.poll_with(&a).is_pending());
    assert!(closed.poll_with(&b).is_pending());
    let mut waiting = Polled::new(tx.send(5));
    assert!(waiting.poll_with(&a).is_pending());
    tx.close();
    drop(waiting);
    assert!(closed.poll_with(&a).is_ready());
    drop((a, b));
    assert!(calls.load(Ordering::Relaxed) > 10);
}

#[test]
fn a_waker_that_panics_is_the_last_to_be_heard() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the user's");
        }
    }
    let bomb = Waker::from(Arc::new(Bomb));
    let ch = Chan::new(0);
    let mut waiting: Vec<_> = (0..30).map(|_| Polled::new(ch.recv())).collect();
    assert!(waiting[0].poll_with(&bomb).is_pending());
    assert!(waiting[1..].iter_mut().all(|recv| recv.poll().is_pending()));
    assert!(catch_unwind(AssertUnwindSafe(|| ch.try_send(1))).is_err());
    assert_eq!(waiting[0].ready(), 1, "the value is where it belongs");
    ch.try_send(2).unwrap();
    assert_eq!(waiting[1].ready(), 2);
    assert!(waiting[0].poll_with(&bomb).is_pending());
    waiting.swap(0, 5);
    assert!(catch_unwind(AssertUnwindSafe(|| ch.close())).is_err());
    for (i, recv) in waiting.iter_mut().enumerate() {
        if i != 1 && i != 5 {
            assert_eq!((i, recv.wakes()), (i, 1), "everybody else was woken");
        }
        assert_eq!(recv.ready(), 0);
    }
}

#[test]
fn a_waker_may_receive_on_the_spot() {
    let (tx, rx) = chan(1);
    let got = Arc::new(Mutex::new(Vec::new()));
    let waker = {
        let (rx, got) = (rx.clone(), got.clone());
        nosy_waker(move || {
            if let Ok(value) = rx.try_recv() {
                got.lock().unwrap().push(value);
            }
        })
    };
    tx.try_send(1).unwrap();
    let mut send = Polled::new(tx.send(2));
    assert_eq!(send.poll_with(&waker), Poll::Ready(Ok(())), "its clone took 1 and made room");
    let mut send = Polled::new(tx.send(3));
    assert_eq!(send.poll_with(&waker), Poll::Ready(Ok(())), "its clone took 2 and made room");
    let mut recv = Polled::new(rx.recv());
    assert_eq!(recv.poll_with(&waker), Poll::Ready(3));
    assert!(recv.poll_with(&waker).is_pending());
    tx.try_send(4).unwrap();
    assert_eq!(recv.poll_with(&waker), Poll::Ready(4), "it was handed over before the wake");
    assert_eq!(*got.lock().unwrap(), [1, 2]);
}

// Forgotten, and moved.

/// Forgets a future, where a leak checker finds it.
#[expect(clippy::mem_forget, reason = "that is what is tested")]
fn forget<F>(future: Polled<F>) {
    static FORGOTTEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let future = future.into_inner();
    FORGOTTEN.lock().unwrap().push((&raw const *future).expose_provenance());
    std::mem::forget(future);
}

#[test]
fn forgotten_futures_corrupt_nothing() {
    let (tx, rx) = chan(0);
    let mut forgotten = Polled::new(rx.recv());
    assert!(forgotten.poll().is_pending());
    forget(forgotten);
    let mut second = Polled::new(rx.recv());
    assert!(second.poll().is_pending());
    tx.try_send(1).unwrap(); // the forgotten one's
    tx.try_send(2).unwrap();
    assert_eq!(second.ready(), 2);
    drop(second);
    let mut forgotten = Polled::new(tx.send(3));
    assert!(forgotten.poll().is_pending());
    forget(forgotten);
    assert_eq!(rx.try_recv(), Ok(3));
    let mut forgotten = Polled::new(rx.recv());
    assert!(forgotten.poll().is_pending());
    forget(forgotten);
    let mut forgotten = Polled::new(tx.closed());
    assert!(forgotten.poll().is_pending());
    forget(forgotten);
    drop(rx);
    drop(tx);

    let (tx, rx) = chan(0);
    let mut forgotten = Polled::new(tx.send(4));
    assert!(forgotten.poll().is_pending());
    forget(forgotten);
    drop(tx);
    assert_eq!(Polled::new(rx.recv_ok()).ready(), (0, false), "closed with a send in line");
}

#[test]
fn a_boxed_receive_goes_to_another_task_and_is_matched_there() {
    #[derive(Default)]
    struct Other(AtomicUsize);
    impl Wake for Other {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (tx, rx) = chan(0);
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    let other = Arc::new(Other::default());
    let waker = Waker::from(other.clone());
    let mut recv = std::thread::scope(|scope| {
        let move_and_poll = move || {
            assert!(recv.poll_with(&waker).is_pending());
            recv
        };
        scope.spawn(move_and_poll).join().unwrap()
    });
    tx.try_send(1).unwrap();
    assert_eq!((recv.wakes(), other.0.load(Ordering::Relaxed)), (0, 1));
    assert_eq!(recv.ready(), 1);
}

// Values of all sizes.

/// T38. Built without optimisation, every move is a copy on the stack of its own.
#[test]
fn a_value_of_one_mebibyte_goes_every_way() {
    const SIZE: usize = 1 << 20;
    type Big = [u8; SIZE];
    fn try_both((tx, rx): &(gort::Sender<Big>, gort::Receiver<Big>)) {
        assert!(tx.try_send([1; SIZE]).is_ok());
        assert_eq!(rx.try_recv().map(|v| v[SIZE - 1]), Ok(1));
    }
    fn recv_waits((tx, rx): &(gort::Sender<Big>, gort::Receiver<Big>)) {
        let mut recv = Polled::new(rx.next());
        assert!(recv.poll().is_pending());
        assert!(tx.try_send([2; SIZE]).is_ok());
        assert_eq!(recv.ready().map(|v| v[0]), Some(2));
    }
    fn send_waits((tx, rx): &(gort::Sender<Big>, gort::Receiver<Big>)) {
        assert!(tx.try_send([3; SIZE]).is_ok());
        let mut send = Polled::new(tx.send([4; SIZE]));
        assert!(send.poll().is_pending());
        assert_eq!(rx.try_recv().map(|v| v[0]), Ok(3));
        assert_eq!(rx.try_recv().map(|v| v[0]), Ok(4));
    }
    let stack = if cfg!(debug_assertions) { 32 } else { 8 } << 20;
    for step in [try_both, recv_waits, send_waits] {
        let run = move || step(&chan(1));
        std::thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap();
    }
}

#[test]
fn over_aligned_values_stay_aligned() {
    #[derive(Debug, Default, Clone, Copy, PartialEq)]
    #[repr(align(128))]
    struct Aligned(u8);
    let (tx, rx) = chan(2);
    let mut recv = Polled::new(rx.recv());
    assert!(recv.poll().is_pending());
    (0..3).for_each(|i| tx.try_send(Aligned(i)).unwrap());
    let mut send = Polled::new(tx.send(Aligned(3)));
    assert!(send.poll().is_pending());
    for i in 0..4 {
        let value = if i == 0 { recv.ready() } else { rx.try_recv().unwrap() };
        assert_eq!(value, Aligned(i));
        assert_eq!((&raw const value).addr() % 128, 0);
    }
}

#[test]
fn values_that_are_neither_send_nor_unpin_work_on_one_thread() {
    let (tx, rx) = chan(1);
    tx.try_send((Rc::new(1), std::marker::PhantomPinned)).unwrap_or_else(|_| panic!());
    assert_eq!(*Polled::new(rx.next()).ready().unwrap().0, 1);
}

// Many.

/// T7, T34: random operations, some given up, on one thread; whatever was accepted comes out once, in
/// order per sender.
#[test]
fn nothing_is_lost_or_doubled_under_random_cancellation() {
    for (seed, capacity) in [(1, 0), (2, 0), (3, 1), (4, 2), (5, 7)] {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (tx, rx) = chan(capacity);
        let (mut sends, mut recvs) = (Vec::new(), Vec::new());
        let (mut next, mut gone, mut received) = (0_u32, 0, Vec::new());
        for _ in 0..20_000 {
            match rng.u32(..6) {
                0 => {
                    sends.push(Polled::new(tx.send(next)));
                    next += 1;
                }
                1 => recvs.push(Polled::new(rx.next())),
                2 if !sends.is_empty() => {
                    let i = rng.usize(..sends.len());
                    if sends[i].poll().is_ready() {
                        drop(sends.swap_remove(i));
                    }
                }
                3 if !recvs.is_empty() => {
                    let i = rng.usize(..recvs.len());
                    if let Poll::Ready(value) = recvs[i].poll() {
                        received.extend(value);
                        drop(recvs.swap_remove(i));
                    }
                }
                4 if !sends.is_empty() && rng.bool() => {
                    let i = rng.usize(..sends.len());
                    drop(sends.swap_remove(i));
                    gone += 1;
                }
                5 if !recvs.is_empty() && rng.bool() => {
                    let i = rng.usize(..recvs.len());
                    drop(recvs.swap_remove(i));
                }
                _ => {}
            }
        }
        drop(recvs);
        received.extend(std::iter::from_fn(|| rx.try_recv().ok()));
        for send in &mut sends {
            gone += usize::from(send.poll().is_pending());
            received.extend(rx.try_recv());
            received.extend(rx.try_recv());
        }
        drop(sends);
        received.extend(std::iter::from_fn(|| rx.try_recv().ok()));
        received.sort_unstable();
        let before = received.len();
        received.dedup();
        assert_eq!(received.len(), before, "received twice (seed {seed})");
        assert!(received.len() + gone >= next as usize, "lost (seed {seed})");
    }
}

/// Threads with futures that are given up at random.
#[test]
fn threads_that_give_up_at_random_lose_nothing() {
    for capacity in [0, 1, 3] {
        let (tx, rx) = chan::<u32>(capacity);
        let accepted = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (0..3)
            .map(|seed| {
                let (tx, accepted) = (tx.clone(), accepted.clone());
                std::thread::spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(seed);
                    for i in 0..3_000 {
                        if rng.bool() {
                            tx.blocking_send(i).unwrap();
                            accepted.fetch_add(1, Ordering::Relaxed);
                        } else if tx.try_send(i).is_ok() {
                            accepted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..3)
            .map(|seed| {
                let rx = rx.clone();
                std::thread::spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(seed);
                    let mut received = 0;
                    loop {
                        // Given up after one poll, or seen through.
                        if rng.bool() {
                            match Polled::new(rx.next()).poll() {
                                Poll::Ready(Some(_)) => received += 1,
                                Poll::Ready(None) => break,
                                Poll::Pending => {}
                            }
                        } else if rx.blocking_recv().is_some() {
                            received += 1;
                        } else {
                            break;
                        }
                    }
                    received
                })
            })
            .collect();
        senders.into_iter().for_each(|thread| thread.join().unwrap());
        let received: usize = receivers.into_iter().map(|thread| thread.join().unwrap()).sum();
        let left = std::iter::from_fn(|| rx.try_recv().ok()).count();
        assert_eq!(received + left, accepted.load(Ordering::Relaxed));
    }
}

/// T37.
#[test]
fn a_burst_does_not_keep_its_memory_and_comes_out_in_order() {
    let (tx, rx) = chan(1_000_000);
    for round in 0..2 {
        (0..1_000_000_u32).for_each(|i| tx.try_send(i + round).unwrap());
        assert!((0..1_000_000).all(|i| rx.try_recv() == Ok(i + round)));
    }
}

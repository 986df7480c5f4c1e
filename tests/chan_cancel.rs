//! Futures dropped, forgotten, moved and re-polled, by hand and without a runtime. What goes wrong in
//! other projects when a future is dropped is in `hazards_cancel.rs`.

mod common;

use common::Polled;
use gort::chan;
use gort::chan::{TryRecvError, TrySendError};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

// Receives.

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

// Sends.

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

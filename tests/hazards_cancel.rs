//! Hazards of giving up: futures that are dropped, aborted or left behind when somebody counts on them.
//! T1, T2, T6, T7, T8 and T10; those of `select!` are in `hazards_select.rs`.

mod common;

#[cfg(not(foreign_executor))]
use common::everywhere::{everywhere, seeded, simulated};
use common::{Call, Polled, flag, go, nosy_waker, panic_text, poll_once, run};
use futures::{SinkExt, StreamExt};
use gort::chan::{TryRecvError, TrySendError};
use gort::task::yield_now;
use gort::{Chan, Receiver, Select, Sender, chan, select};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::task::Poll;

// T1: a value for a receiver that goes.

/// kanal#24, kanal#50, ferrotunnel#170: a send completed by writing into the future of a waiting receive.
/// That future was dropped before it was polled again, and the value went with it: sent, and received by
/// nobody.
#[test]
fn t01_a_dropped_receive_gives_its_value_back_in_its_old_place() {
    /// Sends 1 to the receive that waits, drops that, sends 2, and lets somebody else receive.
    fn check<F: Future>(tx: &Sender<i32>, rx: &Receiver<i32>, waits: F) {
        let mut first = Polled::new(waits);
        assert!(first.poll().is_pending());
        assert_eq!(Polled::new(tx.send(1)).ready(), Ok(()));
        assert_eq!(first.wakes(), 1);
        drop(first);
        assert_eq!(rx.len(), 0, "a value given back is not counted");
        let mut second = Polled::new(tx.send(2));
        assert_eq!(second.poll().is_ready(), tx.capacity() > 0);
        assert_eq!(Polled::new(rx.recv()).ready(), 1);
        assert_eq!(rx.try_recv(), Ok(2));
    }
    for capacity in [0, 2] {
        let (tx, rx) = chan(capacity);
        check(&tx, &rx, rx.recv());
        check(&tx, &rx, rx.recv_ok());
        check(&tx, &rx, rx.next());
        check(&tx, &rx, async {
            select! { v = <-rx => v }
        });
        check(&tx, &rx, async {
            select! { v = rx.next() => v }
        });
        let mut dynamic = Select::new();
        dynamic.recv(&rx, |v, _| v);
        check(&tx, &rx, dynamic.wait());
    }
}

/// A stream is woken without being handed anything, so there is nothing to give back.
#[test]
fn t01_a_dropped_stream_leaves_the_value_where_it_was() {
    let (tx, rx) = chan(1);
    let mut stream = rx.stream();
    let mut next = Polled::new(stream.next());
    assert!(next.poll().is_pending());
    assert_eq!(Polled::new(tx.send(1)).ready(), Ok(()));
    assert_eq!((next.wakes(), rx.len()), (1, 1));
    drop(next);
    drop(stream);
    assert_eq!(rx.try_recv(), Ok(1));
}

// T2: a wake-up for a receiver that goes.

/// flume through iroh#2536, tokio#4618: two receivers waited, one value came, and the one that was woken
/// for it was dropped. The value was in the queue and the other one asleep. (The same of a lock: see
/// `a_woken_waiter_that_is_dropped_passes_the_wake_up_on` in `sync_mutex.rs`.)
#[test]
fn t02_a_dropped_receive_passes_its_wake_up_on() {
    for capacity in [0, 1] {
        let (tx, rx) = chan(capacity);
        let (mut first, mut second) = (Polled::new(rx.recv()), Polled::new(rx.recv()));
        let mut third = Polled::new(async {
            select! { v = <-rx => v }
        });
        assert!(first.poll().is_pending() && second.poll().is_pending());
        assert!(third.poll().is_pending());
        tx.try_send(1).unwrap();
        assert_eq!((first.wakes(), second.wakes(), third.wakes()), (1, 0, 0));
        drop(first);
        assert_eq!((second.wakes(), third.wakes()), (1, 0));
        // Woken in its turn, and gone as well.
        drop(second);
        assert_eq!(third.wakes(), 1);
        assert_eq!(third.ready(), 1);
    }
}

/// The same where the other one is a stream.
#[test]
fn t02_a_dropped_receive_or_stream_leaves_nobody_asleep() {
    let (tx, rx) = chan(1);
    let mut streams = [rx.stream(), rx.stream()];
    let [one, other] = &mut streams;
    let mut first = Polled::new(rx.recv());
    let (mut woken, mut left) = (Polled::new(one.next()), Polled::new(other.next()));
    assert!(first.poll().is_pending() && woken.poll().is_pending() && left.poll().is_pending());
    tx.try_send(1).unwrap();
    drop(first);
    assert_eq!((woken.wakes(), left.wakes()), (1, 1));
    drop(woken);
    assert_eq!(left.ready(), Some(1));
}

// T6: a value in a send that goes.

/// crossfire#72: the future of a send owned its value in a way that only polling released. Created and
/// dropped unpolled, it leaked the value.
#[test]
fn t06_a_send_drops_its_value_once_wherever_it_is_dropped() {
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

/// The other ways to send: each unpolled, and polled once.
#[test]
fn t06_every_way_to_send_drops_its_value_once() {
    let (ch, value) = (Chan::new(0), flag());
    let nil = Chan::nil();
    let tx = ch.tx();
    #[track_caller]
    fn check<F: Future>(value: &common::Flag, send: impl Fn(common::Flag) -> F) {
        drop(Polled::new(send(value.clone())));
        assert_eq!(value.alive(), 1, "unpolled");
        let mut polled = Polled::new(send(value.clone()));
        assert!(polled.poll().is_pending());
        assert_eq!(value.alive(), 2);
        drop(polled);
        assert_eq!(value.alive(), 1, "polled once");
    }
    check(&value, |v| ch.send(v));
    check(&value, |v| nil.send(v));
    check(&value, |v| {
        let ch = &ch;
        async move {
            select! { ch <- v => {} }
        }
    });
    check(&value, |v| {
        let ch = &ch;
        async move {
            select! { () = ch.send(v) => {} }
        }
    });
    check(&value, |v| {
        let mut select = Select::new();
        select.send(&tx, v, drop);
        select.wait()
    });
    check(&value, |v| {
        let mut sink = tx.sink();
        async move { sink.send(v).await }
    });
    assert!(matches!(ch.try_recv(), Err(TryRecvError::Empty)), "nobody is left in line");
}

/// The value panics when it is dropped, and is dropped once all the same; the channel is as good as
/// before.
#[test]
fn t06_a_send_whose_value_panics_when_it_is_dropped_leaves_the_line() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert!(std::thread::panicking(), "a drop of the user's");
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let bomb = || Bomb(Arc::clone(&dropped));
    let drops = || dropped.swap(0, Ordering::Relaxed);
    let ch = Chan::new(0);

    let send = Polled::new(ch.send(bomb()));
    assert_eq!(panic_text(|| drop(send)), "a drop of the user's");
    assert_eq!(drops(), 1, "unpolled");
    let mut send = Polled::new(ch.send(bomb()));
    let mut next = Polled::new(async {
        select! { ch <- bomb() => {} }
    });
    assert!(send.poll().is_pending() && next.poll().is_pending());
    assert_eq!(panic_text(|| drop(send)), "a drop of the user's");
    assert_eq!(drops(), 1, "polled once");
    assert_eq!(panic_text(|| drop(next)), "a drop of the user's");
    assert_eq!(drops(), 1, "in a select");
    assert!(ch.try_recv().is_err(), "nobody is left in line");

    let mut last = Polled::new(ch.send(bomb()));
    assert!(last.poll().is_pending());
    ch.close();
    assert_eq!(panic_text(|| last.poll()), "a drop of the user's");
    drop(last);
    assert_eq!(drops(), 1, "on a closed channel, where the send panics too");
}

// T7: a waker that is left behind.

/// crossfire#22, crossfire PR#23: an operation registered its waker, succeeded at its second look and
/// left the waker behind. The next wake-up, the only one, went to it.
#[test]
fn t07_a_receive_that_succeeds_at_its_second_look_leaves_nothing_in_line() {
    let (tx, rx) = chan(1);
    // The waker is cloned between the first look and the second: this is when the value comes.
    let sender = tx.clone();
    let waker = nosy_waker(move |call| {
        if call == Call::Clone {
            let _ = sender.try_send(1);
        }
    });
    let mut waiting = Polled::new(rx.recv());
    let mut lucky = Polled::new(rx.recv());
    assert_eq!(lucky.poll_with(&waker), Poll::Ready(1));
    assert!(rx.is_empty());
    assert!(waiting.poll().is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(waiting.wakes(), 1, "the wake-up went elsewhere");
    assert_eq!(waiting.ready(), 2);
}

/// The same of a send, and of a select.
#[test]
fn t07_a_send_that_succeeds_at_its_second_look_leaves_nothing_in_line() {
    let (tx, rx) = chan(1);
    let receiver = rx.clone();
    let waker = nosy_waker(move |call| {
        if call == Call::Clone {
            let _ = receiver.try_recv();
        }
    });
    tx.try_send(0).unwrap();
    let mut lucky = Polled::new(tx.send(1));
    assert_eq!(lucky.poll_with(&waker), Poll::Ready(Ok(())));
    let never = Chan::<i32>::new(0);
    let mut selected = Polled::new(async {
        select! {
            r = tx <- 2 => r,
            _ = <-never => unreachable!(),
        }
    });
    assert_eq!(selected.poll_with(&waker), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "another one is in line");
    tx.try_send(3).unwrap();
    let mut waiting = Polled::new(tx.send(4));
    assert!(waiting.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(3));
    assert_eq!(waiting.wakes(), 1, "the wake-up went elsewhere");
    assert_eq!((waiting.ready(), rx.try_recv()), (Ok(()), Ok(4)));
    assert!(never.try_send(1).is_err());
}

/// Random operations, some given up, on one thread: whatever was accepted comes out once.
#[test]
fn t07_nothing_is_lost_or_doubled_under_random_cancellation() {
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

/// What became of numbered messages.
struct Fates(Vec<AtomicU8>);

const ARRIVED: u8 = 1;
const DROPPED: u8 = 2;

/// A message. It tells what became of it when it is dropped.
#[derive(Clone)]
struct Message(Arc<Fates>, usize, u8);

impl Message {
    fn new(fates: &Arc<Fates>, number: usize) -> Self {
        Self(Arc::clone(fates), number, DROPPED)
    }

    fn arrive(mut self) {
        self.2 = ARRIVED;
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        let before = self.0.0[self.1].swap(self.2, Ordering::Relaxed);
        assert_eq!(before, 0, "message {} has two ends", self.1);
    }
}

/// Three senders and three receivers with random time limits; every message that was sent arrives, and
/// each ends once.
#[cfg(not(foreign_executor))]
async fn random_timeouts(capacity: usize, each: usize, chance: u64) {
    use gort::time::{Duration, timeout};
    const SENDERS: usize = 3;
    let limit = |rng: &mut fastrand::Rng| Duration::from_micros(rng.u64(..40));
    let fates = Arc::new(Fates((0..SENDERS * each).map(|_| AtomicU8::new(0)).collect()));
    let (tx, rx) = chan::<Message>(capacity);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (tx, fates) = (tx.clone(), Arc::clone(&fates));
            let mut rng = fastrand::Rng::with_seed(chance + sender as u64);
            go(async move {
                let mut sent = Vec::new();
                for number in sender * each..(sender + 1) * each {
                    let send = tx.send(Message::new(&fates, number));
                    if let Ok(outcome) = timeout(limit(&mut rng), send).await {
                        assert!(outcome.is_ok());
                        sent.push(number);
                    }
                }
                sent
            })
        })
        .collect();
    drop(tx);
    let receivers: Vec<_> = (0..3)
        .map(|receiver| {
            let rx = rx.clone();
            let mut rng = fastrand::Rng::with_seed(chance + 100 + receiver);
            go(async move {
                loop {
                    match timeout(limit(&mut rng), rx.next()).await {
                        Ok(Some(message)) => message.arrive(),
                        Ok(None) => return,
                        Err(_) => {}
                    }
                }
            })
        })
        .collect();
    let mut sent = Vec::new();
    for sender in senders {
        sent.extend(sender.await.unwrap());
    }
    for receiver in receivers {
        receiver.await.unwrap();
    }
    // Given back by a receive that had seen the end of the channel before.
    while let Ok(message) = rx.try_recv() {
        message.arrive();
    }
    assert!(!sent.is_empty());
    for number in sent {
        assert_eq!(fates.0[number].load(Ordering::Relaxed), ARRIVED, "{number} was sent");
    }
    assert!(fates.0.iter().all(|fate| fate.load(Ordering::Relaxed) != 0), "a message has leaked");
}

#[cfg(not(foreign_executor))]
#[test]
fn t07_senders_and_receivers_with_random_timeouts_lose_no_message() {
    for capacity in [0, 1, 5] {
        run(random_timeouts(capacity, 300, 1));
        for seed in 0..100 {
            simulated(seed).run(random_timeouts(capacity, 20, seed));
        }
    }
}

/// Threads with futures that are given up at random.
#[test]
fn t07_threads_that_give_up_at_random_lose_nothing() {
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

// T8: a future that is kept and not polled.

/// Polls `future`, which waits, until `matched` has had its way with it, and no more.
#[cfg(not(foreign_executor))]
async fn leave_with<F: Future + Unpin>(future: &mut F, mut matched: impl FnMut() -> bool) {
    loop {
        // Under a schedule with a seed it may lose its turn before it gets in line.
        assert!(poll_once(future).await.is_pending());
        if matched() {
            return;
        }
        yield_now().await;
    }
}

/// tokio#6450, Oxide's RFD 609 ("futurelock"): a task polled one future, which took a place in line, went
/// on with another one and kept the first without polling it. The lock, or the permit, was granted to the
/// first; the second waited for it for ever. gort's rule: what a goroutine was handed and does not
/// collect, it takes itself where it would have to wait otherwise.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_value_for_a_receive_that_is_kept_unpolled_goes_to_its_own_goroutine() {
    everywhere(|| async {
        let (tx, rx) = chan(0);
        let mut left = Box::pin(rx.recv());
        leave_with(&mut left, || tx.try_send(1).is_ok()).await;
        assert_eq!(rx.recv().await, 1, "futurelock");
        drop(left);
        assert!(tx.try_send(2).is_err());
    });
}

/// The same, when the future that goes on is a select, or a stream.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_select_or_a_stream_takes_what_its_own_goroutine_left_behind() {
    everywhere(|| async {
        let ((tx, rx), never) = (chan(0), Chan::<i32>::new(0));
        let mut left = Box::pin(rx.recv());
        leave_with(&mut left, || tx.try_send(1).is_ok()).await;
        assert_eq!(select! { v = <-rx => v, v = <-never => v }, 1);
        // The first lines up anew when it looks.
        leave_with(&mut left, || tx.try_send(2).is_ok()).await;
        assert_eq!(rx.stream().next().await, Some(2));
        leave_with(&mut left, || tx.try_send(3).is_ok()).await;
        assert_eq!(left.await, 3);
    });
}

/// Another goroutine takes a match when its own has been polled from beginning to end without collecting
/// it.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_value_for_a_receive_that_is_kept_unpolled_goes_to_another_goroutine() {
    everywhere(|| async {
        let (tx, rx) = chan(0);
        let done = Chan::new(0);
        go({
            let (rx, done) = (rx.clone(), done.clone());
            async move {
                let mut left = Box::pin(rx.recv());
                leave_with(&mut left, || tx.try_send(1).is_ok()).await;
                done.send(0).await;
                // Polled for the match of `left`, and for `done`; `left` itself never again.
                done.recv().await;
            }
        });
        done.recv().await;
        let value = loop {
            let mut recv = Box::pin(rx.recv());
            if let Poll::Ready(value) = poll_once(&mut recv).await {
                break value;
            }
            drop(recv);
            yield_now().await;
        };
        assert_eq!(value, 1);
        done.send(0).await;
    });
}

/// The limit of that rule: whoever is waiting already when the match goes stale stays where it is. The
/// program is stuck then, and says so.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_goroutine_that_waits_behind_a_match_that_nobody_collects_is_reported() {
    use gort::time::{Duration, sleep};
    let text = common::everywhere::dies_seeded(|| async {
        let (tx, rx) = chan::<u32>(0);
        let (left, other) = (rx.clone(), rx);
        let matched = Arc::new(AtomicBool::new(false));
        let is_matched = matched.clone();
        go(async move {
            let mut left = Box::pin(left.recv());
            std::future::poll_fn(|cx| match is_matched.load(Ordering::Relaxed) {
                true => Poll::Pending,
                false => left.as_mut().poll(cx),
            })
            .await
        });
        // When time passes, everybody waits.
        sleep(Duration::from_millis(1)).await;
        let waits = go(async move { other.recv().await });
        sleep(Duration::from_millis(1)).await;
        matched.store(true, Ordering::Relaxed);
        tx.try_send(1).unwrap();
        waits.await.unwrap();
    });
    assert!(text.starts_with("fatal error: all goroutines are asleep - deadlock!"), "{text}");
}

/// A sender grants nothing that could be kept from others: its value is taken without its being polled.
#[test]
fn t08_a_send_that_is_kept_unpolled_gives_its_value_all_the_same() {
    let (tx, rx) = chan(1);
    tx.try_send(1).unwrap();
    let mut kept = Polled::new(tx.send(2));
    assert!(kept.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(Polled::new(tx.send(3)).ready(), Ok(()), "room is granted to nobody");
}

/// A lock, as in RFD 609.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_lock_that_is_kept_unpolled_does_not_keep_its_own_goroutine_out() {
    everywhere(|| async {
        let mutex = Arc::new(gort::sync::Mutex::new(0));
        let guard = mutex.clone().lock_owned().await;
        let (waiting, waits) = (mutex.clone(), Chan::<()>::new(0));
        let is_waiting = waits.clone();
        let task = go(async move {
            let mut kept = Box::pin(waiting.lock());
            assert!(poll_once(&mut kept).await.is_pending());
            waits.send(()).await;
            *waiting.lock().await += 1;
            // Released in between: now the kept one.
            *kept.await += 1;
        });
        is_waiting.recv().await;
        drop(guard);
        task.await.unwrap();
        assert_eq!(*mutex.lock().await, 2);
    });
}

/// A lock operation is kept, and its goroutine waits for another one, which waits for the lock behind it.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_lock_that_is_kept_unpolled_does_not_keep_those_out_who_wait_for_it_already() {
    use gort::time::{Duration, sleep};
    seeded(|| async {
        let mutex = Arc::new(gort::sync::Mutex::new(0));
        let guard = mutex.clone().lock_owned().await;
        let done = Chan::<()>::new(0);
        let keeper = go({
            let (mutex, done) = (mutex.clone(), done.clone());
            async move {
                let mut kept = Box::pin(mutex.lock());
                assert!(poll_once(&mut kept).await.is_pending());
                done.recv().await;
                assert_eq!(*kept.await, 1);
            }
        });
        // When time passes, everybody waits.
        sleep(Duration::from_millis(1)).await;
        go(async move {
            *mutex.lock().await += 1;
            done.send(()).await;
        });
        sleep(Duration::from_millis(1)).await;
        drop(guard);
        keeper.await.unwrap();
    });
}

/// The limit of that: it is the goroutine's last word before the release that counts. One that has waited for the lock,
/// and turns to something else when it is woken, leaves those behind it asleep.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_goroutine_that_waits_behind_a_lock_that_nobody_takes_is_reported() {
    use gort::time::{Duration, sleep};
    let text = common::everywhere::dies_seeded(|| async {
        let mutex = Arc::new(gort::sync::Mutex::new(0));
        let guard = mutex.clone().lock_owned().await;
        let released = Arc::new(AtomicBool::new(false));
        let (waits, is_released) = (mutex.clone(), released.clone());
        go(async move {
            let mut kept = Box::pin(waits.lock());
            std::future::poll_fn(|cx| match is_released.load(Ordering::Relaxed) {
                true => Poll::Pending,
                false => kept.as_mut().poll(cx).map(drop),
            })
            .await
        });
        // When time passes, everybody waits.
        sleep(Duration::from_millis(1)).await;
        let behind = go(async move { *mutex.lock().await });
        sleep(Duration::from_millis(1)).await;
        released.store(true, Ordering::Relaxed);
        drop(guard);
        behind.await.unwrap();
    });
    assert!(text.starts_with("fatal error: all goroutines are asleep - deadlock!"), "{text}");
}

// T10: a goroutine that ends after it was handed something.

/// moonbit's async#160, cats-effect#3554: a waiter was assigned a value, and its task was cancelled
/// before it ran. The value was gone. As T1, but the future goes with its goroutine: here by an abort.
#[test]
fn t10_a_goroutine_that_is_aborted_gives_its_value_back() {
    async fn case() {
        for _ in 0..20 {
            let (tx, rx) = chan(0);
            let receiver = go({
                let rx = rx.clone();
                async move { rx.next().await }
            });
            while tx.try_send(1).is_err() {
                yield_now().await;
            }
            receiver.abort();
            let got = receiver.await.ok().flatten();
            assert_eq!(got.or_else(|| rx.try_recv().ok()), Some(1));
        }
    }
    run(case());
    #[cfg(not(foreign_executor))]
    seeded(case);
}

/// By the end of its runtime. The channel, and whoever else waits, live on.
#[cfg(not(foreign_executor))]
#[test]
fn t10_a_goroutine_that_a_shutdown_drops_gives_its_value_back() {
    use gort::runtime::Builder;
    let current_thread = || Builder::new_current_thread().build().unwrap();
    let make: [&dyn Fn() -> gort::runtime::Runtime; 2] = [&current_thread, &|| simulated(1)];
    for (runtime, somebody_waits) in make.map(|make| make()).into_iter().zip([false, true]) {
        let (tx, rx) = chan(0);
        let mut other = Polled::new(rx.next());
        runtime.block_on(async {
            go({
                let rx = rx.clone();
                async move { rx.next().await }
            });
            // Alone on its thread: the receiver does not run between the match and the end.
            while tx.try_send(1).is_err() {
                yield_now().await;
            }
        });
        if somebody_waits {
            assert!(other.poll().is_pending());
        }
        drop(runtime);
        assert_eq!(other.wakes(), usize::from(somebody_waits));
        assert_eq!(other.ready(), Some(1));
    }
}

/// By a timeout that is up in the same moment. Whichever was first, the value is in one place.
#[cfg(not(foreign_executor))]
#[test]
fn t10_a_receive_that_a_timeout_ends_gives_its_value_back() {
    use gort::time::{Duration, after, sleep, timeout};
    const LIMIT: Duration = Duration::from_millis(5);
    let mut ends = [0; 2];
    for seed in 0..200 {
        let got = simulated(seed).run(async move {
            let (tx, rx) = chan(0);
            let receiver = go({
                let rx = rx.clone();
                async move {
                    if seed % 2 == 0 {
                        timeout(LIMIT, rx.next()).await.ok().flatten()
                    } else {
                        select! {
                            v = rx.next() => v,
                            <-after(LIMIT) => None,
                        }
                    }
                }
            });
            sleep(LIMIT).await;
            let sent = tx.try_send(1).is_ok();
            let got = receiver.await.unwrap();
            assert_eq!(got.or_else(|| rx.try_recv().ok()), sent.then_some(1), "seed {seed}");
            got
        });
        ends[usize::from(got.is_some())] += 1;
    }
    assert!(ends[0] > 0 && ends[1] > 0, "both happen: {ends:?}");
}

/// By a panic elsewhere in the same goroutine.
#[cfg(not(foreign_executor))]
#[test]
fn t10_a_goroutine_that_panics_gives_its_value_back() {
    everywhere(|| async {
        let (tx, rx) = chan(0);
        let matched = Arc::new(AtomicBool::new(false));
        let is_matched = matched.clone();
        let receiver = go({
            let rx = rx.clone();
            async move {
                let mut recv = pin!(rx.next());
                std::future::poll_fn(|cx| {
                    assert!(!is_matched.load(Ordering::Relaxed), "before it looks");
                    recv.as_mut().poll(cx)
                })
                .await
            }
        });
        while tx.try_send(1).is_err() {
            yield_now().await;
        }
        matched.store(true, Ordering::Relaxed);
        // On another worker it may have been faster.
        let got = receiver.await.ok().flatten();
        assert_eq!(got.or_else(|| rx.try_recv().ok()), Some(1));
    });
}

/// The same without an executor: unwinding drops the future.
#[test]
fn t10_a_receive_that_is_unwound_gives_its_value_back() {
    let (tx, rx) = chan(0);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let mut recv = Polled::new(rx.recv());
        assert!(recv.poll().is_pending());
        tx.try_send(1).unwrap();
        panic!("before it looks");
    }));
    assert!(unwound.is_err());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(matches!(tx.try_send(2), Err(TrySendError::Full(2))), "out of line");
}

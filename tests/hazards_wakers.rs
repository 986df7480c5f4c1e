//! Hazards of wakers: they are code of somebody else's, called at a delicate moment. T24 and T25.

mod common;

use common::{Call, Polled, nosy_waker, panic_text};
use futures::{SinkExt, StreamExt};
use gort::context::background;
use gort::semaphore::Weighted;
use gort::sync::{Cond, Mutex as GortMutex, RawMutex, RwLock, WaitGroup};
use gort::{Chan, Receiver, Select, Sender, chan, select};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

// T24: wakers that come back to the object, or panic.

type Waiting = Pin<Box<dyn Future<Output = ()>>>;

/// Something that can be waited for.
struct Scene {
    name: &'static str,
    /// Another one who waits for it.
    wait: Box<dyn Fn() -> Waiting>,
    /// Uses it in other ways, which takes its lock.
    visit: Arc<dyn Fn() + Send + Sync>,
    /// Lets three of them go on, if it is called three times. May not get to its end.
    complete: Box<dyn Fn()>,
}

/// Enters the object from a waker: waits, and gives up.
fn glance(waiting: impl Future) {
    let mut waiting = std::pin::pin!(waiting);
    let _ = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

/// A future that can be polled again after a panic: the one inside can, but not an `async` block around it.
async fn sturdy<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let poll = || future.as_mut().poll(cx);
        catch_unwind(AssertUnwindSafe(poll)).unwrap_or(Poll::Pending)
    })
    .await
}

/// Receives of all kinds end by what `complete` does.
fn receives(name: &'static str, complete: impl Fn(&Sender<u32>) + 'static) -> Scene {
    let (tx, rx) = chan::<u32>(0);
    let (waits, visits) = (rx.clone(), (tx.clone(), rx));
    Scene {
        name,
        wait: Box::new(move || {
            let rx = waits.clone();
            Box::pin(async move { _ = sturdy(rx.next()).await })
        }),
        visit: Arc::new(move || {
            assert!(visits.0.is_empty());
            glance(visits.1.next());
        }),
        complete: Box::new(move || complete(&tx)),
    }
}

/// Sends end by what `complete` does.
fn sends(name: &'static str, complete: impl Fn(&Receiver<u32>) + 'static) -> Scene {
    let (tx, rx) = chan::<u32>(0);
    let (waits, visits) = (tx.clone(), (tx, rx.clone()));
    Scene {
        name,
        wait: Box::new(move || {
            let tx = waits.clone();
            Box::pin(async move { sturdy(tx.send(1)).await.unwrap() })
        }),
        visit: Arc::new(move || {
            assert!(visits.1.is_empty());
            glance(visits.0.send(2));
        }),
        complete: Box::new(move || complete(&rx)),
    }
}

/// Whether the future is ready at once.
fn is_ready<F: Future>(future: F) -> bool {
    Polled::new(future).poll().is_ready()
}

fn selects() -> Scene {
    let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
    let [waits, visits] = [(a.clone(), b.clone()), (a, b.clone())];
    Scene {
        name: "select!",
        wait: Box::new(move || {
            let (a, b) = waits.clone();
            Box::pin(async move {
                select! { a <- 1 => {}, <-b => {}, () = std::future::pending() => {} }
            })
        }),
        visit: Arc::new(move || {
            assert!(visits.0.is_empty());
            let (a, b) = &visits;
            // Never what would end the wait.
            glance(async {
                select! { <-b => {}, default => {} }
            });
            glance(async {
                select! { <-b => {}, a <- 1 => {} }
            });
        }),
        complete: Box::new(move || _ = b.try_close()),
    }
}

fn dynamic_selects() -> Scene {
    let (a, b) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
    let [waits, visits] = [(a.clone(), b.clone()), (a, b.clone())];
    Scene {
        name: "Select",
        wait: Box::new(move || {
            let (a, b) = waits.clone();
            Box::pin(async move {
                let mut select = Select::new();
                select.send(&a, 1, drop);
                select.recv(&b, |_, _| ());
                sturdy(select.wait()).await;
            })
        }),
        visit: Arc::new(move || {
            let mut select = Select::new();
            select.send(&visits.0, 1, drop);
            select.recv(&visits.1, |_, _| ());
            glance(select.wait());
        }),
        complete: Box::new(move || _ = b.try_close()),
    }
}

/// Streams are woken by what `complete` does first, and end.
fn streams(name: &'static str, complete: impl Fn(&Chan<u32>) + 'static) -> Scene {
    let ch = Chan::<u32>::new(0);
    let [waits, visits] = [ch.clone(), ch.clone()];
    Scene {
        name,
        wait: Box::new(move || {
            let mut stream = waits.stream();
            Box::pin(async move { _ = sturdy(stream.next()).await })
        }),
        visit: Arc::new(move || {
            assert!(visits.is_empty());
            glance(visits.stream().next());
        }),
        complete: Box::new(move || {
            complete(&ch);
            ch.try_close();
        }),
    }
}

fn sinks() -> Scene {
    let (tx, rx) = chan::<u32>(0);
    let visits = (tx.clone(), rx.clone());
    Scene {
        name: "sink",
        wait: Box::new(move || {
            let mut sink = tx.sink();
            Box::pin(async move { sturdy(sink.send(1)).await.unwrap() })
        }),
        visit: Arc::new(move || {
            assert!(visits.1.is_empty());
            glance(visits.0.sink().send(2));
        }),
        complete: Box::new(move || while rx.try_recv().is_ok() {}),
    }
}

fn ends() -> Scene {
    let ch = Chan::<u32>::new(0);
    let (waits, visits) = (ch.tx(), ch.tx());
    Scene {
        name: "closed",
        wait: Box::new(move || {
            let tx = waits.clone();
            Box::pin(async move { sturdy(tx.closed()).await })
        }),
        visit: Arc::new(move || {
            assert!(visits.is_empty());
            glance(visits.closed());
        }),
        complete: Box::new(move || _ = ch.try_close()),
    }
}

fn locks() -> Scene {
    let mutex = Arc::new(GortMutex::new(()));
    let guard = Mutex::new(Some(Arc::clone(&mutex).try_lock_owned().unwrap()));
    let (waits, visits) = (Arc::clone(&mutex), mutex);
    Scene {
        name: "Mutex",
        wait: Box::new(move || {
            let lock = Arc::clone(&waits).lock_owned();
            Box::pin(async move { drop(sturdy(lock).await) })
        }),
        visit: Arc::new(move || {
            let _held = visits.try_lock();
            glance(visits.lock());
        }),
        complete: Box::new(move || {
            let guard = guard.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            drop(guard);
        }),
    }
}

fn raw_locks() -> Scene {
    let mutex: &'static RawMutex = Box::leak(Box::new(RawMutex::new()));
    // Leaked, where a leak checker finds it.
    static ALL: Mutex<Vec<&RawMutex>> = Mutex::new(Vec::new());
    ALL.lock().unwrap().push(mutex);
    assert!(mutex.try_lock());
    let held = AtomicUsize::new(1);
    Scene {
        name: "RawMutex",
        wait: Box::new(move || {
            Box::pin(async move {
                sturdy(mutex.lock()).await;
                mutex.unlock();
            })
        }),
        visit: Arc::new(move || {
            let is_held = mutex.try_lock();
            glance(mutex.lock());
            if is_held {
                mutex.unlock();
            }
        }),
        complete: Box::new(move || {
            if held.swap(0, Ordering::Relaxed) == 1 {
                mutex.unlock();
            }
        }),
    }
}

/// Waits for the lock that a writer holds.
fn rw_locks(name: &'static str, wait: fn(Arc<RwLock<()>>) -> Waiting) -> Scene {
    let lock = Arc::new(RwLock::new(()));
    let guard = Mutex::new(Some(Arc::clone(&lock).try_write_owned().unwrap()));
    let (waits, visits) = (Arc::clone(&lock), lock);
    Scene {
        name,
        wait: Box::new(move || wait(Arc::clone(&waits))),
        visit: Arc::new(move || {
            // Both take the lock of the queues, and a writer is not kept out for long.
            let _held = visits.try_read();
            assert!(visits.try_write().is_err());
            glance(visits.read());
        }),
        complete: Box::new(move || {
            let guard = guard.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            drop(guard);
        }),
    }
}

fn rw_reads() -> Scene {
    rw_locks("RwLock, read", |lock| Box::pin(async move { drop(sturdy(lock.read_owned()).await) }))
}

fn rw_writes() -> Scene {
    rw_locks("RwLock, write", |lock| {
        Box::pin(async move { drop(sturdy(lock.write_owned()).await) })
    })
}

fn semaphores() -> Scene {
    let semaphore = Weighted::new(1);
    assert!(semaphore.try_acquire(1));
    let [waits, visits] = [semaphore.clone(), semaphore.clone()];
    let held = AtomicUsize::new(1);
    Scene {
        name: "Weighted",
        wait: Box::new(move || {
            let semaphore = waits.clone();
            Box::pin(async move {
                sturdy(semaphore.acquire(&background(), 1)).await.unwrap();
                semaphore.release(1);
            })
        }),
        visit: Arc::new(move || {
            let is_held = visits.try_acquire(1);
            glance(visits.acquire(&background(), 1));
            if is_held {
                visits.release(1);
            }
        }),
        complete: Box::new(move || {
            if held.swap(0, Ordering::Relaxed) == 1 {
                semaphore.release(1);
            }
        }),
    }
}

/// Who waits with a lock that is free whenever it is wanted again.
fn conds(name: &'static str, tell: fn(&Cond)) -> Scene {
    let cond = Arc::new(Cond::new());
    let [waits, visits] = [Arc::clone(&cond), Arc::clone(&cond)];
    let mutex = Arc::new(RawMutex::new());
    Scene {
        name,
        wait: Box::new(move || {
            let (cond, mutex) = (Arc::clone(&waits), Arc::clone(&mutex));
            Box::pin(async move {
                sturdy(mutex.lock()).await;
                sturdy(cond.wait(&*mutex)).await.unlock();
            })
        }),
        visit: Arc::new(move || {
            let own = GortMutex::new(());
            glance(visits.wait(own.try_lock().unwrap()));
        }),
        complete: Box::new(move || tell(&cond)),
    }
}

fn signals() -> Scene {
    conds("Cond, signal", Cond::signal)
}

fn broadcasts() -> Scene {
    conds("Cond, broadcast", Cond::broadcast)
}

fn groups() -> Scene {
    let wg = WaitGroup::new();
    wg.add(1);
    let [waits, visits] = [wg.clone(), wg.clone()];
    let left = AtomicUsize::new(1);
    Scene {
        name: "WaitGroup",
        wait: Box::new(move || {
            let wg = waits.clone();
            Box::pin(async move { sturdy(wg.wait()).await })
        }),
        visit: Arc::new(move || glance(visits.wait())),
        complete: Box::new(move || {
            if left.swap(0, Ordering::Relaxed) == 1 {
                wg.done();
            }
        }),
    }
}

fn dynamic_send(tx: &Sender<u32>) -> bool {
    let mut select = Select::new();
    select.send(tx, 1, drop);
    is_ready(select.wait())
}

fn dynamic_receive(rx: &Receiver<u32>) -> bool {
    let mut select = Select::new();
    select.next(rx, drop);
    is_ready(select.wait())
}

/// All that can be waited for, and all that can end the wait.
fn scenes() -> Vec<Box<dyn Fn() -> Scene>> {
    vec![
        Box::new(|| receives("recv, try_send", |tx| while tx.try_send(1).is_ok() {})),
        Box::new(|| receives("recv, send", |tx| while is_ready(tx.send(1)) {})),
        Box::new(|| receives("recv, close", |tx| _ = tx.try_close())),
        Box::new(|| receives("recv, sink", |tx| while is_ready(tx.sink().send(1)) {})),
        Box::new(|| {
            receives("recv, select!", |tx| {
                while is_ready(async {
                    select! { _r = tx <- 1 => {} }
                }) {}
            })
        }),
        Box::new(|| receives("recv, Select", |tx| while dynamic_send(tx) {})),
        Box::new(|| sends("send, try_recv", |rx| while rx.try_recv().is_ok() {})),
        Box::new(|| sends("send, recv", |rx| while is_ready(rx.recv()) {})),
        Box::new(|| sends("send, stream", |rx| while is_ready(rx.stream().next()) {})),
        Box::new(|| {
            sends("send, select!", |rx| {
                while is_ready(async {
                    select! { <-rx => {} }
                }) {}
            })
        }),
        Box::new(|| sends("send, Select", |rx| while dynamic_receive(rx) {})),
        Box::new(|| streams("stream, send", |ch| glance(ch.send(1)))),
        Box::new(|| {
            streams("stream, select!", |ch| {
                glance(async {
                    select! { ch <- 1 => {} }
                })
            })
        }),
        Box::new(|| streams("stream, Select", |ch| _ = dynamic_send(&ch.tx()))),
        Box::new(selects),
        Box::new(dynamic_selects),
        Box::new(sinks),
        Box::new(ends),
        Box::new(locks),
        Box::new(raw_locks),
        Box::new(rw_reads),
        Box::new(rw_writes),
        Box::new(semaphores),
        Box::new(signals),
        Box::new(broadcasts),
        Box::new(groups),
    ]
}

/// Everything that is done to a waker, at every moment at which it is: the future is polled by one task,
/// by another, by the first again, is woken and polled; or is dropped before that.
fn drive(scene: &Scene, waiting: &mut Polled<Waiting>, a: &Waker, b: &Waker) {
    for waker in [a, b, a] {
        assert!(waiting.poll_with(waker).is_pending(), "{}", scene.name);
    }
    (scene.complete)();
}

/// tokio#5429, asyncband#125, asyncband#189: wakers were cloned, woken or dropped under the lock of the
/// object that kept them. One whose clone, wake or drop used the same object waited for itself for ever.
#[test]
fn t24_a_waker_may_use_the_object_whenever_it_is_called() {
    for make in scenes() {
        for call in [Call::Clone, Call::Wake, Call::Drop] {
            for is_dropped in [false, true] {
                let scene = make();
                let calls = Arc::new(AtomicUsize::new(0));
                let nosy = || {
                    let (visit, calls) = (Arc::clone(&scene.visit), Arc::clone(&calls));
                    nosy_waker(move |seen| {
                        if seen == call {
                            calls.fetch_add(1, Ordering::Relaxed);
                            visit();
                        }
                    })
                };
                let (a, b) = (nosy(), nosy());
                let mut waiting = Polled::new((scene.wait)());
                if is_dropped {
                    assert!(
                        waiting.poll_with(&a).is_pending() && waiting.poll_with(&b).is_pending()
                    );
                } else {
                    drive(&scene, &mut waiting, &a, &b);
                    assert!(waiting.poll_with(&a).is_ready(), "{}", scene.name);
                }
                drop(waiting);
                drop((a, b));
                let expected = call != Call::Wake || !is_dropped;
                assert!(!expected || calls.load(Ordering::Relaxed) > 0, "{}: {call:?}", scene.name);
            }
        }
    }
}

/// tokio#5429, asyncband#258: a waker that panicked left a lock poisoned, or others asleep who should
/// have been woken after it. Here one of three waits with such a waker; the other two must not notice.
#[test]
fn t24_a_waker_that_panics_harms_nobody_else_who_waits() {
    for make in scenes() {
        for call in [Call::Clone, Call::Wake, Call::Drop] {
            for nth in 0..3 {
                let scene = make();
                let calls = Arc::new(AtomicUsize::new(0));
                let bomb = || {
                    let calls = Arc::clone(&calls);
                    nosy_waker(move |seen| {
                        if seen == call && calls.fetch_add(1, Ordering::Relaxed) == nth {
                            panic!("a waker of the user's");
                        }
                    })
                };
                let mut before = Polled::new((scene.wait)());
                assert!(before.poll().is_pending());
                let mut between = Polled::new((scene.wait)());
                let (a, b) = (bomb(), bomb());
                let contained = |f: &mut dyn FnMut()| drop(catch_unwind(AssertUnwindSafe(f)));
                for waker in [&a, &b, &a] {
                    contained(&mut || _ = between.poll_with(waker));
                }
                let mut after = Polled::new((scene.wait)());
                assert!(after.poll().is_pending());
                for _ in 0..3 {
                    contained(&mut || (scene.complete)());
                }
                assert!(before.wakes() > 0, "{}: {call:?} {nth}", scene.name);
                let mut before = Some(before);
                contained(&mut || before.take().expect("once").ready());
                contained(&mut || _ = between.poll_with(&b));
                let mut parts = [Some(a), Some(b)];
                let mut between = Some(between);
                contained(&mut || drop(between.take()));
                parts.iter_mut().for_each(|waker| contained(&mut || drop(waker.take())));
                assert!(after.wakes() > 0, "{}: {call:?} {nth}", scene.name);
                after.ready();
            }
        }
    }
}

/// Two wait in one goroutine. What the first is given it does not collect, so the second one takes it when it looks,
/// with a waker that it turns out not to need. This waker and the one that it left before use the object when they
/// are dropped, or woken, or one of them panics.
#[cfg(not(foreign_executor))]
#[test]
fn t24_a_waker_that_is_not_needed_after_all_harms_nobody() {
    let scenes = [locks, raw_locks, rw_reads, rw_writes, semaphores, signals, broadcasts];
    for make in scenes {
        for panics in [None, Some(0), Some(1)] {
            common::run(async move { take_with_two_wakers(&make(), panics) });
        }
    }
}

/// See above. Which call panics, if one does.
#[cfg(not(foreign_executor))]
fn take_with_two_wakers(scene: &Scene, panics: Option<usize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let nosy = || {
        let (calls, visit) = (Arc::clone(&calls), Arc::clone(&scene.visit));
        nosy_waker(move |call| {
            if call != Call::Clone {
                let number = calls.fetch_add(1, Ordering::Relaxed);
                assert!(panics != Some(number), "a waker of the user's");
                visit();
            }
        })
    };
    let mut kept = Polled::new((scene.wait)());
    assert!(kept.poll().is_pending());
    let mut robber = Polled::new((scene.wait)());
    let (a, b) = (nosy(), nosy());
    assert!(robber.poll_with(&a).is_pending());
    // Some tell the robber itself.
    let _ = catch_unwind(AssertUnwindSafe(|| (scene.complete)()));
    let was_told = calls.load(Ordering::Relaxed) > 0;
    let went_on = robber.poll_with(&b).is_ready();
    eprintln!(
        "XX {} {panics:?} {was_told} {went_on} {}",
        scene.name,
        calls.load(Ordering::Relaxed)
    );
    if !was_told {
        assert_eq!(calls.load(Ordering::Relaxed), 2, "{}", scene.name);
        assert_eq!(went_on, panics.is_none(), "{}", scene.name);
    }
    // If it panicked, it has not gone on, and gives up.
    drop(robber);
    if kept.poll().is_pending() {
        assert!(went_on, "{}: what was taken is lost", scene.name);
        (scene.complete)();
        kept.ready();
    }
    // These are clones that are alive: their drops are no part of it.
    calls.store(2, Ordering::Relaxed);
    drop((a, b));
}

/// Told between two looks: the clone of the waker, for which it does not keep the lock, was it that told.
#[test]
fn t24_a_waiter_that_is_told_while_its_waker_is_cloned() {
    for panics in [false, true] {
        let (cond, mutex) = (Arc::new(Cond::new()), RawMutex::new());
        assert!(mutex.try_lock());
        let mut wait = Polled::new(cond.wait(&mutex));
        assert!(wait.poll().is_pending());
        let waker = {
            let (cond, first) = (Arc::clone(&cond), AtomicUsize::new(0));
            nosy_waker(move |call| match call {
                Call::Clone => cond.signal(),
                Call::Drop if first.fetch_add(1, Ordering::Relaxed) == 0 => {
                    cond.broadcast();
                    assert!(!panics, "a waker of the user's");
                }
                _ => {}
            })
        };
        let polled = catch_unwind(AssertUnwindSafe(|| wait.poll_with(&waker).is_ready()));
        assert_eq!(polled.ok(), (!panics).then_some(true));
        drop(wait);
        // The signal was for nobody else; the queue is empty.
        assert_eq!(mutex.try_lock(), panics);
        mutex.try_lock();
        let mut next = Polled::new(cond.wait(&mutex));
        assert!(next.poll().is_pending());
        cond.signal();
        next.ready();
    }
}

/// Those who are woken together: the panic stops none of the others, whichever of them it was.
#[test]
fn t24_a_waker_that_panics_is_the_last_to_be_heard() {
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
    assert_eq!(panic_text(|| ch.try_send(1)), "a waker of the user's");
    assert_eq!(waiting[0].ready(), 1, "the value is where it belongs");
    ch.try_send(2).unwrap();
    assert_eq!(waiting[1].ready(), 2);
    assert!(waiting[0].poll_with(&bomb).is_pending());
    waiting.swap(0, 5);
    assert_eq!(panic_text(|| ch.close()), "a waker of the user's");
    for (i, recv) in waiting.iter_mut().enumerate() {
        if i != 1 && i != 5 {
            assert_eq!((i, recv.wakes()), (i, 1), "everybody else was woken");
        }
        assert_eq!(recv.ready(), 0);
    }
}

/// The same where they are more than are woken at a time.
#[test]
fn t24_a_waker_that_panics_leaves_nobody_asleep_who_is_told_with_it() {
    let bomb = || nosy_waker(|call| assert!(call != Call::Wake, "a waker of the user's"));
    let (wg, cond, mutex) = (WaitGroup::new(), Cond::new(), RawMutex::new());
    wg.add(1);
    let mut members: Vec<_> = (0..50).map(|_| Polled::new(wg.wait())).collect();
    let mut told: Vec<_> = (0..50).map(|_| Polled::new(cond.wait(&mutex))).collect();
    let panics = |at: usize| at == 0 || at == 20;
    for at in 0..50 {
        assert!(mutex.try_lock());
        if panics(at) {
            assert!(members[at].poll_with(&bomb()).is_pending());
            assert!(told[at].poll_with(&bomb()).is_pending());
        } else {
            assert!(members[at].poll().is_pending() && told[at].poll().is_pending());
        }
    }
    assert_eq!(panic_text(|| wg.done()), "a waker of the user's");
    assert_eq!(panic_text(|| cond.broadcast()), "a waker of the user's");
    for at in 0..50 {
        let expected = usize::from(!panics(at));
        assert_eq!((at, members[at].wakes(), told[at].wakes()), (at, expected, expected));
        members[at].ready();
        told[at].ready();
        mutex.unlock();
    }
}

/// What a waker does to the channel counts at the moment at which it does it.
#[test]
fn t24_a_waker_may_receive_on_the_spot() {
    let (tx, rx) = chan(1);
    let got = Arc::new(Mutex::new(Vec::new()));
    let waker = {
        let (rx, got) = (rx.clone(), got.clone());
        nosy_waker(move |_| {
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

// T25: wakers of goroutines.

#[cfg(not(foreign_executor))]
mod of_goroutines {
    use gort::runtime::{Builder, Runtime};
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, mpsc};
    use std::task::{Poll, Waker};
    use std::time::Duration;

    fn runtimes() -> [Runtime; 3] {
        let workers = |count| Builder::new_multi_thread().worker_threads(count).build().unwrap();
        [workers(1), workers(2), Builder::new_current_thread().build().unwrap()]
    }

    /// A goroutine that takes `data` in every poll, and the waker that it left there.
    fn takes_a_lock(
        runtime: &Runtime,
    ) -> (Arc<Mutex<Option<Waker>>>, gort::task::JoinHandle<usize>) {
        let data = Arc::new(Mutex::new(None));
        let taken = Arc::clone(&data);
        let mut polls = 0;
        let goroutine = runtime.spawn(poll_fn(move |cx| {
            // On the thread that wakes, under the lock that it holds, this would wait for ever.
            *taken.lock().unwrap() = Some(cx.waker().clone());
            polls += 1;
            if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
        }));
        (data, goroutine)
    }

    /// Wakes what has left its waker in `data`, with the lock held.
    fn wake_under_the_lock(data: &Mutex<Option<Waker>>) -> bool {
        let mut held = data.lock().unwrap();
        let Some(waker) = held.take() else { return false };
        waker.wake_by_ref();
        waker.wake();
        drop(held);
        true
    }

    /// ngx-rust#295: a waker polled its task on the spot, inside of whatever its caller was doing. The
    /// caller held a lock that the task wanted.
    #[test]
    fn t25_waking_never_polls_on_the_spot() {
        for runtime in runtimes() {
            let (data, goroutine) = takes_a_lock(&runtime);
            // From another goroutine, on the same worker where there is one only.
            let polls = runtime.block_on(async move {
                let wakes = gort::spawn(async move {
                    let mut wakes = 0;
                    while wakes < 2 {
                        wakes += usize::from(wake_under_the_lock(&data));
                        gort::task::yield_now().await;
                    }
                });
                wakes.await.unwrap();
                goroutine.await.unwrap()
            });
            assert_eq!(polls, 3);
            // From a thread that has nothing to do with the runtime.
            let (data, goroutine) = takes_a_lock(&runtime);
            let outside = std::thread::spawn(move || {
                let mut wakes = 0;
                while wakes < 2 {
                    wakes += usize::from(wake_under_the_lock(&data));
                    std::thread::yield_now();
                }
            });
            assert_eq!(runtime.block_on(goroutine).unwrap(), 3);
            outside.join().unwrap();
        }
    }

    /// Many goroutines that wait, each until it has been woken once, and their wakers.
    fn many_that_wait(
        runtime: &Runtime,
        count: usize,
    ) -> (Vec<Waker>, Vec<gort::task::JoinHandle<()>>) {
        let (sender, wakers) = mpsc::channel();
        let handles: Vec<_> = (0..count)
            .map(|_| {
                let (sender, mut woken) = (sender.clone(), false);
                runtime.spawn(poll_fn(move |cx| {
                    if std::mem::replace(&mut woken, true) {
                        return Poll::Ready(());
                    }
                    sender.send(cx.waker().clone()).unwrap();
                    Poll::Pending
                }))
            })
            .collect();
        drop(sender);
        let all = runtime.block_on(async {
            let mut all = Vec::new();
            while all.len() < count {
                all.extend(wakers.try_iter());
                gort::task::yield_now().await;
            }
            all
        });
        (all, handles)
    }

    /// compio#1044: the queue for wake-ups from other threads had 64 places. The 65th `wake` waited for
    /// room, while its caller held a lock that the executor's thread had come to need.
    #[test]
    fn t25_waking_never_waits_however_many_were_woken() {
        const MANY: usize = 5_000;
        for runtime in runtimes() {
            // From outside, and nobody runs: the one worker is stuck until all have been woken.
            let (wakers, handles) = many_that_wait(&runtime, MANY);
            let (stuck, is_stuck) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            let held = runtime.spawn(async move {
                stuck.send(()).unwrap();
                let _ = released.recv_timeout(Duration::from_secs(30));
            });
            let outside = std::thread::spawn(move || {
                is_stuck.recv().unwrap();
                wakers.into_iter().for_each(Waker::wake);
                drop(release);
            });
            runtime.block_on(async {
                held.await.unwrap();
                for handle in handles {
                    handle.await.unwrap();
                }
            });
            outside.join().unwrap();

            // From one poll of a goroutine.
            let (wakers, handles) = many_that_wait(&runtime, MANY);
            let ended = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&ended);
            runtime.block_on(async move {
                let wakes = gort::spawn(async move { wakers.into_iter().for_each(Waker::wake) });
                wakes.await.unwrap();
                for handle in handles {
                    handle.await.unwrap();
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert_eq!(ended.load(Ordering::Relaxed), MANY);
        }
    }
}

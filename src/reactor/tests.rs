//! The driver turned by hand, with both pollers.

use super::*;
use crate::sys::sync::atomic::AtomicUsize;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

fn drivers() -> impl Iterator<Item = Arc<Driver>> {
    [Backend::Native, Backend::Portable]
        .into_iter()
        .map(|backend| Arc::new(Driver::new(Clock::Real, backend, 2).unwrap()))
}

fn pair(driver: &Arc<Driver>) -> (Registered<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (there, _) = listener.accept().unwrap();
    here.set_nonblocking(true).unwrap();
    (Registered::new(here, driver.clone()).unwrap(), there)
}

/// Turns until there was an event for somebody; loopback delivers at once, but says so later.
fn turn_until(driver: &Driver, mut done: impl FnMut() -> bool) {
    while !done() {
        driver.try_turn(Wait::UpTo(Duration::from_secs(10)));
    }
}

fn poll_read(io: &Registered<TcpStream>, waker: &Waker, buf: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut cx = Context::from_waker(waker);
    io.poll_io(Direction::Read, &mut WaitId::poll(), &mut cx, |mut io, _| io.read(buf))
}

#[test]
fn a_read_waits_for_data_and_then_for_the_end() {
    for driver in drivers() {
        let (io, mut peer) = pair(&driver);
        let (count, waker) = counter();
        let mut buf = [0; 16];
        assert!(poll_read(&io, &waker, &mut buf).is_pending());
        assert!(poll_read(&io, &waker, &mut buf).is_pending());
        peer.write_all(b"hello").unwrap();
        turn_until(&driver, || count.0.load(Ordering::SeqCst) > 0);
        let Poll::Ready(Ok(5)) = poll_read(&io, &waker, &mut buf) else { panic!() };
        assert!(poll_read(&io, &waker, &mut buf).is_pending());
        let seen = count.0.load(Ordering::SeqCst);
        drop(peer);
        turn_until(&driver, || count.0.load(Ordering::SeqCst) > seen);
        let Poll::Ready(Ok(0)) = poll_read(&io, &waker, &mut buf) else { panic!() };
    }
}

#[test]
fn a_waiter_that_left_is_not_woken() {
    for driver in drivers() {
        let (io, mut peer) = pair(&driver);
        let ((gone, gone_waker), (stays, stays_waker)) = (counter(), counter());
        let (mut a, mut b) = (WaitId::NEW, WaitId::NEW);
        io.clear(Direction::Read, io.snapshot());
        for (id, waker) in [(&mut a, &gone_waker), (&mut b, &stays_waker)] {
            let mut cx = Context::from_waker(waker);
            assert!(io.poll_ready(Direction::Read, id, &mut cx).is_pending());
        }
        io.leave(Direction::Read, a);
        peer.write_all(b"x").unwrap();
        turn_until(&driver, || stays.0.load(Ordering::SeqCst) > 0);
        assert_eq!(gone.0.load(Ordering::SeqCst), 0);
        assert_eq!(Arc::strong_count(&gone), 2, "its waker was dropped");
    }
}

#[test]
fn an_event_for_a_dropped_source_hits_nobody_who_has_its_slot_now() {
    for driver in drivers() {
        let (old, _peer) = pair(&driver);
        let token = {
            let sources = driver.sources.lock();
            sources.slab.iter().next().unwrap().1.token
        };
        drop(old);
        let (new, _new_peer) = pair(&driver);
        new.clear(Direction::Read, new.snapshot());
        driver.dispatch(&[Event { token, bits: poller::bits::READ }]);
        assert!(!new.snapshot().is_ready(Direction::Read));
        assert_eq!(driver.sources(), 1);
    }
}

#[test]
fn a_descriptor_given_away_is_not_registered_and_still_open() {
    for driver in drivers() {
        let (io, mut peer) = pair(&driver);
        let mut io = io.into_inner().unwrap();
        assert_eq!(driver.sources(), 0);
        io.set_nonblocking(false).unwrap();
        peer.write_all(b"x").unwrap();
        assert_eq!(io.read(&mut [0; 4]).unwrap(), 1);
    }
}

#[test]
fn an_interrupt_is_kept_for_the_next_wait() {
    for driver in drivers() {
        driver.interrupt();
        driver.interrupt();
        assert_eq!(driver.try_turn(Wait::Forever), Some(0));
        assert_eq!(driver.try_turn(Wait::UpTo(Duration::from_nanos(1))), Some(0));
    }
}

#[test]
fn an_interrupt_that_ended_the_wait_of_another_thread_is_asked_for() {
    for driver in drivers() {
        // For this thread, which has not begun to wait.
        driver.interrupt();
        assert_eq!(driver.try_turn(Wait::Forever), Some(0), "the other thread");
        assert_eq!(driver.try_turn_unless(Wait::Forever, || true), Some(0));
        assert!(!driver.is_waiting());
    }
}

#[test]
fn an_interrupt_ends_a_wait_and_only_one_thread_waits() {
    for driver in drivers() {
        let sleeper = std::thread::spawn({
            let driver = driver.clone();
            move || driver.try_turn(Wait::Forever)
        });
        while !driver.is_waiting() {
            std::thread::yield_now();
        }
        assert_eq!(driver.try_turn(Wait::Now), None);
        driver.interrupt();
        assert_eq!(sleeper.join().unwrap(), Some(0));
        assert!(!driver.is_waiting());
    }
}

#[test]
fn a_new_first_deadline_ends_a_wait_for_a_later_one() {
    for driver in drivers() {
        let sleeper = std::thread::spawn({
            let driver = driver.clone();
            move || driver.try_turn(Wait::Forever)
        });
        while !driver.is_waiting() {
            std::thread::yield_now();
        }
        // On a busy machine a deadline may be over before the timer is registered.
        let mut timer = Timer::after(driver.shard().clone(), 1_000_000);
        while timer.poll_elapsed(&mut Context::from_waker(Waker::noop())).is_ready() {
            timer = Timer::after(driver.shard().clone(), 1_000_000);
        }
        sleeper.join().unwrap();
    }
}

#[test]
fn timers_fire_in_order_and_never_early() {
    let driver = drivers().next().unwrap();
    let base = driver.clock().now() + 1_000_000_000;
    let (count, waker) = counter();
    let mut cx = Context::from_waker(&waker);
    let mut timers: Vec<_> =
        (0..100).map(|i| Timer::new(driver.shard().clone(), base + (i * 37) % 100)).collect();
    for timer in &mut timers {
        assert!(timer.poll_elapsed(&mut cx).is_pending());
    }
    assert_eq!(driver.next_deadline(), base);
    assert_eq!(driver.fire_due(base - 1), 0);
    assert_eq!(driver.fire_due(base + 49), 50);
    assert_eq!(driver.next_deadline(), base + 50);
    assert_eq!(count.0.load(Ordering::SeqCst), 50);
    for timer in &mut timers {
        let due = timer.deadline() <= base + 49;
        assert_eq!(timer.poll_elapsed(&mut cx).is_ready(), due);
    }
    drop(timers);
    assert_eq!(driver.timers(), 0);
    assert_eq!(driver.next_deadline(), Nanos::MAX);
    assert_eq!(Arc::strong_count(&count), 2, "no waker is left behind");
}

#[test]
fn a_forgotten_timer_fires_and_is_gone() {
    let driver = drivers().next().unwrap();
    let base = driver.clock().now() + 1_000_000_000;
    let (count, waker) = counter();
    let mut timer = Timer::new(driver.shard().clone(), base);
    assert!(timer.poll_elapsed(&mut Context::from_waker(&waker)).is_pending());
    // Forgotten, but where a leak checker still finds it.
    static FORGOTTEN: std::sync::Mutex<Vec<Timer>> = std::sync::Mutex::new(Vec::new());
    FORGOTTEN.lock().unwrap().push(timer);
    assert_eq!(driver.fire_due(base), 1);
    assert_eq!((count.0.load(Ordering::SeqCst), driver.timers()), (1, 0));
}

#[test]
fn a_timer_that_moved_to_another_task_wakes_that_one() {
    let driver = drivers().next().unwrap();
    let base = driver.clock().now() + 1_000_000_000;
    let ((first, first_waker), (second, second_waker)) = (counter(), counter());
    let mut timer = Timer::new(driver.shard().clone(), base);
    assert!(timer.poll_elapsed(&mut Context::from_waker(&first_waker)).is_pending());
    assert!(timer.poll_elapsed(&mut Context::from_waker(&second_waker)).is_pending());
    timer.reset(base + 1);
    assert!(timer.poll_elapsed(&mut Context::from_waker(&second_waker)).is_pending());
    assert_eq!(driver.next_deadline(), base + 1);
    assert_eq!(driver.fire_due(base), 0);
    assert_eq!(driver.fire_due(base + 1), 1);
    assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (0, 1));
}

/// A waker that makes and cancels timers and sockets of the driver that wakes it.
struct Reenters(Arc<Driver>);

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        let mut timer = Timer::new(self.0.shard().clone(), Nanos::MAX);
        let _ = timer.poll_elapsed(&mut Context::from_waker(Waker::noop()));
        drop(pair(&self.0));
        self.0.interrupt();
        self.0.fire_due(0);
        self.0.try_turn(Wait::Now);
    }
}

#[test]
fn wakers_may_use_the_driver_that_calls_them() {
    for driver in drivers() {
        let waker = Waker::from(Arc::new(Reenters(driver.clone())));
        let mut timer = Timer::new(driver.shard().clone(), driver.clock().now() + 1_000_000_000);
        assert!(timer.poll_elapsed(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(driver.fire_due(Nanos::MAX - 1), 1);
        let (io, mut peer) = pair(&driver);
        assert!(poll_read(&io, &waker, &mut [0; 4]).is_pending());
        peer.write_all(b"x").unwrap();
        turn_until(&driver, || io.snapshot().is_ready(Direction::Read));
        assert_eq!(driver.timers(), 0);
        assert_eq!(driver.sources(), 1);
    }
}

#[test]
fn a_shutdown_wakes_who_waits_and_refuses_who_comes() {
    for driver in drivers() {
        let (io, _peer) = pair(&driver);
        let (count, waker) = counter();
        assert!(poll_read(&io, &waker, &mut [0; 4]).is_pending());
        driver.shut_down();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(matches!(poll_read(&io, &waker, &mut [0; 4]), Poll::Ready(Err(_))));
        let (late, _peer) = pair(&driver);
        assert!(matches!(poll_read(&late, &waker, &mut [0; 4]), Poll::Ready(Err(_))));
    }
}

#[test]
fn timers_that_are_stopped_wake_and_are_not_ready_early() {
    let driver = drivers().next().unwrap();
    let base = driver.clock().now() + 1_000_000_000;
    let (count, waker) = counter();
    let mut cx = Context::from_waker(&waker);
    let mut pending = Timer::new(driver.shard().clone(), base);
    let mut late = Timer::new(driver.shard().clone(), base);
    assert!(pending.poll_elapsed(&mut cx).is_pending());
    driver.stop_timers();
    assert_eq!((count.0.load(Ordering::SeqCst), driver.timers()), (1, 0));
    for timer in [&mut pending, &mut late] {
        assert!(timer.poll_elapsed(&mut cx).is_pending());
        assert!(timer.is_orphaned());
    }
    let other = drivers().next().unwrap();
    pending.move_to(other.shard().clone());
    assert!(pending.poll_elapsed(&mut cx).is_pending());
    assert_eq!(other.fire_due(base), 1);
    assert!(pending.poll_elapsed(&mut cx).is_ready());
}

#[test]
fn a_timer_that_is_reset_while_timers_are_being_stopped_wakes() {
    let driver = drivers().next().unwrap();
    let base = driver.clock().now() + 1_000_000_000;
    let (count, waker) = counter();
    let mut timer = Timer::new(driver.shard().clone(), base);
    assert!(timer.poll_elapsed(&mut Context::from_waker(&waker)).is_pending());
    // As if the other thread had come no further than here.
    driver.shared.timers_stopped.store(true, Ordering::Relaxed);
    timer.reset(base + 1);
    driver.stop_timers();
    assert_eq!((count.0.load(Ordering::SeqCst), driver.timers()), (1, 0));
    timer.reset(base + 2);
    assert!(timer.poll_elapsed(&mut Context::from_waker(&waker)).is_pending());
    assert!(timer.is_orphaned());
}

#[test]
fn a_timer_that_is_reset_is_the_first_or_not_any_more() {
    let driver = drivers().next().unwrap();
    let base = driver.clock().now() + 1_000_000_000;
    let (count, waker) = counter();
    let mut cx = Context::from_waker(&waker);
    let mut first = Timer::new(driver.shard().clone(), base);
    let mut second = Timer::new(driver.shard().clone(), base + 10);
    assert!(first.poll_elapsed(&mut cx).is_pending() && second.poll_elapsed(&mut cx).is_pending());
    first.reset(base + 20);
    assert_eq!(driver.next_deadline(), base + 10);
    second.reset(base + 30);
    assert_eq!(driver.next_deadline(), base + 20);
    second.reset(base - 5);
    assert_eq!(driver.next_deadline(), base - 5);
    assert_eq!(driver.fire_due(base), 1);
    assert_eq!(driver.next_deadline(), base + 20);
    assert_eq!(driver.fire_due(base + 20), 1);
    assert_eq!((count.0.load(Ordering::SeqCst), driver.timers()), (2, 0));
}

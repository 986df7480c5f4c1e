//! Sockets of a driver that is turned by hand, with both pollers.

use super::stream::TcpStream;
use super::wait::{Readable, Readiness};
use crate::reactor::Interest;
use crate::reactor::{Backend, Driver, Registered, Wait};
use crate::sys::clock::Clock;
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use std::future::Future;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::io::ReadBuf;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A driver, and a task that counts how often it is woken.
struct Bench {
    driver: Arc<Driver>,
    woken: Arc<Count>,
    waker: Waker,
}

impl Bench {
    fn all() -> impl Iterator<Item = Bench> {
        [Backend::Native, Backend::Portable].into_iter().map(|backend| {
            let driver = Arc::new(Driver::new(Clock::Real, backend, 1).unwrap());
            let woken = Arc::new(Count::default());
            let waker = woken.clone().into();
            Bench { driver, woken, waker }
        })
    }

    /// A connection of ours and its blocking other side.
    fn pair(&self) -> (TcpStream, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ours.set_nonblocking(true).unwrap();
        let io = Registered::new(ours, self.driver.clone()).unwrap();
        (TcpStream::new(io, Location::caller()), listener.accept().unwrap().0)
    }

    fn cx(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut self.cx())
    }

    fn read(&self, stream: &TcpStream, len: usize) -> Poll<std::io::Result<Vec<u8>>> {
        let mut memory = vec![0; len];
        let mut buf = ReadBuf::new(&mut memory);
        stream.poll_read_buf(&mut self.cx(), &mut buf).map_ok(|()| buf.filled().to_vec())
    }

    /// Reads, if need be after some turns of the driver.
    fn read_soon(&self, stream: &TcpStream, len: usize) -> Vec<u8> {
        loop {
            match self.read(stream, len) {
                Poll::Ready(result) => return result.unwrap(),
                Poll::Pending => self.turn(),
            }
        }
    }

    /// Turns the driver until the task has been woken.
    fn turn(&self) {
        let before = self.woken.0.swap(0, Ordering::SeqCst);
        if before == 0 {
            while self.woken.0.load(Ordering::SeqCst) == 0 {
                self.driver.try_turn(Wait::UpTo(Duration::from_secs(10)));
            }
            self.woken.0.store(0, Ordering::SeqCst);
        }
    }

    /// Lets the driver deliver whatever has come.
    fn settle(&self) {
        while self.driver.try_turn(Wait::Now).is_some_and(|events| events > 0) {}
    }
}

/// Waits until `conn` has got everything that was sent to it, without a word to the driver.
fn arrived(conn: &TcpStream, bytes: usize) {
    let mut buf = vec![0; bytes];
    while conn.std().peek(&mut buf).unwrap_or(0) < bytes {
        std::thread::yield_now();
    }
}

#[track_caller]
fn ready<T>(poll: Poll<std::io::Result<T>>) -> T {
    match poll {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_read_that_did_not_fill_its_buffer_waits_without_asking_again() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        bench.settle();
        peer.write_all(b"hello").unwrap();
        arrived(&conn, 5);
        bench.settle();
        assert_eq!(ready(bench.read(&conn, 16)), b"hello");
        // More has come, but nobody has said so: a read that asked the system would get it.
        peer.write_all(b"again").unwrap();
        arrived(&conn, 5);
        assert!(bench.read(&conn, 16).is_pending());
        bench.turn();
        assert_eq!(ready(bench.read(&conn, 16)), b"again");
    }
}

#[test]
fn a_read_that_filled_its_buffer_goes_on_at_once() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        peer.write_all(b"hello").unwrap();
        arrived(&conn, 5);
        assert_eq!(ready(bench.read(&conn, 3)), b"hel");
        assert_eq!(ready(bench.read(&conn, 2)), b"lo");
        assert!(bench.read(&conn, 1).is_pending());
    }
}

/// Has `conn` read so many times what just fits, and find nothing more, that the system is asked to tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ask_for_remainder(bench: &Bench, conn: &TcpStream, peer: &mut net::TcpStream) {
    assert!(bench.read(conn, 5).is_pending());
    for _ in 0..100 {
        peer.write_all(b"hello").unwrap();
        assert_eq!(bench.read_soon(conn, 5), b"hello");
        assert!(bench.read(conn, 5).is_pending());
    }
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_read_that_filled_its_buffer_waits_without_asking_where_that_has_been_in_vain() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        ask_for_remainder(&bench, &conn, &mut peer);
        peer.write_all(b"hello").unwrap();
        assert_eq!(bench.read_soon(&conn, 5), b"hello");
        // More has come, but nobody has said so: a read that asked the system would get it.
        peer.write_all(b"again").unwrap();
        arrived(&conn, 5);
        assert!(bench.read(&conn, 5).is_pending());
        assert_eq!(bench.read_soon(&conn, 5), b"again");
    }
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn what_a_full_read_leaves_is_read_at_once_where_the_system_tells() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        ask_for_remainder(&bench, &conn, &mut peer);
        peer.write_all(b"hello again").unwrap();
        arrived(&conn, 11);
        assert_eq!(bench.read_soon(&conn, 5), b"hello");
        assert_eq!(ready(bench.read(&conn, 5)), b" agai");
        assert_eq!(ready(bench.read(&conn, 5)), b"n");
        assert!(bench.read(&conn, 5).is_pending());
        // The end, in the event of the last bytes.
        peer.write_all(b"hello").unwrap();
        peer.shutdown(net::Shutdown::Write).unwrap();
        while !ready_for_end(&conn) {
            std::thread::yield_now();
        }
        assert_eq!(bench.read_soon(&conn, 5), b"hello");
        assert_eq!(bench.read_soon(&conn, 5), b"", "the end");
    }
}

/// Whether the system has something to say of `conn` beside what is received.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_told(conn: &net::TcpStream) -> bool {
    use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recvmsg};
    let mut byte = [0];
    let slices = &mut [IoSliceMut::new(&mut byte)];
    let received = recvmsg(conn, slices, &mut RecvAncillaryBuffer::default(), RecvFlags::PEEK);
    received.unwrap().flags.contains(ReturnFlags::CTRUNC)
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_socket_that_is_given_away_tells_no_more() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        peer.write_all(b"x").unwrap();
        arrived(&conn, 1);
        assert!(!is_told(conn.std()));
        assert_eq!(ready(bench.read(&conn, 2)), b"x");
        ask_for_remainder(&bench, &conn, &mut peer);
        peer.write_all(b"x").unwrap();
        arrived(&conn, 1);
        assert!(is_told(conn.std()));
        let conn = conn.into_std().unwrap();
        assert!(!is_told(&conn));
    }
}

#[test]
fn a_read_into_more_slices_than_the_system_takes_goes_on_at_once() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        bench.settle();
        peer.write_all(&[7; 3000]).unwrap();
        arrived(&conn, 3000);
        bench.settle();
        let mut memory = [0; 3000];
        let mut bufs: Vec<_> = memory.chunks_mut(1).map(IoSliceMut::new).collect();
        let mut got = 0;
        while got < 3000 {
            got += ready(conn.poll_read_slices(&mut bench.cx(), &mut bufs[got..]));
        }
        assert_eq!(memory, [7; 3000]);
    }
}

#[test]
fn a_write_of_more_slices_than_the_system_takes_goes_on_at_once() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        bench.settle();
        let bufs = [IoSlice::new(&[7]); 3000];
        let mut sent = 0;
        while sent < 3000 {
            sent += ready(conn.poll_write_slices(&mut bench.cx(), &bufs[sent..]));
        }
        let mut memory = [0; 3000];
        peer.read_exact(&mut memory).unwrap();
        assert_eq!(memory, [7; 3000]);
    }
}

#[test]
fn data_and_the_end_in_one_event_are_both_seen() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        assert!(bench.read(&conn, 16).is_pending());
        peer.write_all(b"bye").unwrap();
        drop(peer);
        arrived(&conn, 3);
        // The end has come when the socket says so.
        while !ready_for_end(&conn) {
            std::thread::yield_now();
        }
        bench.turn();
        assert_eq!(ready(bench.read(&conn, 16)), b"bye");
        // On epoll no other event will come.
        assert_eq!(bench.read_soon(&conn, 16), b"");
    }
}

/// Whether the peer's FIN has arrived.
fn ready_for_end(conn: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::new(conn.std(), PollFlags::RDHUP)];
    poll(&mut fds, Some(&rustix::event::Timespec::default())).unwrap() > 0
}

#[test]
fn a_reset_is_an_error_and_wakes_a_reader() {
    for bench in Bench::all() {
        let (conn, peer) = bench.pair();
        assert!(bench.read(&conn, 16).is_pending());
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        bench.turn();
        let Poll::Ready(Err(error)) = bench.read(&conn, 16) else { panic!() };
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn after_the_end_of_reading_one_may_still_write() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        peer.shutdown(net::Shutdown::Write).unwrap();
        assert_eq!(bench.read_soon(&conn, 16), b"");
        assert_eq!(ready(conn.poll_write_slice(&mut bench.cx(), b"late")), 4);
        conn.shut_down_writing().unwrap();
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "late");
    }
}

#[test]
fn a_writer_waits_for_room_and_every_byte_arrives_once() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        let chunk: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
        let mut sent = 0;
        while let Poll::Ready(count) = conn.poll_write_slice(&mut bench.cx(), &chunk[sent % 256..])
        {
            sent += count.unwrap();
        }
        // The writer is woken when there is room again.
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            all
        });
        bench.turn();
        sent += loop {
            match conn.poll_write_slice(&mut bench.cx(), &chunk[sent % 256..]) {
                Poll::Ready(count) => break count.unwrap(),
                Poll::Pending => bench.turn(),
            }
        };
        conn.shut_down_writing().unwrap();
        let all = reader.join().unwrap();
        assert_eq!(all.len(), sent);
        assert!(all.iter().enumerate().all(|(index, byte)| *byte == (index % 256) as u8));
    }
}

#[test]
fn a_reader_and_a_writer_are_woken_each_for_its_own() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        let (reads, writes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let (read_waker, write_waker) = (Waker::from(reads.clone()), Waker::from(writes.clone()));
        let mut memory = [0; 16];
        let mut buf = ReadBuf::new(&mut memory);
        let mut read_cx = Context::from_waker(&read_waker);
        assert!(conn.poll_read_buf(&mut read_cx, &mut buf).is_pending());
        let chunk = vec![0; 64 * 1024];
        let mut write_cx = Context::from_waker(&write_waker);
        while conn.poll_write_slice(&mut write_cx, &chunk).is_ready() {}
        peer.write_all(b"x").unwrap();
        while reads.0.load(Ordering::SeqCst) == 0 {
            bench.driver.try_turn(Wait::UpTo(Duration::from_secs(10)));
            if bench.driver.try_turn(Wait::Now).is_some() && reads.0.load(Ordering::SeqCst) == 0 {
                // The portable poller may wake the other direction for nothing; it waits again.
                let _ = conn.poll_write_slice(&mut write_cx, &chunk);
            }
        }
        assert!(conn.poll_read_buf(&mut read_cx, &mut buf).is_ready());
    }
}

#[test]
fn waiting_for_readiness_many_at_once_and_dropping_some() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        let mut byte = [0];
        assert!(conn.try_read(&mut byte).is_err());
        let mut first = Box::pin(conn.readable());
        let mut second = pin!(conn.readable());
        let mut both = pin!(conn.ready(Interest::READABLE));
        assert!(bench.poll(first.as_mut()).is_pending());
        assert!(bench.poll(second.as_mut()).is_pending());
        assert!(bench.poll(both.as_mut()).is_pending());
        drop(first);
        peer.write_all(b"x").unwrap();
        while bench.woken.0.load(Ordering::SeqCst) < 2 {
            bench.driver.try_turn(Wait::UpTo(Duration::from_secs(10)));
        }
        assert_eq!(
            bench.woken.0.load(Ordering::SeqCst),
            2,
            "the one that was dropped is not woken"
        );
        ready(bench.poll(second.as_mut()));
        assert!(ready(bench.poll(both.as_mut())).is_readable());
        assert_eq!(conn.try_read(&mut byte).unwrap(), 1);
        assert_eq!(conn.try_read(&mut byte).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn readiness_of_both_directions_needs_one_of_them() {
    for bench in Bench::all() {
        let (conn, _peer) = bench.pair();
        assert!(conn.try_read(&mut [0]).is_err());
        let mut both = pin!(conn.ready(Interest::READABLE | Interest::WRITABLE));
        let seen = ready(bench.poll(both.as_mut()));
        assert!(seen.is_writable() && !seen.is_readable());
    }
}

#[test]
fn peeking_leaves_the_bytes_and_a_dropped_peek_loses_none() {
    for bench in Bench::all() {
        let (conn, mut peer) = bench.pair();
        let mut memory = [0; 8];
        {
            let mut peek = pin!(conn.peek(&mut memory));
            assert!(bench.poll(peek.as_mut()).is_pending());
            peer.write_all(b"abc").unwrap();
            arrived(&conn, 3);
            bench.turn();
        }
        let mut peek = pin!(conn.peek(&mut memory));
        assert_eq!(ready(bench.poll(peek.as_mut())), 3);
        assert_eq!(ready(bench.read(&conn, 8)), b"abc");
    }
}

#[test]
fn futures_and_handles_may_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<TcpStream>();
    check::<super::TcpListener>();
    check::<super::Connect>();
    check::<super::Bind>();
    check::<super::Accept<'_>>();
    check::<super::Incoming<'_>>();
    check::<Readable<'_>>();
    check::<Readiness<'_>>();
    check::<super::Peek<'_>>();
    check::<super::tcp::OwnedReadHalf>();
    check::<super::tcp::OwnedWriteHalf>();
}

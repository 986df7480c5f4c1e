//! Deadlines of sockets, as Go's `SetDeadline`, on a clock that is moved by hand.

mod common;

use common::Polled;
use gort::io::{AsyncReadExt, AsyncWriteExt};
use gort::net::{TcpListener, TcpStream, UdpSocket};
use gort::runtime::Builder;
use gort::time::{Duration, Instant, advance, sleep};
use gort::{go, select};
use std::future::Future;
use std::io::{Error, ErrorKind};
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);

fn by_hand(case: impl Future<Output = ()>) {
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(case);
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[track_caller]
fn late<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TimedOut, "i/o timeout"));
}

#[test]
fn a_read_that_waits_ends_at_the_deadline_and_the_connection_goes_on_after_another() {
    by_hand(async {
        let (mut one, mut other) = pair().await;
        let start = Instant::now();
        one.set_read_deadline(Some(start + SECOND));
        late(one.read(&mut [0; 8]).await);
        assert_eq!(start.elapsed(), SECOND);
        // Even if there is something now.
        other.write_all(b"x").await.unwrap();
        late(one.read(&mut [0; 8]).await);
        late(one.try_read(&mut [0; 8]));
        late(one.readable().await);
        one.write_all(b"writing has none").await.unwrap();
        one.set_read_deadline(None);
        assert_eq!(one.read_u8().await.unwrap(), b'x');
    });
}

#[test]
fn a_deadline_that_is_moved_is_forgotten() {
    by_hand(async {
        let (mut one, mut other) = pair().await;
        one.set_deadline(Some(Instant::now() + SECOND));
        let mut buf = [0; 8];
        let mut read = Box::pin(one.read(&mut buf));
        select! {
            _ = read.as_mut() => panic!("there is nothing"),
            () = sleep(SECOND / 2) => {}
        }
        drop(read);
        one.set_deadline(Some(Instant::now() + 10 * SECOND));
        advance(5 * SECOND).await;
        other.write_all(b"in time").await.unwrap();
        assert_eq!(one.read(&mut buf).await.unwrap(), 7);
        one.set_deadline(None);
        advance(20 * SECOND).await;
        one.write_all(b"x").await.unwrap();
    });
}

#[test]
fn a_deadline_in_the_past_ends_what_waits_at_once() {
    by_hand(async {
        let (one, _other) = pair().await;
        let one = Arc::new(one);
        let reader = one.clone();
        let waiting = go(async move { reader.peek(&mut [0; 8]).await });
        gort::task::yield_now().await;
        one.set_deadline(Some(Instant::now()));
        late(waiting.await.unwrap());
        late(one.try_write(b"x"));
    });
}

#[test]
fn a_write_that_finds_no_room_ends_at_the_deadline() {
    by_hand(async {
        let (mut one, _other) = pair().await;
        one.set_write_deadline(Some(Instant::now() + SECOND));
        late(one.write_all(&vec![0; 64 << 20]).await);
    });
}

#[test]
fn an_accept_and_a_receive_end_at_the_deadline() {
    by_hand(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.set_deadline(Some(Instant::now() + SECOND));
        late(listener.accept().await);
        listener.set_deadline(None);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        listener.accept().await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.set_deadline(Some(Instant::now() + SECOND));
        late(socket.recv_from(&mut [0; 8]).await);
        late(socket.send_to(b"x", socket.local_addr().unwrap()).await);
    });
}

/// The future that waits is woken by it, and so are all the others.
#[test]
fn everybody_who_waits_is_woken() {
    by_hand(async {
        let (one, _other) = pair().await;
        one.set_read_deadline(Some(Instant::now() + SECOND));
        let mut waits: Vec<_> = (0..40).map(|_| Polled::new(one.readable())).collect();
        assert!(waits.iter_mut().all(|wait| wait.poll().is_pending()));
        advance(SECOND).await;
        for wait in &mut waits {
            assert_eq!(wait.wakes(), 1);
            late(wait.ready());
        }
    });
}

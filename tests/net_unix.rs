//! Unix sockets.
#![cfg(unix)]

mod common;

use common::Polled;
use common::everywhere::live;
use gort::go;
use gort::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};
use gort::net::{UnixDatagram, UnixListener, UnixStream};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of the test's own, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("gort-unix-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_connection_carries_bytes_both_ways_and_their_end() {
    live(|| async {
        let folder = Folder::new();
        let path = folder.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = go(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            stream.read_to_end(&mut text).await.unwrap();
            stream.write_all(&text).await.unwrap();
            text.len()
        });
        let mut stream = UnixStream::connect(&path).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*path));
        let sent: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
        // More than there is room for: it waits.
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert!(back == sent);
        assert_eq!(server.await.unwrap(), sent.len());
    });
}

#[test]
fn halves_go_to_different_goroutines_and_come_together_again() {
    live(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut read, mut write) = one.into_split();
        let writer = go(async move {
            write.write_all(b"ping").await.unwrap();
            write
        });
        let mut buf = [0; 4];
        other.read_exact(&mut buf).await.unwrap();
        other.write_all(&buf).await.unwrap();
        read.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"ping");
        let write = writer.await.unwrap();
        let (third, fourth) = UnixStream::pair().unwrap().0.into_split();
        let error = read.reunite(fourth).unwrap_err();
        drop(third);
        let mut one = error.0.reunite(write).unwrap();
        let (mut reader, mut writer) = one.split();
        writer.write_all(b"pong").await.unwrap();
        other.read_exact(&mut buf).await.unwrap();
        other.write_all(&buf).await.unwrap();
        reader.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"pong");
        // The half that writes says when it goes.
        let (_read, write) = one.into_split();
        drop(write);
        assert_eq!(other.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn an_accept_or_a_read_that_is_dropped_when_it_is_ready_loses_nothing() {
    live(|| async {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.path("socket")).unwrap();
        let mut accept = Polled::new(listener.accept());
        assert!(accept.poll().is_pending());
        let client = UnixStream::connect(folder.path("socket")).await.unwrap();
        listener.readable().await.unwrap();
        drop(accept);
        let (mut server, _) = listener.accept().await.unwrap();
        let mut buf = [0; 8];
        let mut read = Polled::new(server.read(&mut buf));
        assert!(read.poll().is_pending());
        assert_eq!(client.try_write(b"kept").unwrap(), 4);
        drop(read);
        assert_eq!(server.read(&mut buf).await.unwrap(), 4);
        let error = server.try_read(&mut buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_connection_that_nobody_listens_for_is_an_error() {
    live(|| async {
        let folder = Folder::new();
        let path = folder.path("socket");
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        drop(UnixListener::bind(&path).unwrap());
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = UnixListener::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_sender_of_datagrams_waits_for_room_and_none_is_lost() {
    const COUNT: u32 = 2000;
    live(|| async {
        let folder = Folder::new();
        let path = folder.path("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        let client = UnixDatagram::bind(folder.path("client")).unwrap();
        let sender = go(async move {
            for n in 0..COUNT {
                client.send_to(&n.to_ne_bytes(), &path).await.unwrap();
            }
        });
        let mut buf = [0; 8];
        for n in 0..COUNT {
            let (count, from) = server.recv_from(&mut buf).await.unwrap();
            assert_eq!(buf[..count], n.to_ne_bytes());
            assert_eq!(from.as_pathname(), Some(&*folder.path("client")));
        }
        sender.await.unwrap();
    });
}

#[test]
fn a_pair_of_datagram_sockets_is_ready_when_there_is_something() {
    live(|| async {
        let (one, other) = UnixDatagram::pair().unwrap();
        let mut buf = [0; 8];
        let mut recv = Polled::new(other.recv(&mut buf));
        assert!(recv.poll().is_pending());
        one.send(b"kept").await.unwrap();
        other.ready(Interest::READABLE).await.unwrap();
        drop(recv);
        assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(other.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        let stray = UnixDatagram::unbound().unwrap();
        assert!(stray.send(b"x").await.is_err());
    });
}

#[test]
fn datagrams_are_polled_for_as_well() {
    live(|| async {
        let folder = Folder::new();
        let (one, other) = UnixDatagram::pair().unwrap();
        let named = UnixDatagram::bind(folder.path("named")).unwrap();
        let mut buf = [0; 8];
        let mut into = ReadBuf::new(&mut buf);
        let mut recv = Polled::new(poll_fn(|cx| other.poll_recv(cx, &mut into)));
        assert!(recv.poll().is_pending());
        assert_eq!(poll_fn(|cx| one.poll_send(cx, b"first")).await.unwrap(), 5);
        other.readable().await.unwrap();
        assert!(recv.poll().is_ready());
        drop(recv);
        assert_eq!(into.filled(), b"first");

        let stray = UnixDatagram::bind(folder.path("stray")).unwrap();
        let sent = poll_fn(|cx| stray.poll_send_to(cx, b"second", folder.path("named"))).await;
        assert_eq!(sent.unwrap(), 6);
        into.clear();
        let from = poll_fn(|cx| named.poll_recv_from(cx, &mut into)).await.unwrap();
        assert_eq!(into.filled(), b"second");
        assert_eq!(from.as_pathname(), Some(&*folder.path("stray")));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn both_sides_know_who_the_other_is() {
    live(|| async {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.path("socket")).unwrap();
        let client = UnixStream::connect(folder.path("socket")).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let me = rustix::process::getuid().as_raw();
        for side in [client, server] {
            let cred = side.peer_cred().unwrap();
            assert_eq!((cred.uid(), cred.gid()), (me, rustix::process::getgid().as_raw()));
            assert_eq!(cred.pid(), Some(std::process::id().cast_signed()));
        }
    });
}

/// A receiver that others have filled: only on Linux has a sender to wait.
#[cfg(target_os = "linux")]
mod no_room {
    use super::{Folder, Polled};
    use gort::net::UnixDatagram;
    use gort::runtime::Builder;
    use gort::task::yield_now;
    use gort::time::{Duration, Instant, advance};
    use std::future::{Future, poll_fn};
    use std::io::{self, ErrorKind};
    use std::path::Path;

    /// Runs `case` with both reactors, on a clock that is moved by hand.
    fn by_hand<F: Future<Output = ()>>(case: impl Fn() -> F) {
        for portable in [false, true] {
            let mut builder = Builder::new_current_thread();
            if portable {
                builder.portable_reactor();
            }
            builder.start_paused(true).build().unwrap().block_on(case());
        }
    }

    /// A socket at `path`, and one that has sent to it until there was no room.
    fn filled(path: &Path) -> (UnixDatagram, UnixDatagram) {
        let server = UnixDatagram::bind(path).unwrap();
        let other = UnixDatagram::unbound().unwrap();
        while other.try_send_to(b"other's", path).is_ok() {}
        (server, other)
    }

    /// Polls `send` whenever it is woken, until time has to pass. Returns how often.
    async fn polls_now<F: Future>(send: &mut Polled<F>, seen: &mut usize) -> usize {
        let mut polls = 0;
        for _ in 0..1000 {
            yield_now().await;
            if send.wakes() > *seen {
                *seen = send.wakes();
                polls += 1;
                assert!(send.poll().is_pending());
            }
        }
        polls
    }

    /// A sender waits for time, not for its own readiness, which comes at each try.
    async fn waits_for_time<F>(server: UnixDatagram, mut send: Polled<F>)
    where
        F: Future<Output = io::Result<usize>>,
    {
        let mut seen = 0;
        assert!(send.poll().is_pending());
        let polls = polls_now(&mut send, &mut seen).await;
        assert!(polls <= 1, "{polls} polls");
        for pause in [1, 2, 4, 8, 10, 10].map(Duration::from_millis) {
            advance(pause - Duration::from_nanos(1)).await;
            assert_eq!(polls_now(&mut send, &mut seen).await, 0, "{pause:?}");
            advance(Duration::from_nanos(1)).await;
            assert_eq!(polls_now(&mut send, &mut seen).await, 1, "{pause:?}");
        }
        while server.try_recv(&mut [0; 16]).is_ok() {}
        advance(Duration::from_millis(10)).await;
        assert!(send.wakes() > seen);
        assert_eq!(send.ready().unwrap(), 4);
        assert_eq!(server.recv(&mut [0; 16]).await.unwrap(), 4);
    }

    /// The system tells nobody who is not connected to it that a socket has room again.
    #[test]
    fn a_sender_to_a_socket_that_others_have_filled_tries_again_after_pauses() {
        by_hand(|| async {
            let folder = Folder::new();
            let path = folder.path("socket");
            let (server, _other) = filled(&path);
            let client = UnixDatagram::unbound().unwrap();
            waits_for_time(server, Polled::new(client.send_to(b"mine", &path))).await;
            drop(client);

            let path = folder.path("polled");
            let (server, _other) = filled(&path);
            let client = UnixDatagram::unbound().unwrap();
            let send = poll_fn(|cx| client.poll_send_to(cx, b"mine", &path));
            waits_for_time(server, Polled::new(send)).await;
        });
    }

    #[test]
    fn a_sender_that_pauses_sees_its_deadline() {
        by_hand(|| async {
            let folder = Folder::new();
            let path = folder.path("socket");
            let (_server, _other) = filled(&path);
            let client = UnixDatagram::unbound().unwrap();
            let deadline = Instant::now() + Duration::from_secs(1);
            client.set_write_deadline(Some(deadline));
            let error = client.send_to(b"mine", &path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(deadline.elapsed() < Duration::from_millis(10));
        });
    }

    #[test]
    fn a_sender_that_pauses_when_its_runtime_ends_is_told() {
        let folder = Folder::new();
        let path = folder.path("socket");
        let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
        let inside = runtime.enter();
        let (_server, _other) = filled(&path);
        let client = UnixDatagram::unbound().unwrap();
        let mut send = Polled::new(client.send_to(b"mine", &path));
        drop(inside);
        runtime.block_on(async {
            assert!(send.poll().is_pending());
            polls_now(&mut send, &mut 0).await;
        });
        let before = send.wakes();
        drop(runtime);
        assert_eq!(send.wakes(), before + 1);
        let error = send.ready().unwrap_err();
        assert!(error.to_string().contains("has shut down"), "{error}");
    }
}

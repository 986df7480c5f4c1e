//! Connections on loopback, end to end.

mod common;

use common::Polled;
use futures::StreamExt;
use gort::io::{AsyncReadExt, AsyncWriteExt, Interest};
use gort::net::{TcpListener, TcpStream, lookup_host};
use gort::runtime::Builder;
use gort::time::{Duration, timeout};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Runs `main` with both reactors, on workers and on one thread, and fails rather than hang. Returns
/// what it returned last.
fn run<F: Future<Output: Send + 'static> + Send + 'static>(main: impl Fn() -> F) -> F::Output {
    let limited =
        |main: F| async { timeout(Duration::from_secs(30), main).await.expect("it hangs") };
    let portable = Builder::new_multi_thread().portable_reactor().build().unwrap();
    portable.block_on(limited(main()));
    let alone = Builder::new_current_thread().build().unwrap();
    alone.block_on(limited(main()));
    gort::run(limited(main()))
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listen().await;
    let client = TcpStream::connect(addr).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[test]
fn echo_of_many_connections() {
    run(|| async {
        let (listener, addr) = listen().await;
        gort::go(async move {
            while let Ok((mut conn, _)) = listener.accept().await {
                gort::go(async move {
                    let (mut read, mut write) = conn.split();
                    gort::io::copy(&mut read, &mut write).await.unwrap();
                    write.shutdown().await.unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..100u32)
            .map(|id| {
                gort::go(async move {
                    let mut conn = TcpStream::connect(addr).await.unwrap();
                    for round in 0..20u32 {
                        let message = [id, round].map(u32::to_le_bytes).concat();
                        conn.write_all(&message).await.unwrap();
                        let mut answer = [0; 8];
                        conn.read_exact(&mut answer).await.unwrap();
                        assert_eq!(answer[..], message[..]);
                    }
                    conn.shutdown().await.unwrap();
                    assert_eq!(conn.read(&mut [0; 8]).await.unwrap(), 0);
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

#[test]
fn large_transfers_both_ways_at_once_lose_nothing() {
    run(|| async {
        let (client, server) = pair().await;
        let data: Vec<u8> = (0..4_000_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let ends = [client, server].map(|conn| {
            let data = data.clone();
            gort::go(async move {
                let (mut read, mut write) = conn.into_split();
                let expected = data.clone();
                let writer = gort::go(async move {
                    write.write_all(&data).await.unwrap();
                    // Dropping the half says that there is no more.
                });
                let mut got = Vec::new();
                read.read_to_end(&mut got).await.unwrap();
                writer.await.unwrap();
                assert!(got == expected);
            })
        });
        for end in ends {
            end.await.unwrap();
        }
    });
}

#[test]
fn halves_of_different_connections_do_not_reunite() {
    run(|| async {
        let (a, b) = pair().await;
        let addr = a.local_addr().unwrap();
        let ((a_read, a_write), (b_read, b_write)) = (a.into_split(), b.into_split());
        let error = a_read.reunite(b_write).unwrap_err();
        let mut a = error.0.reunite(a_write).unwrap();
        let mut b = error.1.reunite(b_read).unwrap();
        assert_eq!(a.local_addr().unwrap(), addr);
        // Reuniting has not shut anything down.
        a.write_all(b"x").await.unwrap();
        assert_eq!(b.read_u8().await.unwrap(), b'x');
        b.write_all(b"y").await.unwrap();
        assert_eq!(a.read_u8().await.unwrap(), b'y');
    });
}

#[test]
fn a_refused_connection_says_so_and_the_next_address_is_tried() {
    run(|| async {
        let (gone, refused) = listen().await;
        drop(gone);
        let error = TcpStream::connect(refused).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let (_listener, addr) = listen().await;
        let conn = TcpStream::connect(&[refused, addr][..]).await.unwrap();
        assert_eq!(conn.peer_addr().unwrap(), addr);
        let none: &[SocketAddr] = &[];
        assert_eq!(TcpStream::connect(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(TcpListener::bind(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn names_are_looked_up() {
    run(|| async {
        for addr in lookup_host(("localhost", 80)).await.unwrap() {
            assert!(addr.ip().is_loopback());
            assert_eq!(addr.port(), 80);
        }
        let literal: Vec<_> = lookup_host("[::1]:7").await.unwrap().collect();
        assert_eq!(literal, ["[::1]:7".parse::<SocketAddr>().unwrap()]);
        lookup_host("no port").await.unwrap_err();
        lookup_host(String::from("name.invalid:80")).await.unwrap_err();
        let (_listener, addr) = listen().await;
        TcpStream::connect(("localhost", addr.port())).await.unwrap();
    });
}

#[test]
fn a_port_in_use_is_refused() {
    run(|| async {
        let (_listener, addr) = listen().await;
        assert_eq!(TcpListener::bind(addr).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

/// Waits until the task that polled `future` is woken.
async fn woken<F: Future>(future: &Polled<F>) {
    while future.wakes() == 0 {
        gort::task::yield_now().await;
    }
}

/// compio#315, monoio#318: an accept was given up when the system had done its work already. The
/// connection was the dropped future's, and nobody closed it or got it. Here it is the next one's.
#[test]
fn t30_an_accept_that_is_dropped_when_it_is_ready_loses_no_connection() {
    run(|| async {
        let (listener, addr) = listen().await;
        for _ in 0..20 {
            let (mut first, mut second) =
                (Polled::new(listener.accept()), Polled::new(listener.accept()));
            assert!(first.poll().is_pending() && second.poll().is_pending());
            let client = TcpStream::connect(addr).await.unwrap();
            woken(&first).await;
            drop(first);
            woken(&second).await;
            let (_, from) = second.ready().unwrap();
            assert_eq!(from, client.local_addr().unwrap());

            // Nobody else has begun to wait before it is dropped.
            let mut dropped = Polled::new(listener.accept());
            assert!(dropped.poll().is_pending());
            let client = TcpStream::connect(addr).await.unwrap();
            woken(&dropped).await;
            drop(dropped);
            let (_, from) = listener.accept().await.unwrap();
            assert_eq!(from, client.local_addr().unwrap());
        }
    });
}

/// The same with a goroutine that is aborted after it was woken for its connection.
#[test]
fn t30_an_accept_that_is_aborted_when_it_is_ready_loses_no_connection() {
    run(|| async {
        let (listener, addr) = listen().await;
        let listener = Arc::new(listener);
        for _ in 0..20 {
            let polls = Arc::new(AtomicUsize::new(0));
            let accepts = gort::go({
                let (listener, polls) = (listener.clone(), polls.clone());
                async move {
                    let mut accept = pin!(listener.accept());
                    // It is woken, and does not look.
                    let look = |cx: &mut Context<'_>| {
                        let first = polls.load(Ordering::Relaxed) == 0;
                        let looked = first.then(|| accept.as_mut().poll(cx).map(drop));
                        polls.fetch_add(1, Ordering::Relaxed);
                        looked.unwrap_or(Poll::Pending)
                    };
                    poll_fn(look).await;
                }
            });
            let polled = async |times| {
                while polls.load(Ordering::Relaxed) < times {
                    gort::task::yield_now().await;
                }
            };
            polled(1).await;
            let client = TcpStream::connect(addr).await.unwrap();
            polled(2).await;
            accepts.abort();
            assert!(accepts.await.unwrap_err().is_cancelled());
            let (_, from) = listener.accept().await.unwrap();
            assert_eq!(from, client.local_addr().unwrap());
        }
    });
}

#[test]
fn several_acceptors_get_each_connection_once() {
    run(|| async {
        let (listener, addr) = listen().await;
        let listener = Arc::new(listener);
        let acceptors: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.clone();
                gort::go(async move { listener.accept().await.unwrap().1 })
            })
            .collect();
        let mut clients = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..4 {
            let client = TcpStream::connect(addr).await.unwrap();
            expected.push(client.local_addr().unwrap());
            clients.push(client);
        }
        let mut accepted = Vec::new();
        for acceptor in acceptors {
            accepted.push(acceptor.await.unwrap());
        }
        accepted.sort();
        expected.sort();
        assert_eq!(accepted, expected);
    });
}

/// tokio#7979, of files: what a dropped operation had already been given was lost. Bytes, here: a read
/// that is dropped when they are there leaves them to the next one.
#[test]
fn t30_a_read_that_is_dropped_when_it_is_ready_loses_no_byte() {
    run(|| async {
        let (mut client, mut server) = pair().await;
        for round in 0..100u8 {
            let mut buf = [0; 4];
            let mut read = Polled::new(server.read(&mut buf));
            assert!(read.poll().is_pending());
            client.write_all(&[round; 4]).await.unwrap();
            if round % 2 == 0 {
                woken(&read).await;
            }
            drop(read);
            if round % 3 == 0 {
                server.readable().await.unwrap();
            }
            server.read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, [round; 4]);
        }
        // A part of what was asked for has come, and the end of the stream after it.
        let mut buf = [0; 8];
        let mut read = Polled::new(server.read(&mut buf));
        assert!(read.poll().is_pending());
        client.write_all(b"last").await.unwrap();
        client.shutdown().await.unwrap();
        woken(&read).await;
        drop(read);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"last");
    });
}

#[test]
fn a_timed_out_read_may_be_tried_again() {
    run(|| async {
        let (mut client, mut server) = pair().await;
        let mut buf = [0; 16];
        timeout(Duration::from_millis(5), server.read(&mut buf)).await.unwrap_err();
        client.write_all(b"late").await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 4);
    });
}

#[test]
fn incoming_is_a_stream_of_connections() {
    run(|| async {
        let (listener, addr) = listen().await;
        let clients = gort::go(async move {
            let mut all = Vec::new();
            for _ in 0..3 {
                all.push(TcpStream::connect(addr).await.unwrap());
            }
            all
        });
        let conns: Vec<_> = listener.incoming().take(3).collect().await;
        assert!(conns.iter().all(Result::is_ok));
        clients.await.unwrap();
    });
}

#[test]
fn options_are_set_and_read_back() {
    run(|| async {
        let (conn, peer) = pair().await;
        assert!(!conn.nodelay().unwrap());
        conn.set_nodelay(true).unwrap();
        assert!(conn.nodelay().unwrap());
        conn.set_ttl(42).unwrap();
        assert_eq!(conn.ttl().unwrap(), 42);
        conn.set_linger(Some(Duration::from_secs(1))).unwrap();
        assert_eq!(conn.linger().unwrap(), Some(Duration::from_secs(1)));
        conn.set_linger(None).unwrap();
        conn.set_zero_linger().unwrap();
        assert_eq!(conn.linger().unwrap(), Some(Duration::ZERO));
        assert!(conn.take_error().unwrap().is_none());
        assert_eq!(conn.peer_addr().unwrap(), peer.local_addr().unwrap());
    });
}

#[test]
fn from_std_and_back() {
    run(|| async {
        let (client, server) = pair().await;
        let std = client.into_std().unwrap();
        let mut client = TcpStream::from_std(std).unwrap();
        let mut server = TcpStream::try_from(server.into_std().unwrap()).unwrap();
        client.write_all(b"hi").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hi");
    });
}

#[test]
fn the_traits_of_futures_work_too() {
    use futures::io::AsyncWriteExt as _;
    run(|| async {
        let (mut client, mut server) = pair().await;
        let bufs = [io::IoSlice::new(b"one "), io::IoSlice::new(b"two")];
        let sent = futures::io::AsyncWriteExt::write_vectored(&mut client, &bufs).await.unwrap();
        assert_eq!(sent, 7);
        client.close().await.unwrap();
        let mut text = String::new();
        futures::io::AsyncReadExt::read_to_string(&mut server, &mut text).await.unwrap();
        assert_eq!(text, "one two");
    });
}

#[test]
fn own_operations_wait_for_readiness() {
    run(|| async {
        let (mut client, server) = pair().await;
        let reader = gort::go(async move {
            let read = || {
                let mut buf = [0; 8];
                socket2_recv(&server, &mut buf).map(|count| buf[..count].to_vec())
            };
            server.async_io(Interest::READABLE, read).await
        });
        gort::task::yield_now().await;
        client.write_all(b"abc").await.unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), b"abc");
    });
}

fn socket2_recv(conn: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    use std::io::Read;
    use std::os::fd::AsFd;
    let copy = conn.as_fd().try_clone_to_owned()?;
    std::net::TcpStream::from(copy).read(buf)
}

#[test]
fn sockets_work_outside_of_any_runtime() {
    futures::executor::block_on(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    });
}

#[test]
fn sockets_of_a_runtime_that_is_gone_say_so() {
    let (client, _server) = run(pair);
    // Whoever waits is told: nobody would wake them.
    let error = futures::executor::block_on(client.readable()).unwrap_err();
    assert!(error.to_string().contains("has shut down"), "{error}");
}

//! UDP, on the loopback interface.

mod common;

use common::Polled;
use common::everywhere::live;
use gort::go;
use gort::io::{Interest, ReadBuf};
use gort::net::UdpSocket;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::Arc;

async fn pair() -> (UdpSocket, UdpSocket) {
    let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    one.connect(other.local_addr().unwrap()).await.unwrap();
    other.connect(one.local_addr().unwrap()).await.unwrap();
    (one, other)
}

#[test]
fn datagrams_keep_their_bounds_and_say_where_they_come_from() {
    live(|| async {
        let server = UdpSocket::bind("localhost:0").await.unwrap();
        let client = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let to = server.local_addr().unwrap();
        for text in ["one", "", "three"] {
            assert_eq!(client.send_to(text.as_bytes(), to).await.unwrap(), text.len());
        }
        let mut buf = [0; 16];
        for text in ["one", "", "three"] {
            let (count, from) = server.recv_from(&mut buf).await.unwrap();
            assert_eq!((&buf[..count], from), (text.as_bytes(), client.local_addr().unwrap()));
        }
        // What does not fit is cut off.
        client.send_to(b"seventeen letters", to).await.unwrap();
        assert_eq!(server.recv_from(&mut buf[..5]).await.unwrap().0, 5);
        assert_eq!(server.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn connected_sockets_hear_only_each_other() {
    live(|| async {
        let (one, other) = pair().await;
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        stranger.send_to(b"spam", other.local_addr().unwrap()).await.unwrap();
        one.send(b"hello").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(other.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(other.recv(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf[..5], b"hello");
        assert!(stranger.send(b"x").await.is_err(), "it has no peer");
    });
}

#[test]
fn goroutines_share_a_socket() {
    live(|| async {
        let (one, other) = pair().await;
        let (one, other) = (Arc::new(one), Arc::new(other));
        let echo = other.clone();
        go(async move {
            let mut buf = [0; 8];
            while let Ok(count) = echo.recv(&mut buf).await {
                echo.send(&buf[..count]).await.unwrap();
            }
        });
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let one = one.clone();
                go(async move {
                    let mut buf = [0; 8];
                    assert_eq!(one.recv(&mut buf).await.unwrap(), 1);
                    buf[0]
                })
            })
            .collect();
        for n in 0..4u8 {
            one.send(&[n]).await.unwrap();
        }
        let mut got = Vec::new();
        for receiver in receivers {
            got.push(receiver.await.unwrap());
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3]);
    });
}

#[test]
fn a_receive_that_is_dropped_when_it_is_ready_loses_no_datagram() {
    live(|| async {
        let (one, other) = pair().await;
        let mut buf = [0; 8];
        let mut first = Polled::new(other.recv(&mut buf));
        assert!(first.poll().is_pending());
        one.send(b"kept").await.unwrap();
        other.readable().await.unwrap();
        drop(first);
        assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
    });
}

#[test]
fn readiness_and_operations_of_ones_own() {
    live(|| async {
        let (one, other) = pair().await;
        let ready = one.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable());
        assert_eq!(one.try_send(b"a").unwrap(), 1);
        let mut buf = [0; 8];
        let mut into = ReadBuf::new(&mut buf);
        poll_fn(|cx| other.poll_recv(cx, &mut into)).await.unwrap();
        assert_eq!(into.filled(), b"a");
        let from = one.local_addr().unwrap();
        let raw = UdpSocket::from_std(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let raw = raw.unwrap();
        raw.send_to(b"b", from).await.unwrap_or(0);
        one.try_send(b"c").unwrap();
        let got = other.async_io(Interest::READABLE, || other.try_recv(&mut [0; 8])).await;
        assert_eq!(got.unwrap(), 1);
        let error = other.try_io(Interest::READABLE, || other.try_recv(&mut [0; 8]));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::WouldBlock);
        raw.into_std().unwrap();
    });
}

#[test]
fn bad_addresses_are_errors() {
    live(|| async {
        assert!(UdpSocket::bind("no such name:1").await.is_err());
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let none: &[std::net::SocketAddr] = &[];
        let error = socket.send_to(b"x", none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(UdpSocket::bind(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

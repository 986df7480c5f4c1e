//! TCP sockets that are set up before they are connected.

mod common;

use common::everywhere::live;
use gort::io::{AsyncReadExt, AsyncWriteExt};
use gort::net::TcpSocket;
use gort::time::Duration;
use std::io::ErrorKind;
use std::net::SocketAddr;

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[test]
fn options_are_those_of_the_connection() {
    live(|| async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        assert!(socket.reuseaddr().unwrap());
        socket.bind(any()).unwrap();
        let to = socket.local_addr().unwrap();
        let listener = socket.listen(16).unwrap();
        assert_eq!(listener.local_addr().unwrap(), to);

        let socket = TcpSocket::new_v4().unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_keepalive(true).unwrap();
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        socket.set_send_buffer_size(1 << 14).unwrap();
        assert!(socket.send_buffer_size().unwrap() >= 1 << 14);
        assert!(socket.keepalive().unwrap());
        socket.bind(any()).unwrap();
        let from = socket.local_addr().unwrap();
        let mut client = socket.connect(to).await.unwrap();
        assert!(client.nodelay().unwrap());
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
        let (mut server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, from);
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    live(|| async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let nobody = socket.local_addr().unwrap();
        let error = TcpSocket::new_v4().unwrap().connect(nobody).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

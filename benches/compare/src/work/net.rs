//! TCP echo on the loopback: server and clients in one process, 64-byte request and response.

use std::future::Future;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;

use async_io::Async;
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

const SIZE: usize = 64;

/// A runtime's sockets.
pub trait Net: 'static {
    type Listener: Send + 'static;
    type Stream: Send + 'static;

    fn listen() -> impl Future<Output = (Self::Listener, SocketAddr)> + Send;
    fn accept(listener: &Self::Listener) -> impl Future<Output = Result<Self::Stream>> + Send;
    fn connect(to: SocketAddr) -> impl Future<Output = Result<Self::Stream>> + Send;
    /// Reads something; 0 at the end.
    fn read(s: &mut Self::Stream, buf: &mut [u8]) -> impl Future<Output = Result<usize>> + Send;
    fn write_all(s: &mut Self::Stream, buf: &[u8]) -> impl Future<Output = Result<()>> + Send;
}

/// One connection, 20,000 requests.
pub async fn echo_1<R: Rt, N: Net>(plan: Plan) -> Sample {
    echo::<R, N>(1, plan.n(20_000, 1000)).await
}

/// 64 connections, 128,000 requests.
pub async fn echo_64<R: Rt, N: Net>(plan: Plan) -> Sample {
    echo::<R, N>(64, plan.n(128_000, 6400)).await
}

/// 2,000 connections, 100,000 requests.
pub async fn echo_2000<R: Rt, N: Net>(plan: Plan) -> Sample {
    echo::<R, N>(2000, plan.n(100_000, 20_000)).await
}

async fn echo<R: Rt, N: Net>(connections: u64, requests: u64) -> Sample {
    let (listener, addr) = N::listen().await;
    let mut streams = Vec::new();
    for _ in 0..connections {
        // One at a time, or the listener's queue overflows and a retry takes a second.
        streams.push(N::connect(addr).await.unwrap());
        let stream = N::accept(&listener).await.unwrap();
        R::spawn(serve::<N>(stream));
    }
    let each = requests / connections;
    let meter = Meter::start();
    let clients: Vec<_> =
        streams.into_iter().map(|stream| R::spawn_join(ask::<N>(stream, each))).collect();
    let mut answered = 0;
    for client in clients {
        answered += client.await;
    }
    let sample = meter.stop(answered);
    assert_eq!(answered, each * connections, "requests went unanswered");
    sample
}

/// Sends back what comes until the client closes.
async fn serve<N: Net>(mut stream: N::Stream) {
    let mut buf = [0; SIZE];
    loop {
        let n = N::read(&mut stream, &mut buf).await.unwrap();
        if n == 0 {
            return;
        }
        N::write_all(&mut stream, &buf[..n]).await.unwrap();
    }
}

/// Does `n` requests one after the other and returns how many came back right.
async fn ask<N: Net>(mut stream: N::Stream, n: u64) -> u64 {
    let mut request = [7; SIZE];
    let mut response = [0; SIZE];
    let mut right = 0;
    for i in 0..n {
        request[..8].copy_from_slice(&i.to_ne_bytes());
        N::write_all(&mut stream, &request).await.unwrap();
        let mut got = 0;
        while got < SIZE {
            match N::read(&mut stream, &mut response[got..]).await.unwrap() {
                0 => return right,
                n => got += n,
            }
        }
        right += u64::from(response == request);
    }
    right
}

/// gort's sockets.
pub struct GortNet;

impl Net for GortNet {
    type Listener = gort::net::TcpListener;
    type Stream = gort::net::TcpStream;

    async fn listen() -> (Self::Listener, SocketAddr) {
        let listener = gort::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, addr)
    }

    async fn accept(listener: &Self::Listener) -> Result<Self::Stream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(to: SocketAddr) -> Result<Self::Stream> {
        let stream = gort::net::TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read(s: &mut Self::Stream, buf: &mut [u8]) -> Result<usize> {
        tokio::io::AsyncReadExt::read(s, buf).await
    }

    async fn write_all(s: &mut Self::Stream, buf: &[u8]) -> Result<()> {
        tokio::io::AsyncWriteExt::write_all(s, buf).await
    }
}

/// tokio's sockets.
pub struct TokioNet;

impl Net for TokioNet {
    type Listener = tokio::net::TcpListener;
    type Stream = tokio::net::TcpStream;

    async fn listen() -> (Self::Listener, SocketAddr) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, addr)
    }

    async fn accept(listener: &Self::Listener) -> Result<Self::Stream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(to: SocketAddr) -> Result<Self::Stream> {
        let stream = tokio::net::TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read(s: &mut Self::Stream, buf: &mut [u8]) -> Result<usize> {
        tokio::io::AsyncReadExt::read(s, buf).await
    }

    async fn write_all(s: &mut Self::Stream, buf: &[u8]) -> Result<()> {
        tokio::io::AsyncWriteExt::write_all(s, buf).await
    }
}

/// async-io's sockets, as in smol.
pub struct SmolNet;

impl Net for SmolNet {
    type Listener = Arc<Async<std::net::TcpListener>>;
    type Stream = Async<std::net::TcpStream>;

    async fn listen() -> (Self::Listener, SocketAddr) {
        let listener = Async::<std::net::TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let addr = listener.get_ref().local_addr().unwrap();
        (Arc::new(listener), addr)
    }

    async fn accept(listener: &Self::Listener) -> Result<Self::Stream> {
        let (stream, _) = listener.accept().await?;
        stream.get_ref().set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(to: SocketAddr) -> Result<Self::Stream> {
        let stream = Async::<std::net::TcpStream>::connect(to).await?;
        stream.get_ref().set_nodelay(true)?;
        Ok(stream)
    }

    async fn read(s: &mut Self::Stream, buf: &mut [u8]) -> Result<usize> {
        AsyncReadExt::read(s, buf).await
    }

    async fn write_all(s: &mut Self::Stream, buf: &[u8]) -> Result<()> {
        AsyncWriteExt::write_all(s, buf).await
    }
}

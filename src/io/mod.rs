//! Reading and writing: the traits and helpers of tokio, which are the same types here, and what a
//! socket is [ready](Ready) for.
//!
//! The sockets of [`net`](crate::net) also implement the traits of [`futures_io`].

pub use crate::reactor::{Interest, Ready};

#[doc(no_inline)]
pub use std::io::{Error, ErrorKind, Result, SeekFrom};

#[doc(no_inline)]
pub use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufStream, BufWriter, Chain, DuplexStream, Empty, Join, Lines,
    ReadBuf, ReadHalf, Repeat, SimplexStream, Sink, Split, Take, WriteHalf, copy,
    copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty, join, repeat,
    simplex, sink, split,
};

/// Frames over a byte stream, both ways: `tokio_util::codec`.
///
/// ```
/// # use futures::{SinkExt, StreamExt};
/// use gort::io::codec::{Framed, LinesCodec};
///
/// # gort::run(async {
/// let listener = gort::net::TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let server = gort::go(async move {
///     let (socket, _) = listener.accept().await.unwrap();
///     let mut lines = Framed::new(socket, LinesCodec::new());
///     while let Some(line) = lines.next().await {
///         lines.send(line.unwrap().to_uppercase()).await.unwrap();
///     }
/// });
/// let mut lines = Framed::new(gort::net::TcpStream::connect(address).await?, LinesCodec::new());
/// lines.send("hello").await?;
/// assert_eq!(lines.next().await.unwrap()?, "HELLO");
/// drop(lines);
/// server.await?;
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// # }).unwrap();
/// ```
pub mod codec {
    #[doc(no_inline)]
    pub use tokio_util::codec::*;
}

/// From tokio's io traits to those of the futures crate and back: `tokio_util::compat`.
pub mod compat {
    #[doc(no_inline)]
    pub use tokio_util::compat::*;
}

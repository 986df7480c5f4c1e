//! Sockets on loopback.

use super::util::{Chance, WORKERS, attempt, runtime};
use gort::io::{AsyncReadExt, AsyncWriteExt};
use gort::net::{TcpListener, TcpStream};
use gort::select;
use gort::task::yield_now;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sends back what comes until the peer ends or resets the connection.
async fn echo(mut conn: TcpStream) -> io::Result<()> {
    let mut buffer = Box::new([0; 64]);
    loop {
        match conn.read(&mut buffer[..]).await? {
            0 => return conn.shutdown().await,
            n => conn.write_all(&buffer[..n]).await?,
        }
    }
}

/// Accepts until `stop` is closed; a goroutine for each connection.
async fn serve(listener: TcpListener, stop: gort::Receiver<()>) -> usize {
    let mut served = Vec::new();
    loop {
        select! {
            accepted = listener.accept() => {
                let (conn, _) = accepted.unwrap();
                served.push(gort::go(echo(conn)));
            }
            <-stop => break,
        }
    }
    let count = served.len();
    for conn in served {
        // A reset is an error, and the end of this connection only.
        let _ = conn.await.unwrap();
    }
    count
}

/// Sends numbered messages and compares what comes back, until all are done or something is given
/// up: then the connection goes, by a reset or by an end.
async fn talk(addr: SocketAddr, messages: usize, chance: &mut Chance) -> io::Result<usize> {
    let mut conn = TcpStream::connect(addr).await?;
    for message in 0..messages {
        let out = (message as u64).to_le_bytes();
        let mut back = [0; 8];
        conn.write_all(&out).await?;
        let read = conn.read_exact(&mut back);
        let answered = match chance.below(16) {
            0 => attempt(1, read).await.transpose()?.is_some(),
            _ => read.await.map(|_| true)?,
        };
        if !answered {
            if chance.below(2) == 0 {
                conn.set_zero_linger()?;
            }
            return Ok(message);
        }
        assert_eq!(back, out);
    }
    conn.shutdown().await?;
    assert_eq!(conn.read(&mut [0; 8]).await?, 0);
    Ok(messages)
}

pub(crate) fn echo_with_cancels() {
    const CLIENTS: usize = 8;
    const EACH: usize = 60;
    runtime(WORKERS).run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = gort::chan(0);
        let server = gort::go(serve(listener, stopped));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|seed| {
                gort::go(async move {
                    let mut chance = Chance::new(seed);
                    let mut answered = 0;
                    for _ in 0..EACH {
                        answered += talk(addr, 20, &mut chance).await.unwrap();
                    }
                    answered
                })
            })
            .collect();
        let mut answered = 0;
        for client in clients {
            answered += client.await.unwrap();
        }
        stop.close();
        assert!(server.await.unwrap() <= CLIENTS * EACH);
        assert!(answered > 0);
    });
}

/// Accepts and reads that are dropped half-way lose no connection and no byte; a goroutine that is
/// aborted while it reads closes its socket.
pub(crate) fn accepts_that_are_given_up() {
    const CONNECTIONS: usize = 600;
    let bytes = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&bytes);
    runtime(WORKERS).run(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let clients = [0, 1, 2].map(|_| {
            gort::go(async move {
                for _ in 0..CONNECTIONS / 3 {
                    let mut conn = TcpStream::connect(addr).await.unwrap();
                    conn.write_all(b"ping").await.unwrap();
                    // Until the other side goes, by an abort.
                    let _ = conn.read(&mut [0; 1]).await;
                }
            })
        });
        for _ in 0..CONNECTIONS {
            let (conn, _) = loop {
                if let Some(accepted) = attempt(2, listener.accept()).await {
                    break accepted.unwrap();
                }
            };
            let (told, done) = gort::chan::<()>(1);
            let seen = Arc::clone(&seen);
            let reader = gort::go(async move {
                let (mut conn, mut buffer, mut got) = (conn, [0; 3], 0);
                while got < 4 {
                    if let Some(n) = attempt(1, conn.read(&mut buffer)).await {
                        got += n.unwrap();
                    }
                    yield_now().await;
                }
                seen.fetch_add(got, Ordering::Relaxed);
                told.send(()).await.unwrap();
                conn.read(&mut buffer).await
            });
            done.recv().await;
            reader.abort();
            assert!(reader.await.unwrap_err().is_cancelled());
        }
        for client in clients {
            client.await.unwrap();
        }
    });
    assert_eq!(bytes.load(Ordering::Relaxed), 4 * CONNECTIONS);
}

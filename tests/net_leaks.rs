//! Operations that are dropped half-way leave no descriptor behind. A process of its own, as
//! descriptors are counted.
#![cfg(target_os = "linux")]

use gort::io::AsyncReadExt;
use gort::net::{TcpListener, TcpStream};
use gort::time::{Duration, sleep, timeout};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Polls `future` once and drops it.
async fn touch<F: Future>(future: F) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        drop(future.as_mut().poll(cx));
        Poll::Ready(())
    })
    .await;
}

async fn everything_that_can_be_dropped(listener: &TcpListener, addr: SocketAddr) {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = gone.local_addr().unwrap();
    drop(gone);
    touch(TcpStream::connect(addr)).await;
    touch(TcpStream::connect(refused)).await;
    touch(TcpListener::bind("127.0.0.1:0")).await;
    TcpStream::connect(refused).await.unwrap_err();
    let mut client = TcpStream::connect(addr).await.unwrap();
    touch(listener.accept()).await;
    let (server, _) = listener.accept().await.unwrap();
    touch(client.readable()).await;
    touch(client.read(&mut [0])).await;
    let (read, write) = server.into_split();
    // A goroutine that is aborted while it reads.
    let reader = gort::go(async move {
        let _write = write;
        let mut read = read;
        read.read(&mut [0; 8]).await
    });
    gort::task::yield_now().await;
    reader.abort();
    let _ = reader.await;
    let std = client.into_std().unwrap();
    drop(TcpStream::from_std(std).unwrap());
}

/// compio#315, monoio#318, tokio#7979: what the system had opened for an operation that was dropped
/// stayed open.
#[test]
fn t30_nothing_that_is_dropped_half_way_keeps_a_descriptor() {
    gort::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let before = open_descriptors();
        for _ in 0..50 {
            let round = everything_that_can_be_dropped(&listener, addr);
            timeout(Duration::from_secs(30), round).await.expect("it hangs");
            // Connections that were given up wait to be accepted, or not.
            while timeout(Duration::from_millis(1), listener.accept()).await.is_ok() {}
        }
        // An aborted goroutine is dropped by a worker, soon.
        for _ in 0..1000 {
            if open_descriptors() == before {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(open_descriptors(), before);
    });
}

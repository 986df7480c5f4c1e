//! No descriptors left. A process of its own: the limit is the whole process's.
#![cfg(target_os = "linux")]

mod common;

use common::Polled;
use gort::net::{TcpListener, TcpStream, TooManyFiles, UnixListener, UnixStream};
use gort::runtime::{Builder, Runtime};
use gort::time::{Duration, Instant};
use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::sync::Mutex;

/// One test at a time: the limit is everybody's.
static ALONE: Mutex<()> = Mutex::new(());

fn limit_descriptors() {
    let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Takes every descriptor there is.
fn exhaust() -> Vec<File> {
    let mut all = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    all
}

#[track_caller]
fn assert_names_the_limit(error: &io::Error) {
    assert!(error.get_ref().unwrap().is::<TooManyFiles>());
    assert!(error.to_string().starts_with("all 64 file descriptors"), "{error}");
}

/// A runtime whose clock moves when there is nothing else to do, and only so far as somebody waits.
fn paused() -> Runtime {
    Builder::new_current_thread().start_paused(true).build().unwrap()
}

/// With nothing left, as a loop does that goes on after errors: the first error comes at once, later ones after
/// longer and longer pauses. Then with a little left, which `relieve` gives back: the connection is still there.
async fn accept_pauses_and_loses_nothing<T: fmt::Debug>(
    accept: impl AsyncFn() -> io::Result<T>,
    relieve: impl FnOnce(),
) -> T {
    for pause in [0, 5, 10, 20, 40, 80, 160, 160] {
        let start = Instant::now();
        assert_names_the_limit(&accept().await.unwrap_err());
        assert_eq!(start.elapsed(), Duration::from_millis(pause));
    }
    relieve();
    let start = Instant::now();
    let accepted = accept().await.expect("there is a descriptor");
    assert!(start.elapsed().is_zero());
    accepted
}

#[test]
fn accept_names_the_limit_keeps_the_connection_and_does_not_spin() {
    let _alone = ALONE.lock().unwrap();
    limit_descriptors();
    paused().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let before = open_descriptors();
        let client = TcpStream::connect(addr).await.unwrap();
        let mut hoard = exhaust();
        assert_names_the_limit(&TcpStream::connect(addr).await.unwrap_err());
        let relieve = || hoard.truncate(hoard.len() - 2);
        let accept = async || listener.accept().await;
        let (conn, _) = accept_pauses_and_loses_nothing(accept, relieve).await;
        assert_eq!(conn.peer_addr().unwrap(), client.local_addr().unwrap());
        drop((conn, client, hoard));
        assert_eq!(open_descriptors(), before, "a descriptor has leaked");
    });
}

#[test]
fn a_unix_listener_does_the_same() {
    let _alone = ALONE.lock().unwrap();
    limit_descriptors();
    let folder = std::env::temp_dir().join(format!("gort-emfile-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let socket = folder.join("socket");
    paused().block_on(async move {
        let listener = UnixListener::bind(&socket).unwrap();
        let before = open_descriptors();
        let client = UnixStream::connect(&socket).await.unwrap();
        let mut hoard = exhaust();
        assert_names_the_limit(&UnixStream::connect(&socket).await.unwrap_err());
        let relieve = || hoard.truncate(hoard.len() - 2);
        let accept = async || listener.accept().await;
        let (conn, _) = accept_pauses_and_loses_nothing(accept, relieve).await;
        assert_eq!(client.try_write(b"x").unwrap(), 1);
        conn.readable().await.unwrap();
        drop((conn, client, hoard));
        assert_eq!(open_descriptors(), before, "a descriptor has leaked");
    });
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn polling_to_accept_pauses_too() {
    let _alone = ALONE.lock().unwrap();
    limit_descriptors();
    paused().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut hoard = exhaust();
        let relieve = || hoard.truncate(hoard.len() - 2);
        let accept = async || poll_fn(|cx| listener.poll_accept(cx)).await;
        let (conn, _) = accept_pauses_and_loses_nothing(accept, relieve).await;
        assert_eq!(conn.peer_addr().unwrap(), client.local_addr().unwrap());
    });
}

#[test]
fn an_accept_that_pauses_when_its_runtime_ends_is_told() {
    let _alone = ALONE.lock().unwrap();
    limit_descriptors();
    let runtime = paused();
    let bind = TcpListener::bind("127.0.0.1:0");
    let listener = runtime.block_on(bind).unwrap();
    let (mut first, mut second) = (Polled::new(listener.accept()), Polled::new(listener.accept()));
    let mut polled = Polled::new(poll_fn(|cx| listener.poll_accept(cx)));
    let hoard = exhaust();
    assert_names_the_limit(&first.ready().unwrap_err());
    assert!(second.poll().is_pending() && polled.poll().is_pending());
    drop(runtime);
    assert_eq!((second.wakes(), polled.wakes()), (1, 1));
    for error in [second.ready().unwrap_err(), polled.ready().unwrap_err()] {
        assert!(error.to_string().contains("has shut down"), "{error}");
    }
    drop(hoard);
}

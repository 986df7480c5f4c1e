//! No descriptors left. A process of its own: the limit is the whole process's.
#![cfg(target_os = "linux")]

use gort::net::{TcpListener, TcpStream, TooManyFiles};
use gort::time::{Duration, timeout};
use std::fs::File;

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

#[test]
fn accept_names_the_limit_keeps_the_connection_and_does_not_spin() {
    let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    gort::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let before = open_descriptors();
        let client = TcpStream::connect(addr).await.unwrap();
        let mut hoard = exhaust();

        let error = listener.accept().await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<TooManyFiles>());
        assert!(error.to_string().starts_with("all 64 file descriptors"), "{error}");
        let error = TcpStream::connect(addr).await.unwrap_err();
        assert!(error.to_string().starts_with("all 64 file descriptors"), "{error}");

        // A loop that goes on after errors: it pauses longer and longer.
        let mut errors = 0;
        let spin = async {
            loop {
                listener.accept().await.unwrap_err();
                errors += 1;
            }
        };
        timeout(Duration::from_millis(100), spin).await.unwrap_err();
        assert!(errors <= 5, "{errors} errors in 100 ms");

        hoard.truncate(hoard.len() - 2);
        let accepted = timeout(Duration::from_secs(10), async {
            loop {
                if let Ok((conn, _)) = listener.accept().await {
                    return conn;
                }
            }
        });
        let conn = accepted.await.expect("the connection is lost");
        assert_eq!(conn.peer_addr().unwrap(), client.local_addr().unwrap());
        drop((conn, client, hoard));
        assert_eq!(open_descriptors(), before, "a descriptor has leaked");
    });
}

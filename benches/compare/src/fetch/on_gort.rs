//! The program with gort's parts.

#[path = "program.rs"]
mod program;

use crate::Outcome;

/// The parts.
mod parts {
    pub(super) use gort::compat::hyper::GortIo as Io;
    pub(super) use gort::net::{TcpListener, TcpStream};
    pub(super) use gort::select;
    pub(super) use gort::sync::Mutex;
    pub(super) use gort::time::{sleep, timeout};
    pub(super) use gort::{Receiver, Sender};

    use std::future::Future;

    /// Starts a goroutine.
    pub(super) fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        gort::go(f);
    }

    pub(super) fn channel<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
        gort::chan(cap)
    }

    pub(super) async fn recv<T>(rx: &mut Receiver<T>) -> Option<T> {
        rx.next().await
    }

    /// Places of which each request at work has one, as a Go program has them.
    #[derive(Clone)]
    pub(super) struct Places(gort::Chan<()>);

    impl Places {
        pub(super) fn new(n: usize) -> Self {
            Places(gort::Chan::new(n))
        }

        pub(super) async fn take(&self) {
            self.0.send(()).await;
        }

        pub(super) fn give(&self) {
            self.0.try_recv().expect("a place was taken");
        }
    }

    /// Something that all requests are told by.
    #[derive(Clone)]
    pub(super) struct Stop(gort::Chan<()>);

    impl Stop {
        pub(super) fn new() -> Self {
            Stop(gort::Chan::new(0))
        }

        pub(super) async fn stopped(&self) {
            self.0.next().await;
        }
    }
}

/// Runs it.
pub fn run(requests: usize, concurrency: usize) -> Outcome {
    let runtime = gort::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.run(program::fetch(requests, concurrency))
}

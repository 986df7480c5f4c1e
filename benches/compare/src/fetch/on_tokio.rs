//! The program with tokio's parts.

#[path = "program.rs"]
mod program;

use crate::Outcome;

/// The parts.
mod parts {
    pub(super) use hyper_util::rt::TokioIo as Io;
    pub(super) use tokio::net::{TcpListener, TcpStream};
    pub(super) use tokio::select;
    pub(super) use tokio::sync::Mutex;
    pub(super) use tokio::sync::mpsc::{Receiver, Sender};
    pub(super) use tokio::time::{sleep, timeout};

    use std::future::Future;
    use std::sync::Arc;

    use tokio::sync::{Semaphore, watch};

    /// Starts a task.
    pub(super) fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(f);
    }

    pub(super) fn channel<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
        tokio::sync::mpsc::channel(cap.max(1))
    }

    pub(super) async fn recv<T>(rx: &mut Receiver<T>) -> Option<T> {
        rx.recv().await
    }

    /// Places of which each request at work has one.
    #[derive(Clone)]
    pub(super) struct Places(Arc<Semaphore>);

    impl Places {
        pub(super) fn new(n: usize) -> Self {
            Places(Arc::new(Semaphore::new(n)))
        }

        pub(super) async fn take(&self) {
            self.0.acquire().await.expect("nobody closes it").forget();
        }

        pub(super) fn give(&self) {
            self.0.add_permits(1);
        }
    }

    /// Something that all requests are told by.
    #[derive(Clone)]
    pub(super) struct Stop(Arc<watch::Sender<bool>>);

    impl Stop {
        pub(super) fn new() -> Self {
            Stop(Arc::new(watch::Sender::new(false)))
        }

        pub(super) async fn stopped(&self) {
            let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
        }
    }
}

/// Runs it.
pub fn run(requests: usize, concurrency: usize) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(program::fetch(requests, concurrency)).await.expect("the program panicked")
    })
}

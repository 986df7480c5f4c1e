//! The runtimes under test behind one small trait.
//!
//! All calls are generic and monomorphic: `R::spawn(f)` is the runtime's own `spawn`, nothing is
//! boxed and nothing is dispatched at run time, so that no contestant pays for being compared.
//! `run` always starts the main work as a task **on a worker**; the calling thread only waits.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::Poll;
use std::time::Duration;

use async_executor::{Executor, StaticExecutor};
use futures::executor::ThreadPool;
use futures::task::AtomicWaker;

/// A runtime with tasks spread over a given number of threads.
pub trait Rt: Send + Sync + 'static {
    /// Whether it has one thread whatever is asked: it takes part only where all have one.
    const ONE_THREAD: bool = false;

    /// Runs `main` as a task on one of `threads` workers and returns what it returned.
    fn run<T: Send + 'static>(threads: usize, main: impl Future<Output = T> + Send + 'static) -> T;

    /// Starts a task that nobody waits for.
    fn spawn(f: impl Future<Output = ()> + Send + 'static);

    /// Starts a task and returns its handle.
    fn spawn_join<T: Send + 'static>(
        f: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    /// Lets the other tasks of this worker run.
    fn yield_now() -> impl Future<Output = ()> + Send;
}

/// A runtime that has timers.
pub trait Timers: Rt {
    /// Waits for `d`.
    fn sleep(d: Duration) -> impl Future<Output = ()> + Send;

    /// Waits for `f`, but at most for `d`.
    fn timeout<F: Future + Send>(
        d: Duration,
        f: F,
    ) -> impl Future<Output = Option<F::Output>> + Send
    where
        F::Output: Send;
}

// ---- gort -------------------------------------------------------------------------------------

/// gort's multi-thread runtime.
pub struct Gort;

impl Rt for Gort {
    fn run<T: Send + 'static>(threads: usize, main: impl Future<Output = T> + Send + 'static) -> T {
        gort::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .build()
            .unwrap()
            .run(main)
    }

    fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        drop(gort::spawn(f));
    }

    fn spawn_join<T: Send + 'static>(
        f: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let handle = gort::spawn(f);
        async move { handle.await.unwrap() }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        gort::task::yield_now()
    }
}

impl Timers for Gort {
    fn sleep(d: Duration) -> impl Future<Output = ()> + Send {
        gort::time::sleep(d)
    }

    async fn timeout<F: Future + Send>(d: Duration, f: F) -> Option<F::Output>
    where
        F::Output: Send,
    {
        gort::time::timeout(d, f).await.ok()
    }
}

/// gort's current-thread runtime.
pub struct GortLocal;

impl Rt for GortLocal {
    const ONE_THREAD: bool = true;

    fn run<T: Send + 'static>(
        _threads: usize,
        main: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let rt = gort::runtime::Builder::new_current_thread().build().unwrap();
        rt.block_on(async { gort::spawn(main).await.unwrap() })
    }

    fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        Gort::spawn(f);
    }

    fn spawn_join<T: Send + 'static>(
        f: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        Gort::spawn_join(f)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        Gort::yield_now()
    }
}

// ---- tokio ------------------------------------------------------------------------------------

/// tokio's multi-thread runtime.
pub struct Tokio;

impl Rt for Tokio {
    fn run<T: Send + 'static>(threads: usize, main: impl Future<Output = T> + Send + 'static) -> T {
        let rt = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .unwrap();
        rt.block_on(async { tokio::spawn(main).await.unwrap() })
    }

    fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(f));
    }

    fn spawn_join<T: Send + 'static>(
        f: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let handle = tokio::spawn(f);
        async move { handle.await.unwrap() }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl Timers for Tokio {
    fn sleep(d: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(d)
    }

    async fn timeout<F: Future + Send>(d: Duration, f: F) -> Option<F::Output>
    where
        F::Output: Send,
    {
        tokio::time::timeout(d, f).await.ok()
    }
}

/// tokio's current-thread runtime.
pub struct TokioLocal;

impl Rt for TokioLocal {
    const ONE_THREAD: bool = true;

    fn run<T: Send + 'static>(
        _threads: usize,
        main: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        rt.block_on(async { tokio::spawn(main).await.unwrap() })
    }

    fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        Tokio::spawn(f);
    }

    fn spawn_join<T: Send + 'static>(
        f: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        Tokio::spawn_join(f)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

// ---- smol -------------------------------------------------------------------------------------

/// `f`, but at most until a timer of async-io has fired.
async fn smol_timeout<F: Future>(d: Duration, f: F) -> Option<F::Output> {
    let mut f = pin!(f);
    let mut timer = pin!(async_io::Timer::after(d));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(v) = f.as_mut().poll(cx) {
            return Poll::Ready(Some(v));
        }
        timer.as_mut().poll(cx).map(|_| None)
    })
    .await
}

/// Starts the threads of an executor and waits on this one for `main`.
fn smol_run<T: Send + 'static, Turn: Future<Output = ()>>(
    threads: usize,
    turn: impl Fn() -> Turn + Send + Copy + 'static,
    start: impl FnOnce(mpsc::Sender<T>),
) -> T {
    let (tx, rx) = mpsc::channel();
    start(tx);
    for _ in 0..threads {
        std::thread::spawn(move || async_io::block_on(turn()));
    }
    rx.recv().expect("the main task panicked")
}

macro_rules! smol_rt {
    ($(#[$doc:meta])* $name:ident, $ex:ident: $ty:ty) => {
        static $ex: $ty = <$ty>::new();

        $(#[$doc])*
        pub struct $name;

        impl Rt for $name {
            fn run<T: Send + 'static>(threads: usize, main: impl Future<Output = T> + Send + 'static) -> T {
                smol_run(
                    threads,
                    || $ex.run(std::future::pending()),
                    |tx| $ex.spawn(async move { tx.send(main.await).unwrap() }).detach(),
                )
            }

            fn spawn(f: impl Future<Output = ()> + Send + 'static) {
                $ex.spawn(f).detach();
            }

            fn spawn_join<T: Send + 'static>(
                f: impl Future<Output = T> + Send + 'static,
            ) -> impl Future<Output = T> + Send + 'static {
                $ex.spawn(f)
            }

            fn yield_now() -> impl Future<Output = ()> + Send {
                futures_lite::future::yield_now()
            }
        }

        impl Timers for $name {
            async fn sleep(d: Duration) {
                async_io::Timer::after(d).await;
            }

            fn timeout<F: Future + Send>(d: Duration, f: F) -> impl Future<Output = Option<F::Output>> + Send
            where
                F::Output: Send,
            {
                smol_timeout(d, f)
            }
        }
    };
}

smol_rt! {
    /// async-executor's `Executor` on threads under `async_io::block_on`, as in smol.
    Smol, SMOL: Executor<'static>
}
smol_rt! {
    /// async-executor's `StaticExecutor`.
    SmolStatic, SMOL_STATIC: StaticExecutor
}

// ---- futures ----------------------------------------------------------------------------------

static POOL: OnceLock<ThreadPool> = OnceLock::new();

/// futures' `ThreadPool`.
pub struct FuturesPool;

impl Rt for FuturesPool {
    fn run<T: Send + 'static>(threads: usize, main: impl Future<Output = T> + Send + 'static) -> T {
        let pool = POOL.get_or_init(|| ThreadPool::builder().pool_size(threads).create().unwrap());
        let (tx, rx) = mpsc::channel();
        pool.spawn_ok(async move { tx.send(main.await).unwrap() });
        rx.recv().expect("the main task panicked")
    }

    fn spawn(f: impl Future<Output = ()> + Send + 'static) {
        POOL.get().unwrap().spawn_ok(f);
    }

    fn spawn_join<T: Send + 'static>(
        f: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        use futures::task::SpawnExt;
        POOL.get().unwrap().spawn_with_handle(f).unwrap()
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }
}

// ---- waiting for many -------------------------------------------------------------------------

/// Something that counts tasks and can be waited for.
pub trait Wg: Clone + Send + Sync + 'static {
    /// Nothing counted yet.
    fn new() -> Self;
    /// Counts `n` more.
    fn add(&self, n: usize);
    /// One of them is done.
    fn done(&self);
    /// Waits until none is left.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

impl Wg for gort::sync::WaitGroup {
    fn new() -> Self {
        gort::sync::WaitGroup::new()
    }

    fn add(&self, n: usize) {
        self.add(i32::try_from(n).unwrap());
    }

    fn done(&self) {
        self.done();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

/// The least there is: an atomic and one waker. Used for the peers, none of which has a WaitGroup
/// that is faster.
#[derive(Clone)]
pub struct Counter(Arc<(AtomicUsize, AtomicWaker)>);

impl Wg for Counter {
    fn new() -> Self {
        Counter(Arc::new((AtomicUsize::new(0), AtomicWaker::new())))
    }

    fn add(&self, n: usize) {
        self.0.0.fetch_add(n, Ordering::Relaxed);
    }

    fn done(&self) {
        if self.0.0.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.1.wake();
        }
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        std::future::poll_fn(|cx| {
            self.0.1.register(cx.waker());
            if self.0.0.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

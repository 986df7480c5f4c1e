//! Blocking a thread on a future.
//!
//! The future is polled by the calling thread and nobody else. On a multi-thread runtime the thread
//! only waits in between. On a current-thread runtime it also hosts the one worker: whichever of the
//! threads inside `block_on` finds the worker free takes it along until its own future is ready (see `host`).

use super::shared::{Phase, Shared};
use super::worker::{self, Host, Worker};
use super::{context, shutdown};
use crate::sys::park::Parker;
use crate::sys::point;
use crate::sys::sync::atomic::{AtomicBool, Ordering};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Wakes a thread inside `block_on`.
struct Signal {
    parker: Arc<Parker>,
    /// The future is to be polled.
    woken: AtomicBool,
    /// The runtime whose one worker the thread may be hosting, in which case the parker is not
    /// where it waits.
    hosted: Option<Arc<Shared>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release pairs with the Acquire in `take`.
        self.woken.store(true, Ordering::Release);
        self.parker.unpark();
        if let Some(shared) = &self.hosted {
            let processor = shared.processor(0);
            processor.call_attention();
            processor.unpark(&shared.driver);
        }
    }
}

impl Signal {
    fn take(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `wake_by_ref`.
        self.woken.swap(false, Ordering::Acquire)
    }
}

/// Runs `future` to its end; see the module documentation.
///
/// # Panics
///
/// On a thread that is inside a runtime already; with the future's own panic; and with the panic
/// that was fatal to the runtime.
#[track_caller]
pub(crate) fn block_on<F: Future>(shared: &Arc<Shared>, future: F) -> F::Output {
    let _blocking = context::enter_blocking();
    let _runtime = context::enter(shared);
    let parker = Arc::new(Parker::new());
    let hosted = shared.config.current_thread.then(|| Arc::clone(shared));
    let signal =
        Arc::new(Signal { parker: Arc::clone(&parker), woken: AtomicBool::new(true), hosted });
    let mut main = Main {
        shared,
        waker: Waker::from(Arc::clone(&signal)),
        signal,
        future: pin!(future),
        output: None,
    };
    // Dropped before the future, which may hold much: the others need not wait for that.
    let _guest = shared.hosts.enter(&parker);
    loop {
        if shared.config.current_thread {
            main.host();
        }
        if let Some(output) = main.output.take().or_else(|| main.poll()) {
            return output;
        }
        shared.rethrow_fatal();
        parker.park(None);
    }
}

/// The future of a `block_on`, with what it takes to poll it.
struct Main<'a, F: Future> {
    shared: &'a Arc<Shared>,
    waker: Waker,
    signal: Arc<Signal>,
    future: Pin<&'a mut F>,
    output: Option<F::Output>,
}

impl<F: Future> Main<'_, F> {
    /// Polls the future if it was woken.
    fn poll(&mut self) -> Option<F::Output> {
        if !self.signal.take() {
            return None;
        }
        let polled = point::with_budget(self.shared.budget(0), || {
            self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
        });
        match polled {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// Takes the worker of a current-thread runtime, if it is free, and runs it until the future is
    /// ready.
    fn host(&mut self) {
        let Some(worker) = self.shared.hosts.take() else { return };
        // A shutdown waits for this thread as for a worker's.
        *self.shared.threads.lock() += 1;
        let core = Core { shared: self.shared, worker: Some(worker) };
        let Some(worker) = &core.worker else { return };
        worker.processor().call_attention();
        worker.run(self);
    }
}

impl<F: Future> Host for Main<'_, F> {
    fn attend(&mut self, _worker: &Worker) -> bool {
        self.output = self.poll();
        self.output.is_some() || !self.shared.is_running()
    }
}

/// Puts the worker back, also when the future panics; or ends what it has queued, if nobody will ever
/// run it again.
struct Core<'a> {
    shared: &'a Arc<Shared>,
    worker: Option<Box<Worker>>,
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        // A shutdown sets the phase and then takes the worker: either it finds the worker there, or the phase
        // is seen here.
        let over = || self.shared.phase() >= Phase::ShuttingDown;
        let worker = self.worker.take().expect("it is put back once");
        if let Err(worker) = self.shared.hosts.put_unless(over, worker) {
            worker.hand_over();
            drop(worker);
            shutdown::end_leftovers(self.shared);
        }
        worker::thread_is_gone(self.shared);
    }
}

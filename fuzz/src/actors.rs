//! Goroutines that do what they are told, one poll at a time.
//!
//! What a goroutine was matched with and did not collect in a whole poll, others may take. So the
//! model has to know when each poll begins and ends, and nothing else may poll these goroutines.

use gort::runtime::{Builder, Runtime};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// How many there are.
pub const ACTORS: usize = 3;

type Job = Box<dyn FnOnce() + Send>;

/// Where one goroutine finds its work.
#[derive(Default)]
struct Desk {
    job: Mutex<Option<Job>>,
    waker: Mutex<Option<Waker>>,
}

pub struct Actors {
    runtime: Runtime,
    desks: Vec<Arc<Desk>>,
}

/// Making them takes longer than most runs.
static SPARE: Mutex<Option<Actors>> = Mutex::new(None);

impl Actors {
    pub fn get() -> Self {
        let spare = SPARE.lock().unwrap().take();
        spare.unwrap_or_else(Self::new)
    }

    /// Keeps them for the next run. They have nothing to do.
    pub fn keep(self) {
        *SPARE.lock().unwrap() = Some(self);
    }

    fn new() -> Self {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let desks: Vec<Arc<Desk>> = (0..ACTORS).map(|_| Arc::default()).collect();
        for desk in &desks {
            drop(runtime.handle().go(work(Arc::clone(desk))));
        }
        let actors = Self { runtime, desks };
        // The first poll of each is none of the model's.
        for actor in 0..ACTORS {
            actors.poll(actor, Box::new(|| {}));
        }
        actors
    }

    /// Has the goroutine polled once, and `job` done in that poll.
    pub fn poll(&self, actor: usize, job: Job) {
        let desk = &self.desks[actor];
        *desk.job.lock().unwrap() = Some(job);
        let waker = desk.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
        self.runtime.block_on(poll_fn(|cx| {
            if desk.job.lock().unwrap().is_none() {
                return Poll::Ready(());
            }
            // Behind the goroutine, which is runnable.
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
    }
}

async fn work(desk: Arc<Desk>) {
    poll_fn(|cx| {
        *desk.waker.lock().unwrap() = Some(cx.waker().clone());
        let job = desk.job.lock().unwrap().take();
        if let Some(job) = job {
            job();
        }
        Poll::<()>::Pending
    })
    .await;
}

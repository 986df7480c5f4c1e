//! One execution, and who shares it.
//!
//! A call runs in a goroutine of its own. It ends in one of four ways, told by [`Outcome`]; those who share it
//! wait for `done`, which is closed after the outcome has been set. It is out of the group's map by then, so
//! nobody joins a call that is over.
//!
//! A panic is never lost: the call keeps it until one of those who wait has been told. If all of them go before,
//! it is raised in a goroutine that nobody awaits, and so is fatal.

use crate::chan::{Core, Receiver, Signal, Watch, unclosed};
use crate::runtime;
use crate::runtime::panic::{self, Payload};
use crate::sys::sync::{Mutex, OnceLock};
use crate::sys::unwind;
use crate::wait::batch::WakeBatch;
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::group::Flight;

/// How a call has ended.
pub(super) enum Outcome<V> {
    Value(V),
    /// It panicked with these words.
    Panicked(String),
    /// It called `goexit`.
    Exited,
    /// Its goroutine was dropped: its runtime has been shut down.
    Lost,
}

/// See the [module](self).
pub(super) struct Call<V> {
    done: Signal,
    outcome: OnceLock<(Outcome<V>, bool)>,
    sharers: Mutex<Sharers<V>>,
}

struct Sharers<V> {
    /// More than one asked.
    shared: bool,
    /// How many wait in `run`.
    waiting: usize,
    /// Those of `run_chan`.
    channels: Vec<Arc<Core<Flight<V>>>>,
    /// What it panicked with, until somebody has been told.
    untold: Option<Payload>,
}

impl<V> Call<V> {
    pub(super) fn new() -> Self {
        let sharers = Sharers { shared: false, waiting: 0, channels: Vec::new(), untold: None };
        Self { done: Signal::new(), outcome: OnceLock::new(), sharers: Mutex::new(sharers) }
    }

    /// One more waits. `joins`: it is not the first.
    pub(super) fn join(&self, joins: bool) {
        let mut sharers = self.sharers.lock();
        sharers.waiting += 1;
        sharers.shared |= joins;
    }

    /// One of those who wait, there, waits no more.
    pub(super) fn leave(&self, place: &Watch) {
        self.done.forget(place);
        self.sharers.lock().waiting -= 1;
    }

    /// One more channel that is sent the value.
    pub(super) fn join_by_channel(&self, joins: bool) -> Receiver<Flight<V>> {
        let (core, receiver) = unclosed(1);
        let mut sharers = self.sharers.lock();
        sharers.channels.push(core);
        sharers.shared |= joins;
        receiver
    }

    /// Ready when the outcome is there. Whoever waits has [joined](Self::join), and [leaves](Self::leave).
    pub(super) fn poll_done(&self, place: Pin<&Watch>, cx: &Context<'_>) -> Poll<()> {
        self.done.poll_closed(place, cx)
    }

    /// How it has ended, and whether it was shared.
    pub(super) fn outcome(&self) -> Option<&(Outcome<V>, bool)> {
        self.outcome.get()
    }

    /// Keeps a panic for those who wait. It comes back if nobody does, or if there are channels, which cannot tell
    /// it.
    fn keep(&self, panic: Payload) -> Option<Payload> {
        let mut sharers = self.sharers.lock();
        if sharers.waiting == 0 || !sharers.channels.is_empty() {
            return Some(panic);
        }
        sharers.untold.replace(panic)
    }

    /// Somebody is being told of the panic.
    pub(super) fn forget_panic(&self) {
        let told = self.sharers.lock().untold.take();
        if let Some(panic) = told {
            unwind::drop_payload(panic);
        }
    }
}

impl<V> Drop for Call<V> {
    fn drop(&mut self) {
        if let Some(panic) = self.sharers.get_mut().untold.take() {
            drop(runtime::go(async move { resume_unwind(panic) }));
        }
    }
}

impl<V: Clone> Call<V> {
    /// Tells everybody. The call is in no map any more.
    ///
    /// # Panics
    ///
    /// With the first panic of a clone or a waker, when all is done.
    fn end(&self, outcome: Outcome<V>) {
        let mut sharers = self.sharers.lock();
        let (channels, shared) = (std::mem::take(&mut sharers.channels), sharers.shared);
        drop(sharers);
        let mut first = None;
        for channel in channels {
            let told = catch_unwind(AssertUnwindSafe(|| tell(&channel, &outcome, shared)));
            match (told, &first) {
                (Ok(()), _) => {}
                (Err(panic), None) => first = Some(panic),
                (Err(panic), Some(_)) => unwind::drop_payload(panic),
            }
        }
        let _ = self.outcome.set((outcome, shared));
        let mut wakes = WakeBatch::new();
        self.done.close(&mut wakes);
        wakes.wake_all();
        if let Some(panic) = first {
            resume_unwind(panic);
        }
    }
}

/// Sends the value to a channel, or closes it if there is none, or no clone of it.
fn tell<V: Clone>(channel: &Core<Flight<V>>, outcome: &Outcome<V>, shared: bool) {
    let Outcome::Value(value) = outcome else {
        channel.close();
        return;
    };
    match catch_unwind(AssertUnwindSafe(|| value.clone())) {
        // There is room for the one value.
        Ok(value) => drop(channel.try_send(Flight { value, shared })),
        Err(panic) => {
            channel.close();
            resume_unwind(panic);
        }
    }
}

pin_project! {
    /// The goroutine of a call. `remove` takes the call out of the map.
    pub(super) struct Leader<F, V, R>
    where
        V: Clone,
        R: FnMut(),
    {
        #[pin]
        future: F,
        call: Arc<Call<V>>,
        remove: R,
        over: bool,
    }

    impl<F, V, R> PinnedDrop for Leader<F, V, R>
    where
        V: Clone,
        R: FnMut(),
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if !*this.over {
                (this.remove)();
                this.call.end(Outcome::Lost);
            }
        }
    }
}

impl<F, V: Clone, R: FnMut()> Leader<F, V, R> {
    pub(super) fn new(future: F, call: Arc<Call<V>>, remove: R) -> Self {
        Self { future, call, remove, over: false }
    }
}

impl<F, V, R> Future for Leader<F, V, R>
where
    F: Future<Output = V>,
    V: Clone,
    R: FnMut(),
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.poll(cx)));
        let ended = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        *this.over = true;
        (this.remove)();
        match ended {
            Ok(value) => this.call.end(Outcome::Value(value)),
            Err(payload) => fail(this.call, payload),
        }
        Poll::Ready(())
    }
}

/// The function has panicked, or left by `goexit`.
fn fail<V: Clone>(call: &Call<V>, payload: Payload) {
    if panic::is_goexit(&*payload) {
        return call.end(Outcome::Exited);
    }
    let message = panic::message(&*payload).to_owned();
    let not_kept = call.keep(payload);
    call.end(Outcome::Panicked(message));
    if let Some(payload) = not_kept {
        // Somebody who has a channel, or nobody: the goroutine dies of it.
        resume_unwind(payload);
    }
}

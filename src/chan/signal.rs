//! Channels that nobody closes by dropping a handle: what has one sender, inside of gort.

use super::core::Core;
use super::handle::Receiver;
use super::state::Event;
use super::watch::Watch;
use crate::wait::batch::WakeBatch;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A channel whose one sender is not counted: it stays open until it is [closed](Core::close), however many
/// hold the core.
pub(crate) fn unclosed<T>(capacity: usize) -> (Arc<Core<T>>, Receiver<T>) {
    let core = Arc::new(Core::new(capacity));
    (Arc::clone(&core), Receiver::new(core))
}

/// A channel that carries nothing and is closed once: something is over. This is the end that closes it. To drop it is not to close it: receivers then wait for ever.
#[derive(Debug)]
pub(crate) struct Signal {
    receiver: Receiver<()>,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self { receiver: unclosed(0).1 }
    }

    /// The channel.
    pub(crate) fn receiver(&self) -> Receiver<()> {
        self.receiver.clone()
    }

    /// The channel, for as long as this is borrowed.
    pub(crate) fn core(&self) -> Option<&Core<()>> {
        self.receiver.core()
    }

    /// Closes the channel. Those who wait are woken by the caller.
    pub(crate) fn close(&self, wakes: &mut WakeBatch) {
        if let Some(core) = self.receiver.core() {
            core.lock().close(wakes);
        }
    }

    /// Ready once the channel is closed. Whoever owns `watch`, which is for this alone, [forgets](Self::forget) it
    /// before it goes.
    pub(crate) fn poll_closed(&self, watch: Pin<&Watch>, cx: &Context<'_>) -> Poll<()> {
        let Some(core) = self.core() else { return Poll::Pending };
        watch.poll(core, Event::Receivable, cx, |state, _| state.is_closed().then_some(()))
    }

    /// Somebody waits no more.
    pub(crate) fn forget(&self, watch: &Watch) {
        if let Some(core) = self.core() {
            watch.cancel(core, Event::Receivable);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }
}

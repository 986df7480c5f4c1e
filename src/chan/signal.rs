//! Channels that nobody closes by dropping a handle: what has one sender, inside of gort.

use super::core::Core;
use super::handle::Receiver;
use crate::wait::batch::WakeBatch;
use std::sync::Arc;

/// A channel that carries nothing and is closed once: something is over. This is the end that closes it. To drop it is not to close it: receivers then wait for ever.
#[derive(Debug)]
pub(crate) struct Signal {
    receiver: Receiver<()>,
}

impl Signal {
    pub(crate) fn new() -> Self {
        // The one sender that it counts does not exist, so nobody but `close` closes it.
        Self { receiver: Receiver::new(Arc::new(Core::new(0))) }
    }

    /// The channel.
    pub(crate) fn receiver(&self) -> Receiver<()> {
        self.receiver.clone()
    }

    /// Closes the channel. Those who wait are woken by the caller.
    pub(crate) fn close(&self, wakes: &mut WakeBatch) {
        if let Some(core) = self.receiver.core() {
            core.lock().close(wakes);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }
}

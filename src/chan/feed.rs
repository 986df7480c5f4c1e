//! Channels whose values come from a feed instead of senders: a timer.
//!
//! A feed is asked, under the channel's lock, whenever somebody wants to receive, so that what is due
//! is received at once, and by a `select!` rather than its default. It does nothing until somebody
//! waits ([`Feed::arm`]); then it calls [`Core::pump`] when it has a value. When the last receiver
//! goes it is told to stop.
//!
//! The channel and its feed own each other until then.

use super::core::Core;
use super::handle::Receiver;
use crate::wait::batch::WakeBatch;
use std::sync::Arc;

/// See the [module](self). All but `stop` is called under the channel's lock.
pub(crate) trait Feed<T>: Send + Sync {
    /// The next value, if it is there.
    fn take(&self) -> Option<T>;

    /// Somebody waits.
    fn arm(self: Arc<Self>);

    /// Nobody will receive any more.
    fn stop(&self);
}

/// A channel that is fed. It has no senders, no buffer and no end.
pub(crate) fn fed<T>(feed: impl FnOnce(Arc<Core<T>>) -> Arc<dyn Feed<T>>) -> Receiver<T> {
    // The one sender that it counts does not exist, so the channel is never closed.
    let core = Arc::new(Core::new(0));
    let feed = feed(Arc::clone(&core));
    core.lock().feed = Some(feed);
    Receiver::new(core)
}

impl<T> Core<T> {
    /// Moves the value of the feed to who waits for it, or wakes who wants to know.
    pub(crate) fn pump(&self) {
        let mut wakes = WakeBatch::new();
        self.lock().pump(&mut wakes);
        wakes.wake_all();
    }
}

//! Channels whose values come from a feed instead of senders: timers, signals.
//!
//! A feed is asked, under the channel's lock, whenever somebody wants to receive, so that what is due
//! is received at once, and by a `select!` rather than its default. It does nothing until somebody
//! waits ([`Feed::arm`]); then it calls [`Core::pump`] when it has a value. When the last receiver
//! goes it is told to stop.
//!
//! A feed has at most one value ready at a time, which it keeps until somebody takes it: what is due is
//! given to who waits before it is given to who comes.
//!
//! The channel and its feed own each other until the last receiver goes.

use super::core::Core;
use super::handle::Receiver;
use crate::wait::batch::WakeBatch;
use std::sync::Arc;

/// See the [module](self). All but `stop` is called under the channel's lock.
pub(crate) trait Feed<T>: Send + Sync {
    /// The value that is ready, which stays so until it is [passed](Self::pass).
    fn ready(&self) -> Option<T>;

    /// The value that was ready has been received, or missed.
    fn pass(&self);

    /// Somebody waits. Called again and again while they do.
    fn arm(self: Arc<Self>);

    /// Nobody will receive any more.
    fn stop(&self);
}

/// A channel that is fed, and its feed. It has no senders, no buffer and no end.
pub(crate) fn fed<T, F>(feed: impl FnOnce(Arc<Core<T>>) -> F) -> (Receiver<T>, Arc<F>)
where
    F: Feed<T> + 'static,
{
    // The one sender that it counts does not exist, so the channel is never closed.
    let core = Arc::new(Core::new(0));
    let feed = Arc::new(feed(Arc::clone(&core)));
    core.lock().feed = Some(Arc::clone(&feed) as _);
    (Receiver::new(core), feed)
}

impl<T> Core<T> {
    /// Moves the value of the feed to who waits for it, or wakes who wants to know.
    pub(crate) fn pump(&self) {
        let mut wakes = WakeBatch::new();
        self.lock().pump(&mut wakes);
        wakes.wake_all();
    }

    /// Changes what the feed does, in one instant of the channel. Values that it has given and that
    /// nobody has seen are taken back and dropped; `change` is told whether there were any. Whoever
    /// was handed one was woken, and begins anew when it looks.
    pub(crate) fn refeed<R>(&self, change: impl FnOnce(bool) -> R) -> R {
        let mut state = self.lock();
        let unseen = state.recall();
        let result = change(!unseen.is_empty());
        state.arm_feed_if_awaited();
        drop(state);
        drop(unseen);
        result
    }
}

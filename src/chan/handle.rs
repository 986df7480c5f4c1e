//! The three handles of a channel, and what their coming and going means.
//!
//! A [`Chan`] counts as a sender and as a receiver, a [`Sender`] and a [`Receiver`] as one. When the
//! last sender goes the channel is closed; when the last receiver goes it is disconnected. Both counts
//! never rise again from zero, as every handle is made from one that can do as much.

use super::core::Core;
use super::error::{SendError, TryRecvError, TrySendError};
use super::recv::{Next, Received, Recv, RecvOk};
use super::send::{ChanSend, Send};
use super::state::Tried;
use super::stream::{Closed, RecvStream, SendSink};
use super::zero::ZeroValue;
use crate::runtime::context;
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use crate::wait::batch::WakeBatch;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::ManuallyDrop;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// Makes a channel and returns its two ends. `capacity` 0 makes it unbuffered.
///
/// The ends can be cloned. When the last [`Sender`] is dropped the channel is closed; when the last
/// [`Receiver`] is dropped, senders get their value back.
///
/// # Panics
///
/// `makechan: size out of range` if such a buffer could not exist. No memory is taken before values
/// are in it.
///
/// # Go
///
/// `make(chan T, n)`, and its conversions to `chan<- T` and `<-chan T`.
///
/// # Examples
///
/// ```
/// # gort::run(async {
/// let (tx, rx) = gort::chan(1);
/// tx.send("hello").await.unwrap();
/// assert_eq!(rx.recv().await, "hello");
/// # });
/// ```
#[doc(alias = "make")]
#[track_caller]
pub fn chan<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let core = Some(new_core(capacity));
    (Sender { core: core.clone() }, Receiver { core })
}

#[track_caller]
fn new_core<T>(capacity: usize) -> Arc<Core<T>> {
    let bytes = capacity.checked_mul(size_of::<T>().max(1));
    if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
        panic!("makechan: size out of range");
    }
    Arc::new(Core::new(capacity))
}

fn retain(count: &AtomicUsize) {
    // Ordering: Relaxed: made from a handle that is counted, so the count cannot reach zero.
    let before = count.fetch_add(1, Ordering::Relaxed);
    assert!(before < isize::MAX as usize, "too many handles of one channel");
}

/// Whether it was the last one.
fn release(count: &AtomicUsize) -> bool {
    // Ordering: AcqRel: what the other handles did comes before what the last one's end brings.
    count.fetch_sub(1, Ordering::AcqRel) == 1
}

impl<T> Core<T> {
    fn release_sender(&self) {
        if release(&self.senders) {
            self.close();
        }
    }

    fn release_receiver(&self) {
        if release(&self.receivers) {
            let mut wakes = WakeBatch::new();
            let unreceived = self.lock().disconnect(&mut wakes);
            // First the wakes: a drop of the user's may panic.
            wakes.wake_all();
            drop(unreceived);
        }
    }

    /// False if it was closed already.
    pub(crate) fn close(&self) -> bool {
        let mut wakes = WakeBatch::new();
        let closed = self.lock().close(&mut wakes);
        wakes.wake_all();
        closed
    }

    pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if !self.may_send() {
            return Err(TrySendError::Full(value));
        }
        let value = ManuallyDrop::new(value);
        match self.send_now(&value) {
            Tried::Done => Ok(()),
            Tried::Wait => Err(TrySendError::Full(ManuallyDrop::into_inner(value))),
            Tried::Closed => Err(TrySendError::Closed(ManuallyDrop::into_inner(value))),
            Tried::Disconnected => Err(TrySendError::Disconnected(ManuallyDrop::into_inner(value))),
        }
    }

    #[inline]
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        if !self.may_recv() {
            return Err(TryRecvError::Empty);
        }
        match self.recv_now() {
            Received::Value(value) => Ok(value),
            Received::End => Err(TryRecvError::Closed),
            Received::Wait => Err(TryRecvError::Empty),
        }
    }
}

#[track_caller]
fn close_or_panic<T>(core: Option<&Core<T>>) {
    let Some(core) = core else { panic!("close of nil channel") };
    if !core.close() {
        panic!("close of closed channel");
    }
}

impl<T> Receiver<T> {
    /// The first receiving handle of a channel, which counts it already.
    pub(super) fn new(core: Arc<Core<T>>) -> Self {
        Self { core: Some(core) }
    }
}

/// Go's `chan T`: sends and receives. A clone is the same channel; handles are equal if they are of one
/// channel.
///
/// [`tx`](Self::tx) and [`rx`](Self::rx) make directional handles of it, as Go does implicitly.
///
/// # Go
///
/// A `Chan` never tells that the other side has gone, as it may be the other side itself: when
/// everybody waits the program is stuck, as in Go. Split the ends ([`chan`], or drop the `Chan`) to
/// have senders and receivers end each other.
///
/// # Examples
///
/// ```
/// use gort::{Chan, go};
///
/// gort::run(async {
///     let (numbers, done) = (Chan::new(0), Chan::new(0));
///     go!(clone numbers, done => {
///         let mut sum = 0;
///         while let Some(n) = numbers.next().await {
///             sum += n;
///         }
///         done.send(sum).await;
///     });
///     for n in 1..=4 {
///         numbers.send(n).await;
///     }
///     numbers.close();
///     assert_eq!(done.recv().await, 10);
/// });
/// ```
pub struct Chan<T> {
    core: Option<Arc<Core<T>>>,
}

/// Go's `chan<- T`: sends. A clone is the same end of the same channel.
///
/// When the last sender is dropped the channel is closed.
///
/// # Go
///
/// `chan<- T`. Go closes nothing by itself: that the last sender closes is what `defer close(ch)` is there.
///
/// # Examples
///
/// ```
/// use gort::Sender;
///
/// /// A `Chan` is taken as well, as in Go: `count(&ch, 3)`.
/// async fn count(to: impl Into<Sender<u32>>, end: u32) {
///     let to = to.into();
///     for n in 0..end {
///         to.send(n).await.unwrap();
///     }
/// }
///
/// gort::run(async {
///     let (tx, rx) = gort::chan(3);
///     count(tx, 3).await;
///     assert_eq!((rx.recv().await, rx.recv().await, rx.recv().await), (0, 1, 2));
///     assert_eq!(rx.next().await, None);
/// });
/// ```
pub struct Sender<T> {
    core: Option<Arc<Core<T>>>,
}

/// Go's `<-chan T`: receives. A clone is the same end of the same channel; each value goes to one of
/// them.
///
/// Receiving never closes: that is for those who send.
///
/// # Go
///
/// `<-chan T`.
///
/// ```compile_fail,E0599
/// let (_tx, rx) = gort::chan::<i32>(0);
/// rx.close();
/// ```
///
/// When the last receiver is dropped, values that are still queued are dropped at once, and senders get
/// theirs back.
pub struct Receiver<T> {
    core: Option<Arc<Core<T>>>,
}

impl<T> Chan<T> {
    /// Makes a channel. `capacity` 0 makes it unbuffered.
    ///
    /// # Panics
    ///
    /// `makechan: size out of range` if such a buffer could not exist. No memory is taken before
    /// values are in it.
    ///
    /// # Go
    ///
    /// `make(chan T, n)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let done = gort::Chan::new(0);
    /// gort::go!(clone done => { done.send(true).await });
    /// assert!(done.recv().await);
    /// # });
    /// ```
    #[doc(alias = "make")]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self { core: Some(new_core(capacity)) }
    }

    /// A handle that can only send.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let (ch, rx) = {
    ///     let ch = gort::Chan::new(1);
    ///     (ch.tx(), ch.rx())
    /// }; // both ends have one handle now
    /// ch.send(1).await.unwrap();
    /// drop(rx);
    /// assert!(ch.send(2).await.is_err());
    /// # });
    /// ```
    pub fn tx(&self) -> Sender<T> {
        if let Some(core) = self.core() {
            retain(&core.senders);
        }
        Sender { core: self.core.clone() }
    }

    /// A handle that can only receive.
    pub fn rx(&self) -> Receiver<T> {
        if let Some(core) = self.core() {
            retain(&core.receivers);
        }
        Receiver { core: self.core.clone() }
    }

    /// Sends `value`: to a receiver that waits, or into the buffer if there is room. Waits otherwise.
    ///
    /// # Panics
    ///
    /// `send on closed channel`, if it is, or is closed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has completed, the value is dropped, unless a receiver has
    /// taken it already; the place in line is lost.
    ///
    /// # Go
    ///
    /// `ch <- value`.
    #[track_caller]
    #[inline]
    pub fn send(&self, value: T) -> ChanSend<'_, T> {
        ChanSend::new(self.core(), value, Location::caller())
    }

    /// Sends from a thread that is not in async code; sleeps while it waits.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn blocking_send(&self, value: T) {
        context::block_thread(self.send(value));
    }
}

/// Methods of both handles that send.
macro_rules! sending {
    ($handle:ident) => {
        impl<T> $handle<T> {
            /// Sends if that is possible at once. Never waits and never panics.
            ///
            /// # Errors
            ///
            /// The value comes back if it is not: the channel is full (or nil), closed, or has no
            /// receiver.
            ///
            /// # Go
            ///
            /// Go's `select` with a send and a `default` panics on a closed channel;
            /// `select!` does so too.
            ///
            /// # Examples
            ///
            /// ```
            /// let ch = gort::Chan::new(1);
            /// assert!(ch.try_send(1).is_ok());
            /// assert!(ch.try_send(2).unwrap_err().is_full());
            /// ```
            #[doc(alias = "default")]
            pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
                match self.core() {
                    Some(core) => core.try_send(value),
                    None => Err(TrySendError::Full(value)),
                }
            }

            /// This end as a `Sink` of futures, which counts as a sender of its own.
            ///
            /// # Examples
            ///
            /// ```
            /// use futures::SinkExt;
            /// # gort::run(async {
            /// let ch = gort::Chan::new(2);
            /// ch.sink().send(1).await.unwrap();
            /// assert_eq!(ch.recv().await, 1);
            /// # });
            /// ```
            #[track_caller]
            pub fn sink(&self) -> SendSink<T> {
                SendSink::new(Sender::from(self), Location::caller())
            }

            /// Closes the channel: what is in it can still be received, then receivers get the zero
            /// value. Whoever waits to send panics.
            ///
            /// # Panics
            ///
            /// `close of closed channel` if it is (also if it was closed because the last sender
            /// had been dropped); `close of nil channel`.
            ///
            /// # Go
            ///
            /// `close(ch)`.
            ///
            /// # Examples
            ///
            /// ```
            /// # gort::run(async {
            /// let ch = gort::Chan::new(1);
            /// ch.send(5).await;
            /// ch.close();
            /// assert_eq!(ch.recv_ok().await, (5, true));
            /// assert_eq!(ch.recv_ok().await, (0, false));
            /// # });
            /// ```
            #[track_caller]
            pub fn close(&self) {
                close_or_panic(self.core());
            }

            /// Closes the channel as [`close`](Self::close) does, or returns false if it is closed or
            /// nil.
            ///
            /// # Go
            ///
            /// `close(ch)`, where Go panics.
            ///
            /// # Examples
            ///
            /// ```
            /// let ch = gort::Chan::<u8>::new(0);
            /// assert!(ch.try_close());
            /// assert!(!ch.try_close());
            /// ```
            #[doc(alias = "close")]
            pub fn try_close(&self) -> bool {
                self.core().is_some_and(Core::close)
            }

            /// Waits until nothing can be sent any more: the channel is closed, or no receiver is
            /// left.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future loses nothing.
            ///
            /// # Examples
            ///
            /// ```
            /// # gort::run(async {
            /// let (tx, rx) = gort::chan::<u8>(0);
            /// drop(rx);
            /// tx.closed().await;
            /// # });
            /// ```
            #[track_caller]
            pub fn closed(&self) -> Closed<'_, T> {
                Closed::new(self.core(), Location::caller())
            }
        }
    };
}

/// Methods of both handles that receive.
macro_rules! receiving {
    ($handle:ident) => {
        impl<T> $handle<T> {
            /// Receives a value; waits if there is none. When the channel is closed and empty it
            /// yields the zero value of `T`, at once.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped, only its place in line is lost: a value that it was handed
            /// goes to the next receiver.
            ///
            /// # Go
            ///
            /// `<-ch`.
            ///
            /// # Examples
            ///
            /// ```
            /// # gort::run(async {
            /// let ch = gort::Chan::new(1);
            /// ch.send("a").await;
            /// assert_eq!(ch.recv().await, "a");
            /// ch.close();
            /// assert_eq!(ch.recv().await, "");
            /// # });
            /// ```
            #[track_caller]
            #[inline]
            pub fn recv(&self) -> Recv<'_, T>
            where
                T: ZeroValue,
            {
                Recv::new(self.core(), Location::caller())
            }

            /// Receives as [`recv`](Self::recv) does, and tells whether the value was sent (`true`),
            /// or is the zero value because the channel is closed and empty.
            ///
            /// # Cancel safety
            ///
            /// As [`recv`](Self::recv).
            ///
            /// # Go
            ///
            /// `v, ok := <-ch`.
            ///
            /// # Examples
            ///
            /// ```
            /// # gort::run(async {
            /// let ch = gort::Chan::new(1);
            /// ch.send(0).await;
            /// ch.close();
            /// assert_eq!(ch.recv_ok().await, (0, true));
            /// assert_eq!(ch.recv_ok().await, (0, false));
            /// # });
            /// ```
            #[track_caller]
            #[inline]
            pub fn recv_ok(&self) -> RecvOk<'_, T>
            where
                T: ZeroValue,
            {
                RecvOk::new(self.core(), Location::caller())
            }

            /// Receives a value; waits if there is none. `None` when the channel is closed and empty.
            ///
            /// # Cancel safety
            ///
            /// As [`recv`](Self::recv).
            ///
            /// # Go
            ///
            /// `for v := range ch` is `while let Some(v) = ch.next().await`.
            ///
            /// # Examples
            ///
            /// ```
            /// # gort::run(async {
            /// let (tx, rx) = gort::chan(2);
            /// tx.send(1).await.unwrap();
            /// tx.send(2).await.unwrap();
            /// drop(tx);
            /// let mut sum = 0;
            /// while let Some(n) = rx.next().await {
            ///     sum += n;
            /// }
            /// assert_eq!(sum, 3);
            /// # });
            /// ```
            #[doc(alias = "range")]
            #[track_caller]
            #[inline]
            pub fn next(&self) -> Next<'_, T> {
                Next::new(self.core(), Location::caller())
            }

            /// This end as a `Stream` of futures, which counts as a receiver of its own.
            ///
            /// # Go
            ///
            /// `range ch`, for code that takes a `Stream`.
            ///
            /// # Examples
            ///
            /// ```
            /// use futures::StreamExt;
            /// # gort::run(async {
            /// let (tx, rx) = gort::chan(2);
            /// tx.send(1).await.unwrap();
            /// drop(tx);
            /// assert_eq!(rx.stream().collect::<Vec<_>>().await, [1]);
            /// # });
            /// ```
            #[track_caller]
            pub fn stream(&self) -> RecvStream<T> {
                RecvStream::new(Receiver::from(self), Location::caller())
            }

            /// Receives if that is possible at once. Never waits.
            ///
            /// # Errors
            ///
            /// There is nothing to receive now (or the channel is nil), or never will be.
            ///
            /// # Go
            ///
            /// `select` with a receive and a `default`.
            ///
            /// # Examples
            ///
            /// ```
            /// use gort::chan::TryRecvError;
            ///
            /// let ch = gort::Chan::new(1);
            /// assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
            /// ch.try_send(1).unwrap();
            /// assert_eq!(ch.try_recv(), Ok(1));
            /// ```
            #[doc(alias = "default")]
            #[inline]
            pub fn try_recv(&self) -> Result<T, TryRecvError> {
                match self.core() {
                    Some(core) => core.try_recv(),
                    None => Err(TryRecvError::Empty),
                }
            }

            /// Receives on a thread that is not in async code, as [`next`](Self::next) does; sleeps
            /// while it waits.
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = gort::chan(0);
            /// std::thread::spawn(move || tx.blocking_send(1));
            /// assert_eq!(rx.blocking_recv(), Some(1));
            /// assert_eq!(rx.blocking_recv(), None);
            /// ```
            #[track_caller]
            pub fn blocking_recv(&self) -> Option<T> {
                context::block_thread(self.next())
            }
        }
    };
}

/// What all three handles share.
macro_rules! any_handle {
    ($handle:ident, $($count:ident: $release:ident),+) => {
        impl<T> $handle<T> {
            /// A nil channel, on which every operation waits for ever, and that is never ready in
            /// a `select!`.
            ///
            /// # Go
            ///
            /// `var ch chan T`.
            pub const fn nil() -> Self {
                Self { core: None }
            }

            /// Whether this is a nil channel.
            ///
            /// # Go
            ///
            /// `ch == nil`.
            pub fn is_nil(&self) -> bool {
                self.core.is_none()
            }

            /// How many values are queued.
            ///
            /// # Go
            ///
            /// `len(ch)`.
            pub fn len(&self) -> usize {
                self.core().map_or(0, |core| core.lock().len())
            }

            /// Whether no value is queued. A receive may succeed all the same: from a sender that
            /// waits.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many values can be queued; 0 for an unbuffered channel and for nil.
            ///
            /// # Go
            ///
            /// `cap(ch)`.
            #[doc(alias = "cap")]
            pub fn capacity(&self) -> usize {
                self.core().map_or(0, |core| core.lock().capacity())
            }

            /// Whether nothing can be sent any more: the channel is closed, or no receiver is left.
            /// There may still be something to receive.
            pub fn is_closed(&self) -> bool {
                self.core().is_some_and(Core::is_over)
            }

            /// The channel itself; `None` for nil.
            #[inline]
            pub(crate) fn core(&self) -> Option<&Core<T>> {
                self.core.as_deref()
            }

            fn address(&self) -> usize {
                self.core().map_or(0, Core::key)
            }
        }

        impl<T> Clone for $handle<T> {
            fn clone(&self) -> Self {
                if let Some(core) = self.core() {
                    $(retain(&core.$count);)+
                }
                Self { core: self.core.clone() }
            }
        }

        impl<T> Drop for $handle<T> {
            fn drop(&mut self) {
                if let Some(core) = self.core() {
                    $(core.$release();)+
                }
            }
        }

        /// Nil.
        impl<T> Default for $handle<T> {
            fn default() -> Self {
                Self::nil()
            }
        }

        impl<T> fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($handle)).field(&self.core()).finish()
            }
        }

        impl<T> Eq for $handle<T> {}

        impl<T> Hash for $handle<T> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.address().hash(state);
            }
        }

        // No code of the user's runs under the lock, and no panic leaves the state half-written.
        impl<T> UnwindSafe for $handle<T> {}
        impl<T> RefUnwindSafe for $handle<T> {}
    };
}

macro_rules! equal {
    ($($left:ident == $right:ident),+ $(,)?) => {$(
        /// By channel.
        impl<T> PartialEq<$right<T>> for $left<T> {
            fn eq(&self, other: &$right<T>) -> bool {
                self.address() == other.address()
            }
        }
    )+};
}

sending!(Chan);
sending!(Sender);
receiving!(Chan);
receiving!(Receiver);
any_handle!(Chan, senders: release_sender, receivers: release_receiver);
any_handle!(Sender, senders: release_sender);
any_handle!(Receiver, receivers: release_receiver);
equal!(
    Chan == Chan,
    Chan == Sender,
    Chan == Receiver,
    Sender == Chan,
    Sender == Sender,
    Sender == Receiver,
    Receiver == Chan,
    Receiver == Sender,
    Receiver == Receiver,
);

impl<T> Sender<T> {
    /// Sends `value`: to a receiver that waits, or into the buffer if there is room. Waits otherwise.
    ///
    /// # Errors
    ///
    /// If no receiver is left, or the last one goes meanwhile, the value comes back.
    ///
    /// # Panics
    ///
    /// `send on closed channel`, if it is, or is closed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has completed, the value is dropped, unless a receiver has
    /// taken it already; the place in line is lost.
    ///
    /// # Go
    ///
    /// `ch <- value`. In Go a sender waits for ever when nobody receives any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let (tx, rx) = gort::chan(1);
    /// tx.send("one").await.unwrap();
    /// drop(rx);
    /// assert_eq!(tx.send("two").await.unwrap_err().into_inner(), "two");
    /// # });
    /// ```
    #[track_caller]
    #[inline]
    pub fn send(&self, value: T) -> Send<'_, T> {
        Send::new(self.core(), value, Location::caller())
    }

    /// Sends from a thread that is not in async code; sleeps while it waits.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        context::block_thread(self.send(value))
    }
}

impl<T> From<&Chan<T>> for Sender<T> {
    fn from(chan: &Chan<T>) -> Self {
        chan.tx()
    }
}

impl<T> From<Chan<T>> for Sender<T> {
    fn from(chan: Chan<T>) -> Self {
        chan.tx()
    }
}

impl<T> From<&Sender<T>> for Sender<T> {
    fn from(sender: &Sender<T>) -> Self {
        sender.clone()
    }
}

impl<T> From<&Chan<T>> for Receiver<T> {
    fn from(chan: &Chan<T>) -> Self {
        chan.rx()
    }
}

impl<T> From<Chan<T>> for Receiver<T> {
    fn from(chan: Chan<T>) -> Self {
        chan.rx()
    }
}

impl<T> From<&Receiver<T>> for Receiver<T> {
    fn from(receiver: &Receiver<T>) -> Self {
        receiver.clone()
    }
}

//! The channels under test behind one small trait, monomorphic like [`crate::rt`].

use std::future::Future;

/// A channel of `u64`. Dropping the last sender ends it; `recv` then answers `None`.
pub trait Channel: 'static {
    type Tx: Send + 'static;
    type Rx: Send + 'static;

    /// A channel of the given capacity; 0 (unbuffered) becomes 1 where a peer has no such thing,
    /// which the name of the contestant says.
    fn new(cap: usize) -> (Self::Tx, Self::Rx);

    /// Sends; `false` when nobody can receive any more.
    fn send(tx: &mut Self::Tx, v: u64) -> impl Future<Output = bool> + Send;

    /// Receives; `None` when the channel has ended.
    fn recv(rx: &mut Self::Rx) -> impl Future<Output = Option<u64>> + Send;

    /// The library's own receive future with nothing around it, for measuring memory.
    fn recv_raw(rx: &mut Self::Rx) -> impl Future<Output: Send> + Send;
}

/// A channel to which several tasks may send.
pub trait Multi: Channel<Tx: Clone> {}

/// A channel of which several tasks may receive, too.
pub trait Shared: Multi + Channel<Rx: Clone> {}

macro_rules! channel {
    (
        $(#[$doc:meta])* $name:ident, $tx:ty, $rx:ty, |$cap:ident| $new:expr,
        |$t:ident, $v:ident| $send:expr, |$r:ident| $recv:expr, raw $raw:expr $(, $kind:ident)*
    ) => {
        $(#[$doc])*
        pub struct $name;

        impl Channel for $name {
            type Tx = $tx;
            type Rx = $rx;

            #[inline]
            fn new($cap: usize) -> (Self::Tx, Self::Rx) {
                $new
            }

            #[inline]
            async fn send($t: &mut Self::Tx, $v: u64) -> bool {
                $send
            }

            #[inline]
            async fn recv($r: &mut Self::Rx) -> Option<u64> {
                $recv
            }

            #[inline]
            fn recv_raw($r: &mut Self::Rx) -> impl Future<Output: Send> + Send {
                $raw
            }
        }

        $(impl $kind for $name {})*
    };
}

channel! {
    /// gort's.
    GortChan, gort::Sender<u64>, gort::Receiver<u64>,
    |cap| gort::chan(cap),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.next().await,
    raw rx.next(), Multi, Shared
}

channel! {
    /// tokio's mpsc (no capacity 0).
    TokioMpsc, tokio::sync::mpsc::Sender<u64>, tokio::sync::mpsc::Receiver<u64>,
    |cap| tokio::sync::mpsc::channel(cap.max(1)),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.recv().await,
    raw rx.recv(), Multi
}

channel! {
    /// futures' mpsc. Its capacity is the given one plus one per sender.
    FuturesMpsc, futures::channel::mpsc::Sender<u64>, futures::channel::mpsc::Receiver<u64>,
    |cap| futures::channel::mpsc::channel(cap.saturating_sub(1)),
    |tx, v| futures::SinkExt::send(tx, v).await.is_ok(),
    |rx| futures::StreamExt::next(rx).await,
    raw futures::StreamExt::next(rx), Multi
}

channel! {
    /// async-channel, smol's (no capacity 0).
    AsyncChannel, async_channel::Sender<u64>, async_channel::Receiver<u64>,
    |cap| async_channel::bounded(cap.max(1)),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.recv().await.ok(),
    raw rx.recv(), Multi, Shared
}

channel! {
    /// flume.
    Flume, flume::Sender<u64>, flume::Receiver<u64>,
    |cap| flume::bounded(cap),
    |tx, v| tx.send_async(v).await.is_ok(),
    |rx| rx.recv_async().await.ok(),
    raw rx.recv_async(), Multi, Shared
}

channel! {
    /// kanal. Dropping its receive future loses an item that was handed over already.
    Kanal, kanal::AsyncSender<u64>, kanal::AsyncReceiver<u64>,
    |cap| kanal::bounded_async(cap),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.recv().await.ok(),
    raw rx.recv(), Multi, Shared
}

channel! {
    /// crossfire's many-to-many (no capacity 0).
    CrossfireMpmc, crossfire::MAsyncTx<crossfire::mpmc::Array<u64>>, crossfire::MAsyncRx<crossfire::mpmc::Array<u64>>,
    |cap| crossfire::mpmc::bounded_async(cap.max(1)),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.recv().await.ok(),
    raw rx.recv(), Multi, Shared
}

channel! {
    /// crossfire's many-to-one.
    CrossfireMpsc, crossfire::MAsyncTx<crossfire::mpsc::Array<u64>>, crossfire::AsyncRx<crossfire::mpsc::Array<u64>>,
    |cap| crossfire::mpsc::bounded_async(cap.max(1)),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.recv().await.ok(),
    raw rx.recv(), Multi
}

channel! {
    /// crossfire's one-to-one.
    CrossfireSpsc, crossfire::AsyncTx<crossfire::spsc::Array<u64>>, crossfire::AsyncRx<crossfire::spsc::Array<u64>>,
    |cap| crossfire::spsc::bounded_async(cap.max(1)),
    |tx, v| tx.send(v).await.is_ok(),
    |rx| rx.recv().await.ok(),
    raw rx.recv()
}

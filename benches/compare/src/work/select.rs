//! Selecting over several channels.
//!
//! The peers select with `tokio::select!` over their receive futures (it works in any runtime),
//! futures' mpsc also with `futures::select!`, gort with its own. The one workload is generic over
//! [`Select`], which each channel implements by writing its own select expression.

use std::future::{Future, ready};

use crate::chan::{
    AsyncChannel, Channel, CrossfireSpsc, Flume, FuturesMpsc, GortChan, Kanal, TokioMpsc,
};
use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;
use crate::work::check_items;

/// How items are taken from several channels of one kind.
pub trait Select: 'static {
    type Channel: Channel;

    /// Takes the next item of two channels.
    fn of_2(rx: &mut [Rx<Self>; 2]) -> impl Future<Output = u64> + Send;

    /// Takes the next item of eight channels.
    fn of_8(rx: &mut [Rx<Self>; 8]) -> impl Future<Output = u64> + Send;
}

/// Takes an item if there is one, as `select` with `default` does.
pub trait SelectDefault: 'static {
    type Channel: Channel;

    /// Of one channel.
    fn of_1(rx: &mut DefaultRx<Self>) -> impl Future<Output = Option<u64>> + Send;

    /// Of two channels.
    fn of_2(rx: &mut [DefaultRx<Self>; 2]) -> impl Future<Output = Option<u64>> + Send;
}

type Rx<S> = <<S as Select>::Channel as Channel>::Rx;
type DefaultRx<S> = <<S as SelectDefault>::Channel as Channel>::Rx;

/// Two feeders with a channel each, one consumer that selects, 2,000,000 items.
pub async fn select_2<R: Rt, S: Select>(plan: Plan) -> Sample {
    let n = plan.n(2_000_000, 8000);
    let (keep, mut rx) = feed::<R, S, 2>(n);
    let meter = Meter::start();
    let mut sum = 0;
    for _ in 0..n {
        sum += S::of_2(&mut rx).await;
    }
    let sample = meter.stop(n);
    check_items(n, n, sum);
    for handle in keep {
        drop(handle.await);
    }
    sample
}

/// The same with eight.
pub async fn select_8<R: Rt, S: Select>(plan: Plan) -> Sample {
    let n = plan.n(2_000_000, 8000);
    let (keep, mut rx) = feed::<R, S, 8>(n);
    let meter = Meter::start();
    let mut sum = 0;
    for _ in 0..n {
        sum += S::of_8(&mut rx).await;
    }
    let sample = meter.stop(n);
    check_items(n, n, sum);
    for handle in keep {
        drop(handle.await);
    }
    sample
}

/// Starts `N` feeders that together send `0..n`. Each gives its sender back in the end, so that no
/// channel closes before the last item was taken.
fn feed<R: Rt, S: Select, const N: usize>(
    n: u64,
) -> (Vec<impl Future<Output = <S::Channel as Channel>::Tx>>, [Rx<S>; N]) {
    let mut keep = Vec::with_capacity(N);
    let rx = std::array::from_fn(|part| {
        let (mut tx, rx) = S::Channel::new(128);
        let (part, parts) = (part as u64, N as u64);
        keep.push(R::spawn_join(async move {
            for i in n * part / parts..n * (part + 1) / parts {
                assert!(S::Channel::send(&mut tx, i).await);
            }
            tx
        }));
        rx
    });
    (keep, rx)
}

/// Non-blocking select with default over one empty channel.
pub async fn select_default<R: Rt, S: SelectDefault>(plan: Plan) -> Sample {
    let n = plan.n(20_000_000, 10_000);
    let (tx, mut rx) = S::Channel::new(128);
    let meter = Meter::start();
    for _ in 0..n {
        assert_eq!(S::of_1(std::hint::black_box(&mut rx)).await, None);
    }
    let sample = meter.stop(n);
    drop(tx);
    sample
}

/// Non-blocking select with default over two empty channels.
pub async fn select_default_2<R: Rt, S: SelectDefault>(plan: Plan) -> Sample {
    let n = plan.n(5_000_000, 10_000);
    let (tx_a, rx_a) = S::Channel::new(128);
    let (tx_b, rx_b) = S::Channel::new(128);
    let mut rx = [rx_a, rx_b];
    let meter = Meter::start();
    for _ in 0..n {
        assert_eq!(S::of_2(std::hint::black_box(&mut rx)).await, None);
    }
    let sample = meter.stop(n);
    drop((tx_a, tx_b));
    sample
}

/// gort's select over gort's channels.
pub struct GortSelect;

impl Select for GortSelect {
    type Channel = GortChan;

    #[inline]
    async fn of_2([a, b]: &mut [Rx<Self>; 2]) -> u64 {
        gort::select! {
            v = <-a => v,
            v = <-b => v,
        }
    }

    #[inline]
    async fn of_8([a, b, c, d, e, f, g, h]: &mut [Rx<Self>; 8]) -> u64 {
        gort::select! {
            v = <-a => v,
            v = <-b => v,
            v = <-c => v,
            v = <-d => v,
            v = <-e => v,
            v = <-f => v,
            v = <-g => v,
            v = <-h => v,
        }
    }
}

impl SelectDefault for GortSelect {
    type Channel = GortChan;

    #[inline]
    async fn of_1(rx: &mut DefaultRx<Self>) -> Option<u64> {
        gort::select! {
            v = <-rx => Some(v),
            default => None,
        }
    }

    #[inline]
    async fn of_2([a, b]: &mut [DefaultRx<Self>; 2]) -> Option<u64> {
        gort::select! {
            v = <-a => Some(v),
            v = <-b => Some(v),
            default => None,
        }
    }
}

/// `tokio::select!` over a channel's receive futures.
macro_rules! tokio_select {
    ($(#[$doc:meta])* $name:ident, $channel:ty $(, $biased:ident)?) => {
        $(#[$doc])*
        pub struct $name;

        impl Select for $name {
            type Channel = $channel;

            #[inline]
            async fn of_2([a, b]: &mut [Rx<Self>; 2]) -> u64 {
                tokio::select! {
                    $($biased;)?
                    v = <$channel>::recv(a) => v.unwrap(),
                    v = <$channel>::recv(b) => v.unwrap(),
                }
            }

            #[inline]
            async fn of_8([a, b, c, d, e, f, g, h]: &mut [Rx<Self>; 8]) -> u64 {
                tokio::select! {
                    $($biased;)?
                    v = <$channel>::recv(a) => v.unwrap(),
                    v = <$channel>::recv(b) => v.unwrap(),
                    v = <$channel>::recv(c) => v.unwrap(),
                    v = <$channel>::recv(d) => v.unwrap(),
                    v = <$channel>::recv(e) => v.unwrap(),
                    v = <$channel>::recv(f) => v.unwrap(),
                    v = <$channel>::recv(g) => v.unwrap(),
                    v = <$channel>::recv(h) => v.unwrap(),
                }
            }
        }
    };
}

tokio_select! {
    /// tokio's select over tokio's mpsc.
    TokioSelect, TokioMpsc
}
tokio_select! {
    /// The same without random choice.
    TokioBiased, TokioMpsc, biased
}
tokio_select! {
    /// tokio's select over async-channel.
    AsyncChannelSelect, AsyncChannel
}
tokio_select! {
    /// tokio's select over flume.
    FlumeSelect, Flume
}
tokio_select! {
    /// tokio's select over crossfire's one-to-one channels.
    CrossfireSelect, CrossfireSpsc
}

/// futures' select over futures' mpsc.
pub struct FuturesSelect;

impl Select for FuturesSelect {
    type Channel = FuturesMpsc;

    async fn of_2([a, b]: &mut [Rx<Self>; 2]) -> u64 {
        use futures::StreamExt;
        futures::select! {
            v = a.next() => v.unwrap(),
            v = b.next() => v.unwrap(),
        }
    }

    async fn of_8([a, b, c, d, e, f, g, h]: &mut [Rx<Self>; 8]) -> u64 {
        use futures::StreamExt;
        futures::select! {
            v = a.next() => v.unwrap(),
            v = b.next() => v.unwrap(),
            v = c.next() => v.unwrap(),
            v = d.next() => v.unwrap(),
            v = e.next() => v.unwrap(),
            v = f.next() => v.unwrap(),
            v = g.next() => v.unwrap(),
            v = h.next() => v.unwrap(),
        }
    }
}

/// `try_recv` on one channel, and on the other if that one is empty.
macro_rules! try_default {
    ($(#[$doc:meta])* $name:ident, $channel:ty, |$rx:ident| $try_recv:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl SelectDefault for $name {
            type Channel = $channel;

            #[inline]
            async fn of_1($rx: &mut DefaultRx<Self>) -> Option<u64> {
                $try_recv
            }

            #[inline]
            async fn of_2([a, b]: &mut [DefaultRx<Self>; 2]) -> Option<u64> {
                let try_recv = |$rx: &mut DefaultRx<Self>| $try_recv;
                try_recv(a).or_else(|| try_recv(b))
            }
        }
    };
}

/// tokio's select over tokio's mpsc, with a last arm that is ready.
pub struct TokioSelectDefault;

impl SelectDefault for TokioSelectDefault {
    type Channel = TokioMpsc;

    #[inline]
    async fn of_1(rx: &mut DefaultRx<Self>) -> Option<u64> {
        tokio::select! {
            biased;
            v = rx.recv() => v,
            () = ready(()) => None,
        }
    }

    #[inline]
    async fn of_2([a, b]: &mut [DefaultRx<Self>; 2]) -> Option<u64> {
        tokio::select! {
            biased;
            v = a.recv() => v,
            v = b.recv() => v,
            () = ready(()) => None,
        }
    }
}

try_default! {
    /// tokio's mpsc.
    TokioDefault, TokioMpsc, |rx| rx.try_recv().ok()
}
try_default! {
    /// futures' mpsc.
    FuturesDefault, FuturesMpsc, |rx| rx.try_recv().ok()
}
try_default! {
    /// async-channel.
    AsyncChannelDefault, AsyncChannel, |rx| rx.try_recv().ok()
}
try_default! {
    /// flume.
    FlumeDefault, Flume, |rx| rx.try_recv().ok()
}
try_default! {
    /// kanal.
    KanalDefault, Kanal, |rx| rx.try_recv().ok().flatten()
}
try_default! {
    /// crossfire's one-to-one.
    CrossfireDefault, CrossfireSpsc, |rx| rx.try_recv().ok()
}

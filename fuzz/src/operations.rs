//! What is done to real channels. What may wait is a future that owns the handles it uses.

use super::model::{Taken, Value};
use super::panics;
use futures::SinkExt;
use gort::chan::{Chan, Receiver, RecvStream, SendError, Sender, TryRecvError, TrySendError};
use gort::{Select, select};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A value, which is counted while it lives.
#[derive(Debug, Default)]
pub struct Token {
    pub id: Value,
    _ledger: Option<Arc<()>>,
}

impl Token {
    pub fn new(id: Value, ledger: &Arc<()>) -> Self {
        Self { id, _ledger: Some(Arc::clone(ledger)) }
    }
}

/// Sending end, receiving end.
pub type Ends = (bool, bool);

#[derive(Debug, Clone)]
pub enum Handle {
    Both(Chan<Token>),
    Tx(Sender<Token>),
    Rx(Receiver<Token>),
}

const WRONG_END: &str = "the operation fits the handle";

impl Handle {
    pub fn ends(&self) -> Ends {
        (!matches!(self, Handle::Rx(_)), !matches!(self, Handle::Tx(_)))
    }

    pub fn can(&self, (sends, receives): Ends) -> bool {
        (!sends || self.ends().0) && (!receives || self.ends().1)
    }

    /// A handle of the same channel, with these ends only if `narrow`.
    pub fn derive(&self, ends: Ends, narrow: bool) -> Handle {
        match (self, ends) {
            (Handle::Both(both), (true, false)) if narrow => Handle::Tx(both.tx()),
            (Handle::Both(both), (false, true)) if narrow => Handle::Rx(both.rx()),
            _ => self.clone(),
        }
    }

    /// Length, capacity, whether it is closed.
    pub fn told(&self) -> (usize, usize, bool) {
        match self {
            Handle::Both(ch) => (ch.len(), ch.capacity(), ch.is_closed()),
            Handle::Tx(tx) => (tx.len(), tx.capacity(), tx.is_closed()),
            Handle::Rx(rx) => (rx.len(), rx.capacity(), rx.is_closed()),
        }
    }

    /// `None` if it would have to wait.
    pub fn try_send(&self, token: Token) -> Option<Taken> {
        let result = match self {
            Handle::Both(ch) => ch.try_send(token),
            Handle::Tx(tx) => tx.try_send(token),
            Handle::Rx(_) => unreachable!("{WRONG_END}"),
        };
        match result {
            Ok(()) => Some(Taken::Sent),
            Err(TrySendError::Full(_)) => None,
            Err(TrySendError::Closed(_)) => Some(Taken::Closed),
            Err(TrySendError::Disconnected(token)) => Some(Taken::Back(token.id)),
        }
    }

    /// `None` if it would have to wait.
    pub fn try_recv(&self) -> Option<Taken> {
        let result = match self {
            Handle::Both(ch) => ch.try_recv(),
            Handle::Rx(rx) => rx.try_recv(),
            Handle::Tx(_) => unreachable!("{WRONG_END}"),
        };
        match result {
            Ok(token) => Some(Taken::Value(token.id)),
            Err(TryRecvError::Closed) => Some(Taken::End),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// Whether this was what closed it. It panics if not, unless it only tries.
    pub fn close(&self, only_try: bool) -> bool {
        const TEXT: &str = "close of closed channel";
        match self {
            Handle::Both(ch) if only_try => ch.try_close(),
            Handle::Tx(tx) if only_try => tx.try_close(),
            Handle::Both(ch) => panics::expect(TEXT, || ch.close()).is_some(),
            Handle::Tx(tx) => panics::expect(TEXT, || tx.close()).is_some(),
            Handle::Rx(_) => unreachable!("{WRONG_END}"),
        }
    }

    pub fn stream(&self) -> RecvStream<Token> {
        match self {
            Handle::Both(ch) => ch.stream(),
            Handle::Rx(rx) => rx.stream(),
            Handle::Tx(_) => unreachable!("{WRONG_END}"),
        }
    }
}

/// An operation that may wait: the arm that was taken (0 if there is only one), and what came of it.
pub type Operation = Pin<Box<dyn Future<Output = (usize, Taken)> + Send>>;

/// One arm of a select; with a value it sends.
pub type RealArm = (Handle, Option<Token>);

pub fn received(item: Option<Token>) -> Taken {
    item.map_or(Taken::End, |token| Taken::Value(token.id))
}

fn received_ok(token: Token, ok: bool) -> Taken {
    received(ok.then_some(token))
}

/// No value that was sent has the number 0.
fn zero_is_end(token: Token) -> Taken {
    received((token.id != 0).then_some(token))
}

fn sent(result: Result<(), SendError<Token>>) -> Taken {
    match result {
        Ok(()) => Taken::Sent,
        Err(SendError(token)) => Taken::Back(token.id),
    }
}

pub async fn send(handle: Handle, token: Token) -> (usize, Taken) {
    let taken = match &handle {
        Handle::Both(ch) => {
            ch.send(token).await;
            Taken::Sent
        }
        Handle::Tx(tx) => sent(tx.send(token).await),
        Handle::Rx(_) => unreachable!("{WRONG_END}"),
    };
    (0, taken)
}

pub fn sink(handle: Handle, token: Token) -> impl Future<Output = (usize, Taken)> {
    let mut sink = match handle {
        Handle::Both(ch) => ch.sink(),
        Handle::Tx(tx) => tx.sink(),
        Handle::Rx(_) => unreachable!("{WRONG_END}"),
    };
    async move { (0, sent(sink.send(token).await)) }
}

pub async fn recv(handle: Handle, how: usize) -> (usize, Taken) {
    let taken = match (&handle, how) {
        (Handle::Both(ch), 0) => received(ch.next().await),
        (Handle::Rx(rx), 0) => received(rx.next().await),
        (Handle::Both(ch), 1) => zero_is_end(ch.recv().await),
        (Handle::Rx(rx), 1) => zero_is_end(rx.recv().await),
        (Handle::Both(ch), _) => {
            let (token, ok) = ch.recv_ok().await;
            received_ok(token, ok)
        }
        (Handle::Rx(rx), _) => {
            let (token, ok) = rx.recv_ok().await;
            received_ok(token, ok)
        }
        (Handle::Tx(_), _) => unreachable!("{WRONG_END}"),
    };
    (0, taken)
}

pub async fn closed(handle: Handle) {
    match &handle {
        Handle::Both(ch) => ch.closed().await,
        Handle::Tx(tx) => tx.closed().await,
        Handle::Rx(_) => unreachable!("{WRONG_END}"),
    }
}

/// A select, by macro where one of its forms below has as many arms.
pub fn any_select(arms: Vec<RealArm>, default: bool, biased: bool, by_macro: bool) -> Operation {
    fn fixed<const N: usize>(arms: Vec<RealArm>) -> [RealArm; N] {
        arms.try_into().expect("as many arms")
    }
    match arms.len() {
        2 if by_macro => Box::pin(select_two(fixed(arms), default)),
        3 if by_macro => Box::pin(select_three(fixed(arms), default)),
        _ => Box::pin(select_many(arms, default, biased)),
    }
}

async fn select_many(arms: Vec<RealArm>, default: bool, biased: bool) -> (usize, Taken) {
    let (handles, tokens): (Vec<Handle>, Vec<Option<Token>>) = arms.into_iter().unzip();
    let mut select = Select::new();
    if biased {
        select.biased();
    }
    for (handle, token) in handles.iter().zip(tokens) {
        match (handle, token) {
            (Handle::Both(ch), None) => select.recv(ch, received_ok),
            (Handle::Rx(rx), None) => select.next(rx, received),
            (Handle::Both(ch), Some(token)) => select.send(ch, token, |()| Taken::Sent),
            (Handle::Tx(tx), Some(token)) => select.send(tx, token, sent),
            (Handle::Tx(_), None) | (Handle::Rx(_), Some(_)) => unreachable!("{WRONG_END}"),
        };
    }
    if default {
        select.default(|| Taken::Default);
    }
    select.await
}

fn rx(handle: &Handle) -> &Receiver<Token> {
    let Handle::Rx(rx) = handle else { unreachable!("{WRONG_END}") };
    rx
}

fn tx(handle: &Handle) -> &Sender<Token> {
    let Handle::Tx(tx) = handle else { unreachable!("{WRONG_END}") };
    tx
}

/// `select!` with these arms, and `default` or not.
macro_rules! with_default {
    ($default:expr, { $($arms:tt)* }) => {
        if $default {
            select! { $($arms)* default => (usize::MAX, Taken::Default) }
        } else {
            select! { $($arms)* }
        }
    };
}

async fn select_two(arms: [RealArm; 2], default: bool) -> (usize, Taken) {
    let [(a, x), (b, y)] = arms;
    match (x, y) {
        (None, None) => with_default!(default, {
            v, ok = <-rx(&a) => (0, received_ok(v, ok)),
            item = rx(&b).next() => (1, received(item)),
        }),
        (None, Some(y)) => with_default!(default, {
            v = <-rx(&a) => (0, zero_is_end(v)),
            r = tx(&b) <- y => (1, sent(r)),
        }),
        (Some(x), None) => with_default!(default, {
            r = tx(&a).send(x) => (0, sent(r)),
            v, ok = <-rx(&b) => (1, received_ok(v, ok)),
        }),
        (Some(x), Some(y)) => with_default!(default, {
            r = tx(&a) <- x => (0, sent(r)),
            r = tx(&b) <- y => (1, sent(r)),
        }),
    }
}

/// A receive, a send from an option, and a receive; another shape is a dynamic select's.
async fn select_three(arms: [RealArm; 3], default: bool) -> (usize, Taken) {
    let [(a, None), (b, Some(y)), (c, None)] = arms else {
        return select_many(arms.into(), default, false).await;
    };
    let mut pending = Some(y);
    with_default!(default, {
        v, ok = <-rx(&a) => (0, received_ok(v, ok)),
        r = tx(&b) <- &mut pending => (1, sent(r)),
        v, ok = <-rx(&c) => (2, received_ok(v, ok)),
    })
}

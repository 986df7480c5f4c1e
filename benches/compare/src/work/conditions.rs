//! Waiting, with a lock, for something that the lock protects to change: a monitor.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use event_listener::{Event, listener};

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

/// What the lock protects.
#[derive(Default)]
pub struct State {
    /// How often the players have played; the number of the round.
    turn: u64,
    /// Who has not yet seen the round.
    left: u64,
    /// How often a round has been seen.
    seen: u64,
}

/// A lock around a state, and two conditions of it to wait for.
pub trait Monitor: Send + Sync + 'static {
    fn new() -> Self;

    /// Takes the lock; waits for condition `which`, without the lock, until the state is `ready`; then does
    /// `then` to it, and releases the lock.
    fn when<T: Send>(
        &self,
        which: usize,
        ready: impl Fn(&State) -> bool + Send,
        then: impl FnOnce(&mut State) -> T + Send,
    ) -> impl Future<Output = T> + Send;

    /// Tells one who waits for condition `which`.
    fn signal(&self, which: usize);

    /// Tells all who do.
    fn broadcast(&self, which: usize);
}

/// Two tasks take turns, 500,000 round trips: each waits under the lock until it is its turn, makes it the
/// other one's, and signals.
pub async fn ping_pong<R: Rt, M: Monitor>(plan: Plan) -> Sample {
    let n = plan.n(500_000, 1000);
    let monitor = Arc::new(M::new());
    let meter = Meter::start();
    let players: Vec<_> = [0, 1]
        .into_iter()
        .map(|own| {
            let monitor = monitor.clone();
            R::spawn_join(async move {
                for _ in 0..n {
                    let is_own_turn = |state: &State| state.turn % 2 == own as u64;
                    monitor.when(own, is_own_turn, |state| state.turn += 1).await;
                    monitor.signal(1 - own);
                }
            })
        })
        .collect();
    for player in players {
        player.await;
    }
    let sample = meter.stop(n);
    assert_eq!(monitor.when(0, |_| true, |state| state.turn).await, 2 * n, "a turn was lost");
    sample
}

/// 1,000 rounds of: tell 1,000 tasks that wait; each sees the round, under the lock; the last one says so.
pub async fn broadcast<R: Rt, M: Monitor>(plan: Plan) -> Sample {
    const WAITERS: u64 = 1000;
    /// The conditions: a new round, and that all have seen it.
    const ROUND: usize = 0;
    const ALL: usize = 1;
    let rounds = plan.n(1000, 10);
    let monitor = Arc::new(M::new());
    let waiters: Vec<_> = (0..WAITERS)
        .map(|_| {
            let monitor = monitor.clone();
            R::spawn_join(async move {
                for round in 1..=rounds {
                    let see = |state: &mut State| {
                        state.left -= 1;
                        state.seen += 1;
                        state.left == 0
                    };
                    if monitor.when(ROUND, |state| state.turn >= round, see).await {
                        monitor.signal(ALL);
                    }
                }
            })
        })
        .collect();
    let meter = Meter::start();
    for round in 1..=rounds {
        let begin = |state: &mut State| (state.turn, state.left) = (round, WAITERS);
        monitor.when(ALL, |state| state.left == 0, begin).await;
        monitor.broadcast(ROUND);
    }
    let seen = monitor.when(ALL, |state| state.left == 0, |state| state.seen).await;
    let sample = meter.stop(WAITERS * rounds);
    for waiter in waiters {
        waiter.await;
    }
    assert_eq!(seen, WAITERS * rounds, "a round was not seen by all");
    sample
}

/// gort's condition, with its lock.
pub struct GortCond {
    lock: gort::sync::Mutex<State>,
    conditions: [gort::sync::Cond; 2],
}

impl Monitor for GortCond {
    fn new() -> Self {
        GortCond { lock: gort::sync::Mutex::new(State::default()), conditions: Default::default() }
    }

    async fn when<T: Send>(
        &self,
        which: usize,
        ready: impl Fn(&State) -> bool + Send,
        then: impl FnOnce(&mut State) -> T + Send,
    ) -> T {
        let mut state = self.lock.lock().await;
        while !ready(&state) {
            state = self.conditions[which].wait(state).await;
        }
        then(&mut state)
    }

    fn signal(&self, which: usize) {
        self.conditions[which].signal();
    }

    fn broadcast(&self, which: usize) {
        self.conditions[which].broadcast();
    }
}

/// A condition made of something that only tells: whoever is told takes the lock and looks again.
macro_rules! monitor {
    (
        $(#[$doc:meta])* $name:ident, $lock_type:ty, $notice_type:ty;
        when |$lock:ident, $notice:ident, $ready:ident, $then:ident| $when:block
        signal |$one:ident| $signal:expr;
        broadcast |$all:ident| $broadcast:expr
    ) => {
        $(#[$doc])*
        pub struct $name {
            lock: $lock_type,
            notices: [$notice_type; 2],
        }

        impl Monitor for $name {
            fn new() -> Self {
                $name { lock: <$lock_type>::new(State::default()), notices: Default::default() }
            }

            async fn when<T: Send>(
                &self,
                which: usize,
                $ready: impl Fn(&State) -> bool + Send,
                $then: impl FnOnce(&mut State) -> T + Send,
            ) -> T {
                let ($lock, $notice) = (&self.lock, &self.notices[which]);
                loop $when
            }

            fn signal(&self, which: usize) {
                let $one = &self.notices[which];
                $signal;
            }

            fn broadcast(&self, which: usize) {
                let $all = &self.notices[which];
                $broadcast;
            }
        }
    };
}

monitor! {
    /// tokio's `Notify` with its lock.
    TokioCond, tokio::sync::Mutex<State>, tokio::sync::Notify;
    when |lock, notify, ready, then| {
        let mut state = lock.lock().await;
        if ready(&state) {
            return then(&mut state);
        }
        let mut told = pin!(notify.notified());
        told.as_mut().enable();
        drop(state);
        told.await;
    }
    signal |notify| notify.notify_one();
    broadcast |notify| notify.notify_waiters()
}

monitor! {
    /// event-listener with async-lock's lock.
    EventCond, async_lock::Mutex<State>, Event;
    when |lock, event, ready, then| {
        let mut state = lock.lock().await;
        if ready(&state) {
            return then(&mut state);
        }
        listener!(event => told);
        drop(state);
        told.await;
    }
    signal |event| event.notify_additional(1);
    broadcast |event| event.notify(usize::MAX)
}

monitor! {
    /// tokio's `Notify` with the standard library's lock.
    BareNotify, std::sync::Mutex<State>, tokio::sync::Notify;
    when |lock, notify, ready, then| {
        let mut told = pin!(notify.notified());
        {
            let mut state = lock.lock().unwrap();
            if ready(&state) {
                return then(&mut state);
            }
            told.as_mut().enable();
        }
        told.await;
    }
    signal |notify| notify.notify_one();
    broadcast |notify| notify.notify_waiters()
}

monitor! {
    /// event-listener with the standard library's lock.
    BareEvent, std::sync::Mutex<State>, Event;
    when |lock, event, ready, then| {
        let told = {
            let mut state = lock.lock().unwrap();
            if ready(&state) {
                return then(&mut state);
            }
            event.listen()
        };
        told.await;
    }
    signal |event| event.notify_additional(1);
    broadcast |event| event.notify(usize::MAX)
}

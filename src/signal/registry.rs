//! Who wants which signals: one table for the process, under one lock.
//!
//! # Nothing is lost
//!
//! A handler either finds that the default is wanted, and does it, or leaves a note. Who takes the last
//! interest in a kind away first has the handler do the default, then waits until those that found
//! otherwise have left their notes ([`Handler::settle`]), and then hands these out, to itself as well. All
//! this is one critical section, and so is every other delivery: none is half done when it begins. So is the end
//! of a stream, in which it hands on what it has not yielded and nobody else was told of.
//!
//! Values are put into channels under the lock; wakers are called, and channels closed, after it.

use super::handler::{Disposition, Handler, start_thread};
use super::kind::SignalKind;
use crate::chan::{Receiver, Sender};
use crate::sys::sync::Mutex;
use crate::wait::batch::WakeBatch;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::os::unix::net::UnixStream;

static REGISTRY: Mutex<Registry> = Mutex::new(Registry::new());

/// See the [module](self).
pub(super) struct Registry {
    /// What handlers write to, once the thread runs that reads it.
    pipe: Option<UnixStream>,
    /// Kinds that have a handler.
    kinds: BTreeMap<SignalKind, Kind>,
    listeners: Vec<Listener>,
}

/// A kind that has a handler.
struct Kind {
    handler: Handler,
    /// Dropped when it comes.
    ignored: bool,
    /// Kept for the next listener if there is none when it comes.
    kept: bool,
    /// The last that was handed out went to streams only, and none of them has yielded it.
    untold: bool,
}

/// A channel, and the kinds that it wants, one bit each.
struct Listener {
    sender: Sender<SignalKind>,
    kinds: u128,
    /// Those of which it was given the last that was handed out.
    given: u128,
    is_stream: bool,
}

impl Listener {
    fn wants(&self, kind: SignalKind) -> bool {
        self.kinds & bit(kind) != 0
    }

    fn has_last(&self, kind: SignalKind) -> bool {
        self.kinds & self.given & bit(kind) != 0
    }
}

/// 0 for what is no signal anywhere.
fn bit(kind: SignalKind) -> u128 {
    u32::try_from(kind.as_raw_value()).ok().and_then(|n| 1u128.checked_shl(n)).unwrap_or(0)
}

/// What is left to do without the lock.
#[derive(Default)]
pub(super) struct After {
    wakes: WakeBatch,
    /// Senders that are not needed any more; to drop the last one closes the channel.
    gone: Vec<Sender<SignalKind>>,
}

/// Calls `change` under the lock, and does the rest.
pub(super) fn with<R>(change: impl FnOnce(&mut Registry, &mut After) -> R) -> R {
    let mut after = After::default();
    let mut registry = REGISTRY.lock();
    let result = change(&mut registry, &mut after);
    drop(registry);
    after.wakes.wake_all();
    drop(after.gone);
    result
}

impl Registry {
    const fn new() -> Self {
        Self { pipe: None, kinds: BTreeMap::new(), listeners: Vec::new() }
    }

    /// Installs the handler of `kind`, if that is not done.
    fn install(&mut self, kind: SignalKind) -> io::Result<&mut Kind> {
        if self.pipe.is_none() {
            self.pipe = Some(start_thread(|| with(Registry::deliver))?);
        }
        let pipe = self.pipe.as_ref().expect("made just now");
        match self.kinds.entry(kind) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let handler = Handler::install(kind, pipe)?;
                Ok(entry.insert(Kind { handler, ignored: false, kept: false, untold: false }))
            }
        }
    }

    /// From here on `sender` gets signals of `kind`. If it is that of a stream, they never again do what they did
    /// before.
    ///
    /// # Errors
    ///
    /// If the kind cannot be caught, or the system refuses what is needed to catch it.
    pub(super) fn add(
        &mut self,
        sender: &Sender<SignalKind>,
        kind: SignalKind,
        is_stream: bool,
        after: &mut After,
    ) -> io::Result<()> {
        let state = self.install(kind)?;
        state.ignored = false;
        state.kept |= is_stream;
        match self.listeners.iter_mut().find(|listener| listener.sender == *sender) {
            Some(listener) => listener.kinds |= bit(kind),
            None => {
                let (sender, kinds) = (sender.clone(), bit(kind));
                self.listeners.push(Listener { sender, kinds, given: 0, is_stream });
            }
        }
        self.kinds[&kind].handler.want();
        // One may have been kept.
        self.deliver(after);
        Ok(())
    }

    /// From here on the listeners that `which` accepts get no signals of `kinds`, one bit each.
    pub(super) fn remove(
        &mut self,
        which: impl Fn(&Sender<SignalKind>) -> bool,
        kinds: u128,
        after: &mut After,
    ) {
        let leaving = |listener: &Listener, kind| {
            listener.wants(kind) && kinds & bit(kind) != 0 && which(&listener.sender)
        };
        for (&kind, state) in &self.kinds {
            let wanted = self.listeners.iter().any(|l| l.wants(kind) && !leaving(l, kind));
            let left = self.listeners.iter().any(|l| leaving(l, kind));
            if left && !wanted && !state.kept {
                state.handler.give_back();
                state.handler.settle();
            }
        }
        self.deliver(after);
        for listener in &mut self.listeners {
            if which(&listener.sender) {
                listener.kinds &= !kinds;
                listener.given &= !kinds;
            }
        }
        self.forget_idle(after);
    }

    /// From here on nobody gets signals of `kind`, which do what they did before.
    pub(super) fn reset(&mut self, kind: SignalKind, after: &mut After) {
        if let Some(state) = self.kinds.get_mut(&kind) {
            (state.ignored, state.kept) = (false, false);
            self.remove(|_| true, bit(kind), after);
            self.kinds[&kind].handler.give_back();
        }
    }

    /// From here on signals of `kind` are dropped.
    pub(super) fn ignore(&mut self, kind: SignalKind, after: &mut After) -> io::Result<()> {
        self.install(kind)?.kept = true;
        self.remove(|_| true, bit(kind), after);
        let state = self.install(kind)?;
        (state.ignored, state.kept) = (true, false);
        state.handler.want();
        Ok(())
    }

    /// Whether signals of `kind` have no effect.
    pub(super) fn is_ignored(&self, kind: SignalKind) -> bool {
        match self.kinds.get(&kind) {
            Some(state) => {
                let own = state.kept || self.is_wanted(kind);
                state.ignored || (!own && state.handler.before == Disposition::Ignored)
            }
            None => Disposition::of(kind) == Disposition::Ignored,
        }
    }

    /// From here on the stream gets nothing. What it was given and has not yielded is for those who have not
    /// been given it, now or later, unless it has been told to somebody.
    pub(super) fn remove_stream(
        &mut self,
        receiver: &Receiver<SignalKind>,
        kind: SignalKind,
        after: &mut After,
    ) {
        let listed = self.is_listed(receiver, kind);
        self.remove(|sender| sender == receiver, u128::MAX, after);
        if receiver.try_recv().is_err() || !listed {
            return;
        }
        let others = self.listeners.iter().any(|listener| listener.has_last(kind));
        let state = &self.kinds[&kind];
        if state.untold && !others {
            state.handler.put_back();
            self.deliver(after);
        }
    }

    /// The stream has yielded a signal.
    pub(super) fn yielded(&mut self, receiver: &Receiver<SignalKind>, kind: SignalKind) {
        // If there is another one in the channel by now, that is the last.
        if self.is_listed(receiver, kind) && receiver.is_empty() {
            if let Some(state) = self.kinds.get_mut(&kind) {
                state.untold = false;
            }
        }
    }

    /// Whether the stream gets signals of `kind`.
    fn is_listed(&self, receiver: &Receiver<SignalKind>, kind: SignalKind) -> bool {
        self.listeners.iter().any(|l| l.wants(kind) && l.sender == *receiver)
    }

    /// Kinds that have a handler.
    pub(super) fn installed(&self) -> Vec<SignalKind> {
        self.kinds.keys().copied().collect()
    }

    fn is_wanted(&self, kind: SignalKind) -> bool {
        self.listeners.iter().any(|listener| listener.wants(kind))
    }

    /// Hands out the signals that handlers have left notes of.
    fn deliver(&mut self, after: &mut After) {
        let mut unheard = false;
        for (&kind, state) in &mut self.kinds {
            let wanted = self.listeners.iter().any(|listener| listener.wants(kind));
            if (state.kept && !wanted) || !state.handler.take_pending() {
                continue;
            }
            let (mut heard, mut told) = (false, false);
            for listener in self.listeners.iter_mut().filter(|listener| listener.wants(kind)) {
                listener.given &= !bit(kind);
                if listener.sender.offer(kind, &mut after.wakes) {
                    heard = true;
                    told |= !listener.is_stream;
                    listener.given |= bit(kind);
                }
            }
            state.untold = !told;
            if wanted && !heard {
                state.handler.put_back();
                unheard = true;
            }
        }
        if unheard {
            self.forget_deaf(after);
        }
    }

    /// Forgets channels whose receivers have gone.
    fn forget_deaf(&mut self, after: &mut After) {
        let mut kinds = 0;
        for listener in &mut self.listeners {
            if listener.sender.is_closed() {
                kinds |= std::mem::take(&mut listener.kinds);
            }
        }
        self.forget_idle(after);
        for (&kind, state) in &self.kinds {
            let idle = !state.kept && !state.ignored && !self.is_wanted(kind);
            if idle && kinds & bit(kind) != 0 {
                state.handler.give_back();
                state.handler.settle();
                if state.handler.take_pending() {
                    state.handler.act_as_before();
                }
            }
        }
    }

    /// Forgets listeners that want nothing any more.
    fn forget_idle(&mut self, after: &mut After) {
        let (idle, wanting) =
            std::mem::take(&mut self.listeners).into_iter().partition(|l| l.kinds == 0);
        self.listeners = wanting;
        let idle: Vec<Listener> = idle;
        after.gone.extend(idle.into_iter().map(|listener| listener.sender));
    }
}

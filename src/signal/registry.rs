//! Who wants which signals: one table for the process, under one lock.
//!
//! # Nothing is lost
//!
//! A handler either finds that the default is wanted, and does it, or leaves a note. Who takes the last
//! interest in a kind away first has the handler do the default, then waits until those that found
//! otherwise have left their notes ([`Handler::settle`]), and then hands these out, to itself as well. All
//! this is one critical section, and so is every other delivery: none is half done when it begins.
//!
//! Values are put into channels under the lock; wakers are called, and channels closed, after it.

use super::handler::{Disposition, Handler, start_thread};
use super::kind::SignalKind;
use crate::chan::Sender;
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
}

/// A channel, and the kinds that it wants, one bit each.
struct Listener {
    sender: Sender<SignalKind>,
    kinds: u128,
}

impl Listener {
    fn wants(&self, kind: SignalKind) -> bool {
        self.kinds & bit(kind) != 0
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
                Ok(entry.insert(Kind { handler, ignored: false, kept: false }))
            }
        }
    }

    /// From here on `sender` gets signals of `kind`. If it is to be `kept`, they never again do what
    /// they did before.
    ///
    /// # Errors
    ///
    /// If the kind cannot be caught, or the system refuses what is needed to catch it.
    pub(super) fn add(
        &mut self,
        sender: &Sender<SignalKind>,
        kind: SignalKind,
        kept: bool,
        after: &mut After,
    ) -> io::Result<()> {
        let state = self.install(kind)?;
        state.ignored = false;
        state.kept |= kept;
        match self.listeners.iter_mut().find(|listener| listener.sender == *sender) {
            Some(listener) => listener.kinds |= bit(kind),
            None => self.listeners.push(Listener { sender: sender.clone(), kinds: bit(kind) }),
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

    /// A signal was given to a listener that has gone without receiving it. If there is no other, it is
    /// kept for the next one.
    pub(super) fn put_back(&mut self, kind: SignalKind) {
        if let Some(state) = self.kinds.get(&kind).filter(|state| state.kept) {
            if !self.is_wanted(kind) {
                state.handler.put_back();
            }
        }
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
        for (&kind, state) in &self.kinds {
            let wanting = || self.listeners.iter().filter(|listener| listener.wants(kind));
            let wanted = wanting().next().is_some();
            if (state.kept && !wanted) || !state.handler.take_pending() {
                continue;
            }
            let heard = wanting().filter(|l| l.sender.offer(kind, &mut after.wakes)).count();
            if wanted && heard == 0 {
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

//! The handler of one kind of signal, and the thread that is woken by all of them.
//!
//! A handler may do next to nothing, so it is made of three of `signal-hook`'s, which run in this order:
//! if `default` says so, do what the system would have done; note that a signal is `pending`; write to
//! the pipe that the thread reads from.

#![expect(unsafe_code, reason = "nobody else asks the system what a signal does")]

use super::kind::SignalKind;
use crate::sys::sync::atomic::{AtomicBool, Ordering};
use crate::sys::unwind;
use signal_hook::{flag, low_level};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::Arc;
use std::thread;

/// What a signal does when nobody has asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// What the system does by default.
    Default,
    Ignored,
    /// It calls a handler that is not ours.
    Handled,
}

impl Disposition {
    /// What a signal of this kind does now.
    pub(super) fn of(kind: SignalKind) -> Self {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: it changes nothing, as the new action is null; `action` can be written to.
        let failed =
            unsafe { libc::sigaction(kind.as_raw_value(), ptr::null(), action.as_mut_ptr()) } != 0;
        if failed {
            return Self::Default;
        }
        // SAFETY: written, as the call has not failed.
        match unsafe { action.assume_init() }.sa_sigaction {
            libc::SIG_DFL => Self::Default,
            libc::SIG_IGN => Self::Ignored,
            _ => Self::Handled,
        }
    }
}

/// The handler of one kind. Once installed it stays.
#[derive(Debug)]
pub(super) struct Handler {
    kind: SignalKind,
    /// What the kind did before.
    pub(super) before: Disposition,
    /// Do what the system does by default.
    // Ordering: SeqCst, as the handler reads it.
    default: Arc<AtomicBool>,
    /// One has come that nobody has been given.
    // Ordering: SeqCst, as the handler writes it.
    pending: Arc<AtomicBool>,
}

impl Handler {
    /// Installs it. It does what was done before, until somebody [wants](Self::want) the signal.
    pub(super) fn install(kind: SignalKind, pipe: &UnixStream) -> io::Result<Self> {
        let number = kind.as_raw_value();
        if !kind.can_be_caught() {
            let text = format!("Refusing to register signal {number}");
            return Err(io::Error::other(text));
        }
        let handler = Self {
            kind,
            before: Disposition::of(kind),
            default: Arc::new(AtomicBool::new(false)),
            pending: Arc::default(),
        };
        handler.give_back();
        // The library knows no defaults of real-time signals.
        if low_level::signal_name(number).is_some() {
            flag::register_conditional_default(number, Arc::clone(&handler.default))?;
        }
        flag::register(number, Arc::clone(&handler.pending))?;
        low_level::pipe::register(number, pipe.try_clone()?)?;
        Ok(handler)
    }

    /// From here on signals are noted and have no other effect.
    pub(super) fn want(&self) {
        self.default.store(false, Ordering::SeqCst);
    }

    /// From here on signals do what they did before.
    pub(super) fn give_back(&self) {
        self.default.store(self.before == Disposition::Default, Ordering::SeqCst);
    }

    /// Waits until every handler that began to run before this call has left its note.
    pub(super) fn settle(&self) {
        // A change of the list of actions returns when nobody uses the list of before.
        let number = self.kind.as_raw_value();
        if let Ok(action) = flag::register(number, Arc::<AtomicBool>::default()) {
            low_level::unregister(action);
        }
    }

    /// Whether one has come that nobody has been given. It counts as given from here on.
    pub(super) fn take_pending(&self) -> bool {
        self.pending.swap(false, Ordering::SeqCst)
    }

    /// One has come and was given to nobody.
    pub(super) fn put_back(&self) {
        self.pending.store(true, Ordering::SeqCst);
    }

    /// Does what the signal did before, now.
    pub(super) fn act_as_before(&self) {
        if self.before == Disposition::Default {
            // Fails for real-time signals, whose default is unknown.
            let _ = low_level::emulate_default_handler(self.kind.as_raw_value());
        }
    }
}

/// Starts the thread that calls `deliver` after signals have come. Returns what handlers write to.
pub(super) fn start_thread(deliver: fn()) -> io::Result<UnixStream> {
    let (mut reader, writer) = UnixStream::pair()?;
    let serve = move || {
        let mut bytes = [0; 64];
        loop {
            match reader.read(&mut bytes) {
                Ok(0) => return,
                // A waker that panics must not cost the process its signals.
                Ok(_) => unwind::contain(deliver),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    };
    thread::Builder::new().name("gort-signal".to_owned()).spawn(serve)?;
    Ok(writer)
}

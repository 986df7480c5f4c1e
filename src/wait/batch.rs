//! Wakers gathered under a lock, woken after it.

#![expect(unsafe_code, reason = "an array that is not cleared on every operation")]

use crate::sys::MODEL;
use crate::sys::unwind::drop_payload;
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// Wakers that are to be woken once the caller holds no lock any more.
///
/// Waking runs code of the executor that made the waker, and of the user where the waker is theirs:
/// it may come back to the very object that is waking, and it may panic. So an object takes the
/// wakers out under its lock, unlocks, and then calls [`wake_all`](Self::wake_all).
///
/// Invariant: the first `len` elements of `wakers` are initialised; or all of them and `more`, if `len`
/// is greater than `ROOM`. So a new batch costs one store, and an empty one one comparison.
pub(crate) struct WakeBatch {
    len: usize,
    wakers: [MaybeUninit<Waker>; Self::ROOM],
    /// Those that found no room.
    more: MaybeUninit<Vec<Waker>>,
}

impl Default for WakeBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl WakeBatch {
    /// How many wakers a batch holds without allocating; few in a model, so that it gets full.
    pub(crate) const ROOM: usize = if MODEL { 2 } else { 16 };

    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            len: 0,
            wakers: [const { MaybeUninit::uninit() }; Self::ROOM],
            more: MaybeUninit::uninit(),
        }
    }

    /// Whether the next [`push`](Self::push) has to allocate. Who wants to avoid that unlocks, wakes
    /// and goes on.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= Self::ROOM
    }

    /// Adds a waker.
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        if self.len >= Self::ROOM {
            return self.push_more(waker);
        }
        self.wakers[self.len].write(waker);
        self.len += 1;
    }

    #[cold]
    fn push_more(&mut self, waker: Waker) {
        if self.len == Self::ROOM {
            self.more.write(Vec::new());
            self.len += 1;
        }
        // SAFETY: initialised by the invariant.
        unsafe { self.more.assume_init_mut() }.push(waker);
    }

    /// Takes all wakers out, in order.
    fn take(&mut self) -> impl Iterator<Item = Waker> + '_ {
        let len = mem::take(&mut self.len);
        let more = if len > Self::ROOM {
            // SAFETY: initialised by the invariant, and read once: `len` is 0 by now.
            unsafe { self.more.assume_init_read() }
        } else {
            Vec::new()
        };
        let room = self.wakers[..len.min(Self::ROOM)].iter().map(|waker| {
            // SAFETY: as above.
            unsafe { waker.assume_init_read() }
        });
        room.chain(more)
    }

    /// Wakes everybody in the order of the pushes. A waker that panics stops no other; the first
    /// panic goes on when all have been woken.
    #[inline]
    pub(crate) fn wake_all(&mut self) {
        match self.len {
            0 => {}
            1 => {
                self.len = 0;
                // SAFETY: initialised by the invariant, and read once: `len` is 0 by now.
                unsafe { self.wakers[0].assume_init_read() }.wake();
            }
            _ => self.wake_many(),
        }
    }

    #[cold]
    fn wake_many(&mut self) {
        let mut first = None;
        for waker in self.take() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                match first {
                    None => first = Some(panic),
                    Some(_) => drop_payload(panic),
                }
            }
        }
        if let Some(panic) = first {
            resume_unwind(panic);
        }
    }

    #[cold]
    fn drop_unwoken(&mut self) {
        self.take().for_each(drop);
    }
}

impl Drop for WakeBatch {
    #[inline(always)]
    fn drop(&mut self) {
        if self.len > 0 {
            self.drop_unwoken();
        }
    }
}

impl fmt::Debug for WakeBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeBatch").field("len", &self.len).finish_non_exhaustive()
    }
}

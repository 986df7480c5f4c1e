//! Who waits for the lock, who has been granted it, and how grants are taken back. All of it under the lock of
//! the queues.

#![expect(unsafe_code, reason = "waiters are linked into the queues by address")]

use super::{Kind, QUEUED, RawRwLock, WRITER};
use crate::sys::const_fn;
use crate::sys::sync::atomic::Ordering;
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node, Seat};
use crate::wait::record::Record;
use std::ptr::NonNull;

// Tags of nodes.
/// Queued, or not linked.
pub(super) const TAG_WAITS: u8 = 0;
/// The lock is its own; linked as granted.
pub(super) const TAG_GRANTED: u8 = 1;
/// The grant was taken back. Not linked: its owner begins anew when it looks.
pub(super) const TAG_ROBBED: u8 = 2;
/// Granted, and about to be taken back.
const TAG_STALE: u8 = 3;

/// Who waits, and who has been granted the lock and does not know yet.
pub(super) struct Queue {
    readers: List<Kind>,
    writers: List<Kind>,
    pub(super) granted: List<Kind>,
    /// A writer is announced: the first of them gets the lock when no reader is left.
    pub(super) draining: bool,
}

impl Queue {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self { readers: List::new(), writers: List::new(), granted: List::new(), draining: false }
        }
    }

    /// Forgets whoever is linked, see [`List::abandon`].
    pub(super) fn abandon(&mut self) {
        self.readers.abandon();
        self.writers.abandon();
        self.granted.abandon();
    }

    fn is_empty(&self) -> bool {
        self.readers.is_empty() && self.writers.is_empty()
    }

    pub(super) fn of(&mut self, kind: Kind) -> &mut List<Kind> {
        match kind {
            Kind::Read => &mut self.readers,
            Kind::Write => &mut self.writers,
        }
    }
}

impl RawRwLock {
    /// A writer that had the lock, or was announced, does not want it any more: lets all readers in that wait,
    /// and announces the next writer. `WRITER` is set, and nobody is announced.
    pub(super) fn end_phase(&self, queue: &mut Queue, wakes: &mut WakeBatch) {
        let mut readers = 0;
        while let Some(node) = queue.readers.claim_front() {
            // SAFETY: it was linked, and won, under the lock that the caller holds.
            unsafe { grant(queue, node, wakes) };
            readers += 1;
        }
        if readers > 0 {
            self.add_readers(readers);
        }
        if queue.writers.is_empty() {
            // Ordering: Release pairs with the Acquire of whoever takes the lock next.
            self.state.fetch_and(!(WRITER | QUEUED), Ordering::Release);
        } else {
            queue.draining = true;
            self.advance(queue, wakes);
        }
    }

    /// Gives the lock to the announced writer if no reader is left.
    pub(super) fn advance(&self, queue: &mut Queue, wakes: &mut WakeBatch) {
        if !queue.draining || self.readers() != 0 {
            return;
        }
        queue.draining = false;
        match queue.writers.claim_front() {
            // SAFETY: as in `end_phase`.
            Some(node) => unsafe { grant(queue, node, wakes) },
            // They were selects that have been decided otherwise.
            None => return self.end_phase(queue, wakes),
        }
        self.mark(queue);
    }

    /// Clears `QUEUED` if nobody is.
    pub(super) fn mark(&self, queue: &Queue) {
        if queue.is_empty() {
            // Ordering: Relaxed: the bit carries no data.
            self.state.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }
    /// Takes the lock, or says that the caller is queued, who then links its node before it gives the lock of
    /// the queues up. Returns whether it took the lock.
    pub(super) fn enter_or_queue(&self, queue: &mut Queue, kind: Kind) -> bool {
        if kind == Kind::Write {
            if self.announce(QUEUED) & WRITER != 0 {
                return false;
            }
            queue.draining = self.readers() != 0;
            if !queue.draining {
                self.mark(queue);
            }
            return !queue.draining;
        }
        loop {
            if self.enter_locked(Kind::Read) {
                return true;
            }
            // Ordering: Relaxed: the bit carries no data; that `WRITER` is set with it is what counts.
            if self.state.fetch_or(QUEUED, Ordering::Relaxed) & WRITER != 0 {
                return false;
            }
            self.mark(queue);
        }
    }

    /// Links a node of somebody who has just been told that it is queued.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`]; the list is that of `kind`, which the node has.
    pub(super) unsafe fn link(queue: &mut Queue, kind: Kind, node: &Node<Kind>) {
        // SAFETY: by this function's contract.
        unsafe { queue.of(kind).push_back(NonNull::from(node)) };
    }

    /// Whether no writer is there, and readers that were let in from the queue have not come yet.
    ///
    /// A writer that announced itself now would find each of them in its way, and keep each of them out the next
    /// time: all would wait for it once for every time that it writes, and it for all of them. If it lets them run
    /// first, they are through, and likely do more than one read each.
    pub(super) fn readers_are_to_come(&self) -> bool {
        // Ordering: Relaxed: a look; what is found decides when somebody runs, not what is theirs.
        let writer = || self.state.load(Ordering::Relaxed) & WRITER != 0;
        // Without a writer all grants are readers'.
        !writer() && !self.queue.lock().granted.is_empty() && !writer()
    }

    /// Whether there is a grant that nobody collects and that `robber` may have.
    pub(super) fn may_reclaim(queue: &Queue, robber: Option<&'static Record>) -> bool {
        queue.granted.find(|seat| may_be_robbed(seat, robber)).is_some()
    }

    /// Takes grants back that nobody collects. Returns whether the lock is the caller's then; whatever it
    /// did, nobody is worse off than by a place in the queue.
    pub(super) fn reclaim(
        &self,
        queue: &mut Queue,
        kind: Kind,
        robber: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        Self::may_reclaim(queue, robber)
            && (self.reclaim_readers(queue, kind, robber, wakes)
                || self.reclaim_writer(queue, kind, robber, wakes))
    }

    /// If only grants that nobody collects keep a writer out, takes them back.
    fn reclaim_readers(
        &self,
        queue: &mut Queue,
        kind: Kind,
        robber: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        let mut count = 0;
        queue.granted.find(|seat| {
            if seat.data == Kind::Read && may_be_robbed(seat, robber) {
                seat.tag = TAG_STALE;
                count += 1;
            }
            false
        });
        // Either the announced writer waits for no others, or the caller is a writer and does not.
        let alone = count > 0
            && if queue.draining {
                self.readers() == count
            } else {
                kind == Kind::Write && self.enter_alone_locked(count)
            };
        let is_stale = |seat: &mut Seat<Kind>| seat.tag == TAG_STALE;
        while let Some(node) = queue.granted.find(is_stale) {
            if alone {
                // SAFETY: it is linked as granted, under the lock that the caller holds.
                unsafe { Self::take_back(queue, node) };
                continue;
            }
            // SAFETY: (L2): it is linked.
            let node = unsafe { node.as_ref() };
            // SAFETY: (L1): under the lock.
            unsafe { node.seat() }.tag = TAG_GRANTED;
        }
        if !alone {
            return false;
        }
        self.add_readers(count.wrapping_neg());
        let mine = !queue.draining;
        self.advance(queue, wakes);
        mine || self.enter_locked(kind)
    }

    /// Takes the grant of a writer that does not collect it.
    fn reclaim_writer(
        &self,
        queue: &mut Queue,
        kind: Kind,
        robber: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        let stale = |seat: &mut Seat<Kind>| seat.data == Kind::Write && may_be_robbed(seat, robber);
        let Some(node) = queue.granted.find(stale) else { return false };
        if kind == Kind::Read {
            // As if the writer had been here and gone, and come again.
            self.add_readers(1);
        }
        // SAFETY: it is linked as granted, under the lock that the caller holds.
        unsafe { Self::take_back(queue, node) };
        if kind == Kind::Read {
            self.end_phase(queue, wakes);
        }
        true
    }

    /// Takes back a grant. Its owner is out of line until it looks: the wake-up of this grant may be spent, and
    /// another grant would wake nobody.
    ///
    /// # Safety
    ///
    /// The node is linked as granted, and the caller holds the lock of the queues.
    unsafe fn take_back(queue: &mut Queue, node: NonNull<Node<Kind>>) {
        // SAFETY: by this function's contract.
        unsafe { queue.granted.remove(node) };
        // SAFETY: (L2): it was linked just now; its owner looks under the lock.
        let node = unsafe { node.as_ref() };
        // SAFETY: (L1): under the lock.
        unsafe { node.seat() }.tag = TAG_ROBBED;
    }

    /// Takes a queued node out.
    ///
    /// # Safety
    ///
    /// The node is queued as `kind`, and the caller holds the lock of the queues.
    pub(super) unsafe fn unlink(
        &self,
        queue: &mut Queue,
        kind: Kind,
        node: &Node<Kind>,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: by this function's contract.
        unsafe { queue.of(kind).remove(NonNull::from(node)) };
        if queue.draining && queue.writers.is_empty() {
            queue.draining = false;
            self.end_phase(queue, wakes);
        }
        self.mark(queue);
    }

    /// Releases, under the lock of the queues, what was granted.
    pub(super) fn release_locked(&self, queue: &mut Queue, kind: Kind, wakes: &mut WakeBatch) {
        match kind {
            Kind::Write => self.end_phase(queue, wakes),
            Kind::Read => {
                self.add_readers(1_usize.wrapping_neg());
                self.advance(queue, wakes);
            }
        }
    }

    /// Ends the wait of a node that is linked, or that was claimed otherwise.
    ///
    /// # Safety
    ///
    /// The caller owns the node, and holds the lock of the queues.
    pub(super) unsafe fn cancel(
        &self,
        queue: &mut Queue,
        kind: Kind,
        node: &Node<Kind>,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: (L1): under the lock.
        if !unsafe { node.is_linked() } {
            return;
        }
        // SAFETY: (L1): under the lock.
        if unsafe { node.seat() }.tag == TAG_GRANTED {
            // SAFETY: linked as granted, by the tag.
            unsafe { queue.granted.remove(NonNull::from(node)) };
            self.release_locked(queue, kind, wakes);
        } else {
            // SAFETY: linked, so it is queued, by the tag.
            unsafe { self.unlink(queue, kind, node, wakes) };
        }
    }
}

/// See [`Waiter::may_be_robbed`]. For granted nodes, under the lock of the queues.
///
/// [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed
fn may_be_robbed(seat: &Seat<Kind>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queues.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2), (W3): as above, and the claim has been won.
    unsafe { waiter.may_be_robbed(robber) }
}

/// Gives the lock to a waiter.
///
/// # Safety
///
/// The node was linked, and its claim won, under the lock of the queues, which the caller still holds.
pub(super) unsafe fn grant(queue: &mut Queue, node: NonNull<Node<Kind>>, wakes: &mut WakeBatch) {
    // SAFETY: (L2): it was linked just now; its owner comes by the lock before it goes.
    let found = unsafe { node.as_ref() };
    // SAFETY: (L1): under the lock.
    unsafe { found.seat() }.tag = TAG_GRANTED;
    // SAFETY: not linked any more, pinned and assigned; its owner unlinks it.
    unsafe { queue.granted.push_back(node) };
    // SAFETY: by this function's contract.
    if let Some(waker) = unsafe { found.complete() } {
        wakes.push(waker);
    }
}

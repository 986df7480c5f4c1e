//! What a channel is and does, under its lock.
//!
//! # Invariants
//!
//! Between two critical sections of the lock, where a *live* waiter is one whose claim can still be
//! won:
//!
//! 1. A live receiver waits ⇒ `returned` and `buffer` are empty and no live sender waits, except
//!    for a sender that is an arm of the same select as the receiver (and capacity 0).
//! 2. A live sender waits ⇒ `buffer` is full.
//! 3. `closed` or `disconnected` ⇒ no live sender and no live receiver waits.
//! 4. A node's `tag` tells where its value is: see [`tag`].
//! 5. A receiver's node is in `receivers` (tag `WAITING`), in `matched` (tag `MATCHED`) or in neither.
//!    A sender's node is in `senders` (tag `WAITING`) or nowhere.
//! 6. `returned` is sorted by sequence number. Everything in it is older than everything in `buffer`,
//!    and that is older than the deposits of waiting senders.
//! 7. `disconnected` ⇒ `returned` and `buffer` are empty and stay so.
//!
//! # Protocol
//!
//! A value goes from a sender to the first live receiver if there is one, into `buffer` if there is
//! room, and into the sender's own node (its *deposit*) otherwise. A receiver takes from `returned`,
//! else from `buffer` (and moves the first live sender's deposit up), else from the first live
//! sender's node. Nobody is ever granted anything but a value: no slot, no turn.
//!
//! A receiver that was handed a value stands in `matched` until it collects it. If it is dropped
//! instead, the value goes to the next live receiver or, by its sequence number, into `returned`.
//! [`State::reclaim`] takes it for somebody else who would have to wait, or would find the end of the channel
//! (see `wait/README.md`).
//!
//! A receive on a closed channel ends when nothing is left to take, even if a matched receiver may
//! still collect its value, or give it back: it must not wait, as in Go. A value given back later is there
//! for the next receive.
//!
//! Values, wakers and panics leave the critical section before user code can run: values move by
//! pointer into slots of the caller's, wakers into its batch.

#![expect(unsafe_code, reason = "values move between pinned waiter nodes under the lock")]

use super::feed::Feed;
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node};
use crate::wait::record::{self, Record};
use crate::wait::waiter::Waiter;
use std::collections::VecDeque;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// What a waiting node is doing, and whose its value is.
pub(super) mod tag {
    /// Not waiting. A sender's slot holds its value; a receiver's is empty.
    pub(in crate::chan) const IDLE: u8 = 0;
    /// In the list of waiters; a sender's slot holds its deposit.
    pub(in crate::chan) const WAITING: u8 = 1;
    /// A receiver in `matched`: the slot holds the value that it has not seen.
    pub(in crate::chan) const MATCHED: u8 = 2;
    /// A receiver whose match was taken. It is in no list, and begins anew when it looks.
    pub(in crate::chan) const ROBBED: u8 = 3;
    /// A sender whose value is gone: sent.
    pub(in crate::chan) const SENT: u8 = 4;
    /// A sender that was waiting when the channel was closed; its slot holds the value.
    pub(in crate::chan) const CLOSED: u8 = 5;
    /// A sender that was waiting when the last receiver went; its slot holds the value.
    pub(in crate::chan) const DISCONNECTED: u8 = 6;
    /// A receiving arm of a select that is done: the slot holds the value, which is its own.
    pub(in crate::chan) const TAKEN: u8 = 7;
    /// A receiving arm of a select that is done: the channel was closed and empty.
    pub(in crate::chan) const ENDED: u8 = 8;
    /// The receive of a future that has yielded: not waiting.
    pub(in crate::chan) const OVER: u8 = 9;
}

/// What a waiting node carries.
pub(super) struct Slot<T> {
    /// The number of the match, in the order of matches. Initialised on the first.
    seq: MaybeUninit<u64>,
    pub(super) value: MaybeUninit<T>,
}

impl<T> Slot<T> {
    /// The number of the last match.
    ///
    /// # Safety
    ///
    /// There was one.
    unsafe fn seq(&self) -> u64 {
        // SAFETY: initialised on the first match.
        unsafe { self.seq.assume_init() }
    }

    pub(super) fn empty() -> Self {
        Self { seq: MaybeUninit::uninit(), value: MaybeUninit::uninit() }
    }

    pub(super) fn holding(value: T) -> Self {
        Self { seq: MaybeUninit::uninit(), value: MaybeUninit::new(value) }
    }
}

pub(super) type ChanNode<T> = Node<Slot<T>>;

/// Where the value of a node is, or would be.
#[inline]
pub(super) fn slot<T>(node: &ChanNode<T>) -> *mut T {
    // SAFETY: in bounds; nothing is read.
    unsafe { (&raw mut (*node.data()).value).cast::<T>() }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// The value was moved.
    Done,
    /// Not now.
    Wait,
    /// Sending: the channel is closed. Receiving: it is closed and empty.
    Closed,
    /// Sending: no receiver is left.
    Disconnected,
}

/// What of the state may be known without the lock, in bits. Above them is a count.
pub(super) mod hint {
    /// A receive may succeed, or end.
    pub(in crate::chan) const RECV: u32 = 1;
    /// A send may succeed, or fail.
    pub(in crate::chan) const SEND: u32 = 2;
    /// Sending is over: closed, or no receiver left.
    pub(in crate::chan) const OVER: u32 = 4;
    /// The bits from here up count the critical sections, so that two equal looks tell that nothing
    /// happened in between.
    pub(in crate::chan) const COUNT: u32 = 8;
}

/// What the lock protects.
pub(super) struct State<T> {
    capacity: usize,
    buffer: VecDeque<T>,
    receivers: List<Slot<T>>,
    senders: List<Slot<T>>,
    /// Receivers that were handed a value and have not collected it, by the number of the match.
    matched: List<Slot<T>>,
    /// Values of receivers that were dropped before they collected them, newest first.
    returned: Vec<(u64, T)>,
    /// Streams: woken when there is something to receive, never handed a value.
    streams: List<()>,
    /// Those who wait for the end of sending.
    closers: List<()>,
    next_seq: u64,
    /// What values come from if not from senders, until the last receiver goes.
    pub(super) feed: Option<Arc<dyn Feed<T>>>,
    closed: bool,
    disconnected: bool,
}

/// Larger values do not take the inlined paths, which would put copies of them on the stack.
const QUICK_BYTES: usize = 1024;

/// Buffers that need no more memory than this, or hold one value, are never shrunk.
const KEEP_BYTES: usize = 64 * 1024;

/// As many values as `KEEP_BYTES` hold, and at least one.
#[inline]
fn keep<T>() -> usize {
    (KEEP_BYTES / size_of::<T>().max(1)).max(1)
}

impl<T> State<T> {
    pub(super) fn new(capacity: usize) -> Self {
        State {
            capacity,
            buffer: VecDeque::new(),
            receivers: List::new(),
            senders: List::new(),
            matched: List::new(),
            returned: Vec::new(),
            streams: List::new(),
            closers: List::new(),
            next_seq: 0,
            feed: None,
            closed: false,
            disconnected: false,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn is_over(&self) -> bool {
        self.closed || self.disconnected
    }

    /// What may be known of it without the lock.
    #[inline]
    pub(super) fn hint(&self) -> u32 {
        let over = self.closed | self.disconnected;
        let recv = !self.buffer.is_empty()
            | !self.senders.is_empty()
            | !self.returned.is_empty()
            | self.feed.is_some()
            | self.closed;
        let send = (self.buffer.len() < self.capacity) | !self.receivers.is_empty() | over;
        (u32::from(recv) * hint::RECV)
            | (u32::from(send) * hint::SEND)
            | (u32::from(over) * hint::OVER)
    }

    /// Takes the oldest value in the common case: it is in the buffer, and nobody waits.
    #[inline(always)]
    pub(super) fn quick_pop(&mut self) -> Option<T> {
        let plain = (size_of::<T>() <= QUICK_BYTES)
            && (self.senders.is_empty() & self.returned.is_empty() & !self.has_burst());
        if plain { self.buffer.pop_front() } else { None }
    }

    /// Whether a value just goes into the buffer, the common case: there is room, and nobody waits.
    #[inline(always)]
    pub(super) fn may_quick_push(&self) -> bool {
        (size_of::<T>() <= QUICK_BYTES)
            & self.receivers.is_empty()
            & self.streams.is_empty()
            & (self.buffer.len() < self.capacity)
            & !self.is_over()
    }

    /// Sends, if [`may_quick_push`](Self::may_quick_push).
    #[inline(always)]
    pub(super) fn quick_push(&mut self, value: T) {
        self.buffer.push_back(value);
    }

    /// Moves `*value` to where it goes now, if it goes anywhere.
    ///
    /// # Safety
    ///
    /// `value` holds a value. On `Done` it has been moved out, otherwise it has not.
    #[inline]
    pub(super) unsafe fn try_send(&mut self, value: *const T, wakes: &mut WakeBatch) -> Tried {
        if self.closed {
            return Tried::Closed;
        }
        if self.disconnected {
            return Tried::Disconnected;
        }
        if !self.receivers.is_empty() {
            if let Some(receiver) = self.receivers.claim_front() {
                let seq = self.next_seq;
                self.next_seq += 1;
                // SAFETY: just claimed and unlinked; `value` by this function's contract; the newest
                // match comes last.
                unsafe { self.hand_over(receiver, seq, value, None, wakes) };
                return Tried::Done;
            }
        }
        if self.buffer.len() < self.capacity {
            // SAFETY: by this function's contract.
            self.buffer.push_back(unsafe { value.read() });
            self.wake_streams(wakes);
            return Tried::Done;
        }
        Tried::Wait
    }

    /// Moves the next value to `*into`, if there is one.
    ///
    /// # Safety
    ///
    /// `into` can be written to. On `Done` it holds a value, otherwise it has not been touched.
    #[inline]
    pub(super) unsafe fn try_recv(&mut self, into: *mut T, wakes: &mut WakeBatch) -> Tried {
        if !self.returned.is_empty() {
            // SAFETY: by this function's contract.
            return unsafe { self.take_returned(into) };
        }
        if let Some(value) = self.buffer.pop_front() {
            // SAFETY: by this function's contract.
            unsafe { into.write(value) };
            self.after_pop(wakes);
            return Tried::Done;
        }
        if !self.senders.is_empty() {
            if let Some(sender) = self.senders.claim_front() {
                // SAFETY: just claimed and unlinked; `into` by this function's contract.
                unsafe { Self::take_deposit(sender, into, wakes) };
                return Tried::Done;
            }
        }
        if self.feed.is_some() {
            // SAFETY: by this function's contract.
            return unsafe { self.try_recv_fed(into, wakes) };
        }
        if !self.closed {
            return Tried::Wait;
        }
        // SAFETY: by this function's contract.
        let reclaimed =
            !self.matched.is_empty() && unsafe { self.reclaim_slow(record::current(), into) };
        if reclaimed { Tried::Done } else { Tried::Closed }
    }

    /// Receives the value of the feed, if it is ready and nobody has waited for it.
    ///
    /// # Safety
    ///
    /// As for [`try_recv`](Self::try_recv).
    unsafe fn try_recv_fed(&mut self, into: *mut T, wakes: &mut WakeBatch) -> Tried {
        while let Some(value) = self.ready_of_feed() {
            if let Some(value) = self.feed_first(value, wakes) {
                self.pass_feed();
                // SAFETY: by this function's contract.
                unsafe { into.write(value) };
                return Tried::Done;
            }
        }
        Tried::Wait
    }

    /// Moves the value of the feed, which may have one now, to who waits for it. If that is nobody, it
    /// stays where it is.
    pub(super) fn pump(&mut self, wakes: &mut WakeBatch) {
        let Some(value) = self.ready_of_feed() else { return };
        if self.feed_first(value, wakes).is_some() {
            self.wake_streams(wakes);
            self.arm_feed_if_awaited();
        }
    }

    /// The value of the feed, if it is ready. Between two such looks one may become so: whoever looks decides by
    /// what it saw.
    fn ready_of_feed(&self) -> Option<T> {
        self.feed.as_ref()?.ready()
    }

    /// Gives the value that is ready to the first who waits. Returns it if that is nobody.
    fn feed_first(&mut self, value: T, wakes: &mut WakeBatch) -> Option<T> {
        let Some(receiver) = self.receivers.claim_front() else { return Some(value) };
        self.pass_feed();
        let value = ManuallyDrop::new(value);
        let seq = self.next_seq;
        self.next_seq += 1;
        // SAFETY: just claimed and unlinked; `value` holds a value, which nobody drops here; the
        // newest match comes last.
        unsafe { self.hand_over(receiver, seq, &raw const *value, None, wakes) };
        None
    }

    /// The value that is ready is somebody's; others may wait for the next one.
    fn pass_feed(&self) {
        if let Some(feed) = &self.feed {
            feed.pass();
            self.arm_feed_if_awaited();
        }
    }

    /// Tells the feed, if there is one, that somebody waits for its value.
    #[inline]
    fn arm_feed(&self) {
        if let Some(feed) = &self.feed {
            Arc::clone(feed).arm();
        }
    }

    /// Tells the feed whether somebody waits for its next value.
    pub(super) fn arm_feed_if_awaited(&self) {
        if !self.receivers.is_empty() || !self.streams.is_empty() {
            self.arm_feed();
        }
    }

    /// Receives a value that a dropped receiver gave back; there is one.
    ///
    /// # Safety
    ///
    /// `into` can be written to.
    #[cold]
    unsafe fn take_returned(&mut self, into: *mut T) -> Tried {
        if let Some((_, value)) = self.returned.pop() {
            // SAFETY: by this function's contract.
            unsafe { into.write(value) };
        }
        if self.ready_of_feed().is_some() {
            // It came while this one was still to be received.
            self.pass_feed();
        }
        if self.returned.is_empty() && self.returned.capacity() > keep::<(u64, T)>() {
            self.returned = Vec::new();
        }
        Tried::Done
    }

    /// Moves the first live sender up into the room that a receive made, and gives back memory after
    /// a burst.
    #[inline]
    fn after_pop(&mut self, wakes: &mut WakeBatch) {
        if !self.senders.is_empty() {
            if let Some(sender) = self.senders.claim_front() {
                let mut value = MaybeUninit::uninit();
                // SAFETY: just claimed and unlinked; `value` can be written to.
                unsafe { Self::take_deposit(sender, value.as_mut_ptr(), wakes) };
                // SAFETY: `take_deposit` wrote it.
                self.buffer.push_back(unsafe { value.assume_init() });
            }
        }
        if self.has_burst() && self.buffer.len() <= self.buffer.capacity() / 8 {
            self.shrink();
        }
    }

    /// Whether the buffer has so much memory that it may be worth giving some back.
    #[inline]
    fn has_burst(&self) -> bool {
        size_of::<T>() > 0 && self.buffer.capacity() > keep::<T>()
    }

    #[cold]
    fn shrink(&mut self) {
        let half = self.buffer.capacity() / 2;
        // No other receive comes to shrink a buffer that is empty now.
        self.buffer.shrink_to(if self.buffer.is_empty() { half.min(keep::<T>()) } else { half });
    }

    /// Gives `*value` to a receiver that waits. `next` is the match in front of which this one is, by
    /// its number.
    ///
    /// # Safety
    ///
    /// `receiver` has been claimed and unlinked from `receivers` in this critical section. `value`
    /// holds a value, which is moved out. `next` is in `matched`.
    #[inline]
    unsafe fn hand_over(
        &mut self,
        receiver: NonNull<ChanNode<T>>,
        seq: u64,
        value: *const T,
        next: Option<NonNull<ChanNode<T>>>,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: claimed: the owner keeps the node until it gets this lock.
        let node = unsafe { receiver.as_ref() };
        // SAFETY: `value` by this function's contract; it is not in the node of a waiting receiver.
        unsafe { ptr::copy_nonoverlapping(value, slot(node), 1) };
        // SAFETY: under the lock.
        let seat = unsafe { node.seat() };
        seat.data.seq.write(seq);
        seat.tag = tag::MATCHED;
        // SAFETY: claimed by us, and the outcome is written.
        if let Some(waker) = unsafe { node.complete() } {
            wakes.push(waker);
        }
        // SAFETY: unlinked. Receivers look at their outcome under the lock only, so the node is
        // still there. `next` by this function's contract.
        unsafe { self.matched.insert_before(next, receiver) };
    }

    /// Moves a waiting sender's value to `*into`.
    ///
    /// # Safety
    ///
    /// `sender` has been claimed and unlinked from `senders` in this critical section, and `into` can
    /// be written to.
    #[inline]
    unsafe fn take_deposit(sender: NonNull<ChanNode<T>>, into: *mut T, wakes: &mut WakeBatch) {
        // SAFETY: claimed: the owner keeps the node until it is completed below.
        let node = unsafe { sender.as_ref() };
        // SAFETY: the slot of a waiting sender holds its value (`tag`); `into` by the contract.
        unsafe { ptr::copy_nonoverlapping(slot(node), into, 1) };
        // SAFETY: under the lock.
        unsafe { node.seat() }.tag = tag::SENT;
        // SAFETY: claimed by us, and the outcome is written.
        if let Some(waker) = unsafe { node.complete() } {
            wakes.push(waker);
        }
    }

    /// Links a receiver that has to wait.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`] and [`Node::assign`].
    pub(super) unsafe fn enqueue_recv(&mut self, node: &ChanNode<T>, waiter: &Waiter, case: u32) {
        // SAFETY: by this function's contract.
        unsafe { node.assign(waiter, case) };
        // SAFETY: under the lock.
        unsafe { node.seat() }.tag = tag::WAITING;
        // SAFETY: by this function's contract.
        unsafe { self.receivers.push_back(NonNull::from(node)) };
        self.arm_feed();
    }

    /// Links a sender that has to wait; its slot holds the value.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`] and [`Node::assign`].
    pub(super) unsafe fn enqueue_send(
        &mut self,
        node: &ChanNode<T>,
        waiter: &Waiter,
        case: u32,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: by this function's contract.
        unsafe { node.assign(waiter, case) };
        // SAFETY: under the lock.
        unsafe { node.seat() }.tag = tag::WAITING;
        // SAFETY: by this function's contract.
        unsafe { self.senders.push_back(NonNull::from(node)) };
        self.wake_streams(wakes);
    }

    /// Unlinks a sender that stops waiting. Its value is in its slot unless its tag is `SENT`.
    ///
    /// # Safety
    ///
    /// The node was enqueued here and is the caller's.
    pub(super) unsafe fn cancel_send(&mut self, node: &ChanNode<T>) {
        // SAFETY: under the lock.
        if unsafe { node.is_linked() } {
            // SAFETY: senders' nodes are linked into `senders` only (invariant 5).
            unsafe { self.senders.remove(NonNull::from(node)) };
        }
        // SAFETY: under the lock.
        let seat = unsafe { node.seat() };
        if seat.tag == tag::WAITING {
            seat.tag = tag::IDLE;
        }
    }

    /// Unlinks a receiver that stops waiting, unless it is matched.
    ///
    /// # Safety
    ///
    /// The node was enqueued here and is the caller's.
    pub(super) unsafe fn cancel_recv(&mut self, node: &ChanNode<T>) {
        // SAFETY: under the lock.
        if unsafe { node.seat() }.tag == tag::MATCHED {
            return;
        }
        // SAFETY: under the lock.
        if unsafe { node.is_linked() } {
            // SAFETY: linked and not matched, so in `receivers` (invariant 5).
            unsafe { self.receivers.remove(NonNull::from(node)) };
        }
        // SAFETY: under the lock.
        unsafe { node.seat() }.tag = tag::IDLE;
    }

    /// Ends the wait of a receiver that is matched: the value in its slot is its own. False if it is
    /// not matched.
    ///
    /// # Safety
    ///
    /// The node was enqueued here and is the caller's.
    #[inline]
    pub(super) unsafe fn collect(&mut self, node: &ChanNode<T>) -> bool {
        // SAFETY: under the lock.
        let seat = unsafe { node.seat() };
        if seat.tag != tag::MATCHED {
            return false;
        }
        seat.tag = tag::IDLE;
        // SAFETY: a matched node is in `matched` (invariant 5).
        unsafe { self.matched.remove(NonNull::from(node)) };
        true
    }

    /// Ends the wait of a receiver that is being dropped: what it was matched with and has not seen
    /// goes to the next receiver, or back in line.
    ///
    /// # Safety
    ///
    /// The node was enqueued here and is the caller's.
    pub(super) unsafe fn abandon_recv(&mut self, node: &ChanNode<T>, wakes: &mut WakeBatch) {
        // SAFETY: by this function's contract.
        if !unsafe { self.collect(node) } {
            // SAFETY: by this function's contract.
            return unsafe { self.cancel_recv(node) };
        }
        // SAFETY: under the lock.
        let seat = unsafe { node.seat() };
        // SAFETY: it was matched.
        let seq = unsafe { seat.data.seq() };
        let value = slot(node);
        if let Some(receiver) = self.receivers.claim_front() {
            let next = self.matched.find(|other| {
                // SAFETY: it is matched.
                unsafe { other.data.seq() > seq }
            });
            // SAFETY: just claimed and unlinked; the slot of a matched receiver holds a value; `next`
            // is in `matched`.
            return unsafe { self.hand_over(receiver, seq, value, next, wakes) };
        }
        let at = self.returned.partition_point(|(other, _)| *other > seq);
        // SAFETY: the slot of a matched receiver holds a value, and is not looked at again.
        self.returned.insert(at, (seq, unsafe { value.read() }));
        self.wake_streams(wakes);
    }

    /// The oldest match that is not collected and that an operation of goroutine `robber` may take.
    fn uncollected(&self, robber: Option<&'static Record>) -> Option<NonNull<ChanNode<T>>> {
        self.matched.find(|seat| {
            // SAFETY: linked, and under the lock.
            let waiter = unsafe { seat.waiter() };
            // SAFETY: (W2), or (W3) after the winner has unlocked and before the owner has locked.
            unsafe { waiter.may_be_robbed(robber) }
        })
    }

    /// Whether [`reclaim`](Self::reclaim) would find something.
    pub(super) fn may_reclaim(&self, robber: Option<&'static Record>) -> bool {
        self.uncollected(robber).is_some()
    }

    /// Moves a value to `*into` that somebody was matched with and does not collect: a goroutine
    /// `robber` asks that would have to wait otherwise, or leave for good. False if there is none.
    ///
    /// # Safety
    ///
    /// `into` can be written to.
    #[inline]
    pub(super) unsafe fn reclaim(&mut self, robber: Option<&'static Record>, into: *mut T) -> bool {
        // SAFETY: by this function's contract.
        !self.matched.is_empty() && unsafe { self.reclaim_slow(robber, into) }
    }

    /// [`reclaim`](Self::reclaim) if somebody is matched.
    ///
    /// # Safety
    ///
    /// As for [`reclaim`](Self::reclaim).
    #[cold]
    unsafe fn reclaim_slow(&mut self, robber: Option<&'static Record>, into: *mut T) -> bool {
        let Some(node) = self.uncollected(robber) else { return false };
        // SAFETY: it is in `matched`; `into` by the contract of `reclaim`.
        unsafe { self.rob(node, into) };
        true
    }

    /// Takes back everything that was handed over and that nobody has seen: from `returned`, and from
    /// receivers that have not collected it, who begin anew when they look.
    pub(super) fn recall(&mut self) -> Vec<(u64, T)> {
        let mut unseen = std::mem::take(&mut self.returned);
        while let Some(node) = self.matched.front() {
            let mut value = MaybeUninit::uninit();
            // SAFETY: it is in `matched`; `value` can be written to.
            unsafe { self.rob(node, value.as_mut_ptr()) };
            // SAFETY: `rob` wrote it.
            unseen.push((0, unsafe { value.assume_init() }));
        }
        unseen
    }

    /// Moves the value of a match to `*into`.
    ///
    /// The receiver is out of line until it looks. The wake-up of this match may be spent (its owner was polled,
    /// and did not look), and another match would wake nobody.
    ///
    /// # Safety
    ///
    /// `node` is in `matched`, and `into` can be written to.
    #[cold]
    unsafe fn rob(&mut self, node: NonNull<ChanNode<T>>, into: *mut T) {
        // SAFETY: linked, so alive.
        let node = unsafe { node.as_ref() };
        // SAFETY: it is matched, so its slot holds a value; `into` by this function's contract.
        unsafe { ptr::copy_nonoverlapping(slot(node), into, 1) };
        // SAFETY: it is matched.
        unsafe { self.collect(node) };
        // SAFETY: under the lock. Its owner looks only under the lock, so it is still there.
        unsafe { node.seat() }.tag = tag::ROBBED;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Closes the channel; false if it is closed already. What was sent can still be received.
    pub(super) fn close(&mut self, wakes: &mut WakeBatch) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        self.refuse_senders(tag::CLOSED, wakes);
        while let Some(node) = self.receivers.claim_front() {
            // Not `MATCHED`: they try again, and find the end.
            complete_with(node, tag::IDLE, wakes);
        }
        self.wake_streams(wakes);
        wake_list(&mut self.closers, wakes);
        true
    }

    /// The last receiving handle is gone. Returns what nobody will receive, to be dropped outside of
    /// the lock.
    pub(super) fn disconnect(&mut self, wakes: &mut WakeBatch) -> Unreceived<T> {
        self.disconnected = true;
        self.refuse_senders(tag::DISCONNECTED, wakes);
        wake_list(&mut self.closers, wakes);
        Unreceived {
            _buffer: std::mem::take(&mut self.buffer),
            _returned: std::mem::take(&mut self.returned),
            feed: self.feed.take(),
        }
    }

    /// Leaves alone whoever is still linked.
    pub(super) fn abandon_waiters(&mut self) {
        self.receivers.abandon();
        self.senders.abandon();
        self.matched.abandon();
        self.streams.abandon();
        self.closers.abandon();
    }

    fn refuse_senders(&mut self, tag: u8, wakes: &mut WakeBatch) {
        while let Some(node) = self.senders.claim_front() {
            complete_with(node, tag, wakes);
        }
    }

    #[inline]
    fn wake_streams(&mut self, wakes: &mut WakeBatch) {
        if !self.streams.is_empty() {
            wake_list(&mut self.streams, wakes);
        }
    }

    /// The list of those who are only woken: when there is something to receive (`streams`), or when
    /// sending is over.
    pub(super) fn watchers(&mut self, of: Event) -> &mut List<()> {
        match of {
            Event::Receivable => {
                self.arm_feed();
                &mut self.streams
            }
            Event::Over => &mut self.closers,
        }
    }
}

/// What the last receiver leaves behind. Dropping it runs code of the user's.
pub(super) struct Unreceived<T> {
    _buffer: VecDeque<T>,
    _returned: Vec<(u64, T)>,
    feed: Option<Arc<dyn Feed<T>>>,
}

impl<T> Drop for Unreceived<T> {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.take() {
            feed.stop();
        }
    }
}

/// What a watcher waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// There is something to receive, or nothing will ever be again.
    Receivable,
    /// Nothing can be sent any more.
    Over,
}

fn complete_with<V>(node: NonNull<Node<V>>, tag: u8, wakes: &mut WakeBatch) {
    // SAFETY: the callers have just claimed it, under the lock, so its owner keeps it until the
    // completion below.
    let node = unsafe { node.as_ref() };
    // SAFETY: under the lock.
    let seat = unsafe { node.seat() };
    seat.tag = tag;
    // SAFETY: claimed by us, and the outcome is written.
    if let Some(waker) = unsafe { node.complete() } {
        wakes.push(waker);
    }
}

#[cold]
fn wake_list(list: &mut List<()>, wakes: &mut WakeBatch) {
    while let Some(node) = list.claim_front() {
        complete_with(node, tag::IDLE, wakes);
    }
}

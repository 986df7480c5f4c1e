//! Lists and claims, driven by hand on one thread.

#![expect(unsafe_code, reason = "tests of unsafe parts")]

use super::batch::WakeBatch;
use super::list::{List, Node};
use super::record::{self, FreeList};
use super::waiter::{PLAIN, Waiter};
use std::pin::pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn link(list: &mut List<u32>, node: &Node<u32>, waiter: &Waiter, case: u32) {
    // SAFETY: the tests unlink every node before it goes; there is one thread.
    unsafe { node.assign(waiter, case) };
    // SAFETY: as above.
    unsafe { list.push_back(NonNull::from(node)) };
}

fn data(node: NonNull<Node<u32>>) -> u32 {
    // SAFETY: alive for the length of the test.
    let node = unsafe { node.as_ref() };
    // SAFETY: there is one thread.
    unsafe { node.seat() }.data
}

#[test]
fn nodes_leave_in_the_order_they_came_and_from_anywhere() {
    let waiter = Waiter::new();
    let nodes: Vec<_> = (0..5).map(|i| Box::pin(Node::new(i))).collect();
    let mut list = List::new();
    for node in &nodes {
        link(&mut list, node, &waiter, PLAIN);
    }
    for i in [2, 4, 0] {
        // SAFETY: linked above, once.
        unsafe { list.remove(NonNull::from(&*nodes[i])) };
    }
    // SAFETY: node 1 is the head.
    unsafe { list.insert_before(list.front(), NonNull::from(&*nodes[4])) };
    let order: Vec<_> = std::iter::from_fn(|| list.pop_front().map(data)).collect();
    assert_eq!(order, [4, 1, 3]);
    assert!(list.is_empty());
}

#[test]
fn a_select_claimed_elsewhere_is_passed_over() {
    let (select, plain) = (Waiter::new(), Waiter::new());
    let nodes: Vec<_> = (0..3).map(|i| Box::pin(Node::new(i))).collect();
    let (mut a, mut b) = (List::new(), List::new());
    assert!(select.register(Waker::noop().clone()).is_none());
    assert!(plain.register(Waker::noop().clone()).is_none());
    link(&mut a, &nodes[0], &select, 0);
    link(&mut b, &nodes[1], &select, 1);
    link(&mut b, &nodes[2], &plain, PLAIN);
    assert_eq!(a.claim_front().map(data), Some(0));
    assert_eq!(select.chosen(), Some(0));
    assert_eq!(b.claim_front().map(data), Some(2));
    assert_eq!(plain.chosen(), None, "not settled yet");
    // SAFETY: the node was claimed above.
    drop(unsafe { nodes[2].complete() });
    assert_eq!(plain.chosen(), Some(0));
    assert!(a.claim_front().is_none() && b.claim_front().is_none());
    select.reset();
    plain.reset();
}

#[test]
fn a_match_may_be_taken_within_its_goroutine_or_after_a_whole_poll_of_it() {
    let mut free = FreeList::new();
    let (mine, other) = (free.pop(), free.pop());
    let waiter = Waiter::new();
    let matched_now = || {
        record::swap_current(Some(mine));
        waiter.reset();
        drop(waiter.register(Waker::noop().clone()));
        record::swap_current(None);
        // SAFETY: nothing is linked; there is one thread.
        drop(unsafe { waiter.take_waker() });
    };
    // SAFETY: nothing is linked; there is one thread.
    let may = |robber| unsafe { waiter.may_be_robbed(robber) };

    matched_now();
    assert!(may(Some(mine)), "the same goroutine");
    assert!(!may(Some(other)) && !may(None), "not polled since");
    mine.start_poll();
    assert!(!may(Some(other)), "being polled: it may still collect");
    mine.end_poll();
    assert!(may(Some(other)) && may(None), "polled from beginning to end");

    mine.start_poll();
    matched_now();
    mine.end_poll();
    assert!(!may(Some(other)), "the poll had begun before the match");
    mine.start_poll();
    assert!(!may(Some(other)));
    mine.end_poll();
    assert!(may(Some(other)));

    // Matched once more before it looked: nobody was woken, so there is nothing to wait for.
    // SAFETY: nothing is linked; there is one thread.
    assert!(unsafe { waiter.take_waker() }.is_none());
    assert!(may(Some(other)));

    free.push(mine);
    free.push(other);
}

#[test]
fn a_record_whose_goroutine_ended_inside_a_poll_is_outside_of_one_for_the_next() {
    let mut free = FreeList::new();
    let record = free.pop();
    record.start_poll();
    assert_eq!(record.polls() % 2, 1);
    free.push(record);
    assert!(std::ptr::eq(free.pop(), record), "the last one in is the first one out");
    assert_eq!(record.polls() % 2, 0);
    free.push(record);
}

#[test]
fn a_batch_wakes_everybody_even_past_its_room_and_past_a_panic() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the user's");
        }
    }
    let count = Arc::new(Count::default());
    let mut batch = WakeBatch::new();
    batch.push(Arc::new(Bomb).into());
    for _ in 0..40 {
        batch.push(Arc::clone(&count).into());
    }
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| batch.wake_all()));
    assert!(result.is_err());
    assert_eq!(count.0.load(Ordering::Relaxed), 40);

    batch.push(Arc::clone(&count).into());
    drop(batch);
    assert_eq!(Arc::strong_count(&count), 1, "a batch that is dropped drops its wakers");
}

#[test]
fn sizes() {
    assert_eq!(size_of::<Waiter>(), 32);
    assert_eq!(size_of::<Node<()>>(), 32);
    let _pinned = pin!(Node::new(()));
}

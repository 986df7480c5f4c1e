//! Futures that are polled by hand.

use super::Count;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;

/// At most so many at a time; more than are woken in one go.
const MOST: usize = 20;

type Boxed<O> = Pin<Box<dyn Future<Output = O>>>;

/// A future, and how often it was to be woken through each of its two wakers.
struct One<O> {
    id: usize,
    /// None while it is polled.
    future: Option<Boxed<O>>,
    counts: [Arc<Count>; 2],
    wakes: [usize; 2],
    /// The waker of the last poll.
    last: usize,
}

pub struct Futures<O> {
    all: Vec<One<O>>,
    made: usize,
}

impl<O> Default for Futures<O> {
    fn default() -> Self {
        Self { all: Vec::new(), made: 0 }
    }
}

impl<O> Futures<O> {
    /// The number of the next one, if there may be one more.
    pub fn next(&self) -> Option<usize> {
        (self.all.len() < MOST).then_some(self.made)
    }

    pub fn start(&mut self, future: impl Future<Output = O> + 'static) {
        let (future, id) = (Some(Box::pin(future) as Boxed<O>), self.made);
        let counts = [Arc::default(), Arc::default()];
        self.all.push(One { id, future, counts, wakes: [0; 2], last: 0 });
        self.made += 1;
    }

    /// One of those that are not being polled.
    pub fn pick(&self, how: usize) -> Option<usize> {
        let mut idle = self.all.iter().filter(|one| one.future.is_some());
        let at = how.checked_rem(idle.clone().count())?;
        idle.nth(at).map(|one| one.id)
    }

    fn one(&mut self, id: usize) -> Option<&mut One<O>> {
        self.all.iter_mut().find(|one| one.id == id)
    }

    /// Lends the future for a poll with this waker.
    pub fn lend(&mut self, id: usize, waker: usize) -> (Boxed<O>, Waker) {
        let one = self.one(id).expect("it was picked");
        one.last = waker;
        (one.future.take().expect("it is idle"), Waker::from(Arc::clone(&one.counts[waker])))
    }

    /// Takes it back.
    pub fn keep(&mut self, id: usize, future: Boxed<O>) {
        self.one(id).expect("it was lent").future = Some(future);
    }

    /// Forgets it, and yields the future if it is not being polled.
    pub fn remove(&mut self, id: usize) -> Option<Boxed<O>> {
        let at = self.all.iter().position(|one| one.id == id)?;
        self.all.swap_remove(at).future
    }

    /// It is to be woken once.
    pub fn wake(&mut self, id: usize) {
        if let Some(one) = self.one(id) {
            one.wakes[one.last] += 1;
        }
    }

    pub fn check(&self) {
        for one in &self.all {
            let counts = [one.counts[0].get(), one.counts[1].get()];
            assert_eq!(counts, one.wakes, "future {} was woken", one.id);
        }
    }
}

//! The ring against a plain queue, in programs made of bytes: for the fuzz target `ring`, and for a
//! test of generated programs. (What happens between threads is the business of the models.)
//!
//! The first byte says how far from the wrap-around of its counters each of three rings starts. Then
//! come operations: a byte for what and with which rings, and one for how often: once to eight times,
//! or so often that rings fill up.

use super::ring::{CAPACITY, Item, Ring};
use std::collections::VecDeque;
use std::ptr;

const RINGS: usize = 3;
const FULL: usize = CAPACITY as usize;

struct Pair {
    ring: Ring,
    model: VecDeque<usize>,
}

impl Pair {
    fn is_full(&self) -> bool {
        self.model.len() == FULL
    }

    fn push(&mut self, n: usize) {
        let overflow = self.ring.push(item(n)).err();
        let expected = self.is_full().then(|| {
            let older = self.model.drain(..FULL / 2);
            older.chain([n]).collect::<Vec<_>>()
        });
        let overflow = overflow.map(|items| items.into_iter().map(number).collect());
        assert_eq!(overflow, expected, "what a full ring hands out");
        if expected.is_none() {
            self.model.push_back(n);
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let popped = self.ring.pop().map(number);
        assert_eq!(popped, self.model.pop_front(), "pop");
        popped
    }

    /// The older half, rounded up; not more than one that is run at once and what there is room for.
    fn steal_into(&mut self, into: &mut Pair) {
        let room = FULL - into.model.len();
        let take = self.model.len().div_ceil(2).min(room + 1);
        let stolen = self.ring.steal_into(&into.ring).map(number);
        let mut expected = self.model.drain(..take);
        assert_eq!(stolen, expected.next(), "the one that is run at once");
        into.model.extend(expected);
    }
}

impl Drop for Pair {
    /// A ring that is not empty panics when it is dropped, which would hide what was found.
    fn drop(&mut self) {
        while self.ring.pop().is_some() {}
    }
}

fn item(n: usize) -> Item {
    Item::new(ptr::without_provenance_mut(n)).expect("counted from 1")
}

fn number(item: Item) -> usize {
    item.as_ptr().addr()
}

/// Runs one program.
pub(crate) fn run(data: &[u8]) {
    let Some((&start, data)) = data.split_first() else { return };
    let ring = |i: u32| Ring::starting_at((u32::from(start) * i).wrapping_neg());
    let mut rings: [Pair; RINGS] =
        std::array::from_fn(|i| Pair { ring: ring(i as u32), model: VecDeque::new() });
    let mut last = 0;
    for op in data.chunks(2) {
        let (what, how) = (usize::from(op[0]), usize::from(op.get(1).copied().unwrap_or(0)));
        let times = if how < 128 { 1 + how % 8 } else { FULL / 128 * (how - 127) };
        let at = what / 4 % RINGS;
        match what % 4 {
            0 => (0..times).for_each(|_| {
                last += 1;
                rings[at].push(last);
            }),
            1 => (0..times).for_each(|_| {
                rings[at].pop();
            }),
            _ => {
                rings.rotate_left(at);
                let [victim, others @ ..] = &mut rings;
                victim.steal_into(&mut others[how % (RINGS - 1)]);
            }
        }
        for pair in &rings {
            assert_eq!(pair.ring.len() as usize, pair.model.len(), "len");
        }
    }
    for pair in &mut rings {
        while pair.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn generated_programs() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..2_000 {
            let mut data = [0; 40];
            rng.fill(&mut data);
            run(&data);
        }
    }
}

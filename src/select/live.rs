//! Sets of arms: which ones can still win, and a uniform choice among them.

use crate::sys::choose::choose;

/// A set of arm numbers. One word for up to 64 arms, an array of words above.
#[doc(hidden)]
pub trait Live: Copy {
    /// The arms `0..n`.
    fn first(n: usize) -> Self;
    /// Takes an arm out.
    fn remove(&mut self, arm: usize);
    /// Whether an arm is in.
    fn contains(&self, arm: usize) -> bool;
    /// Whether no arm is in.
    fn is_empty(&self) -> bool;
    /// An arm that is in: the first if `biased`, otherwise each with equal chance.
    fn pick(&self, biased: bool) -> Option<usize>;
}

impl Live for u64 {
    #[inline]
    fn first(n: usize) -> Self {
        debug_assert!(n <= 64);
        if n == 64 { u64::MAX } else { (1 << n) - 1 }
    }

    #[inline]
    fn remove(&mut self, arm: usize) {
        *self &= !(1 << arm);
    }

    #[inline]
    fn contains(&self, arm: usize) -> bool {
        self & (1 << arm) != 0
    }

    #[inline]
    fn is_empty(&self) -> bool {
        *self == 0
    }

    #[inline]
    fn pick(&self, biased: bool) -> Option<usize> {
        if *self == 0 {
            return None;
        }
        let first = self.trailing_zeros() as usize;
        let only = *self & (*self - 1) == 0;
        Some(if only | biased { first } else { any(*self) })
    }
}

/// The place of one of the ones, each with equal chance.
#[inline(never)]
fn any(word: u64) -> usize {
    nth(word, choose(word.count_ones() as usize))
}

/// The place of the `n`th one.
#[inline]
fn nth(mut word: u64, n: usize) -> usize {
    for _ in 0..n {
        word &= word - 1;
    }
    word.trailing_zeros() as usize
}

impl<const WORDS: usize> Live for [u64; WORDS] {
    fn first(n: usize) -> Self {
        std::array::from_fn(|word| u64::first(n.saturating_sub(64 * word).min(64)))
    }

    fn remove(&mut self, arm: usize) {
        self[arm / 64].remove(arm % 64);
    }

    fn contains(&self, arm: usize) -> bool {
        self[arm / 64].contains(arm % 64)
    }

    fn is_empty(&self) -> bool {
        self.iter().all(|word| *word == 0)
    }

    fn pick(&self, biased: bool) -> Option<usize> {
        let count = self.iter().map(|word| word.count_ones() as usize).sum();
        let mut skip = if biased { 0 } else { choose(count) };
        for (index, word) in self.iter().enumerate() {
            let ones = word.count_ones() as usize;
            if skip < ones {
                return Some(64 * index + nth(*word, skip));
            }
            skip -= ones;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Live;

    fn members<L: Live>(set: &L, n: usize) -> Vec<usize> {
        (0..n).filter(|&arm| set.contains(arm)).collect()
    }

    fn exercise<L: Live>(n: usize) {
        let mut set = L::first(n);
        assert_eq!(members(&set, n), (0..n).collect::<Vec<_>>());
        for arm in (0..n).step_by(2) {
            set.remove(arm);
        }
        let mut left = set;
        let mut drawn = Vec::new();
        while let Some(arm) = left.pick(false) {
            left.remove(arm);
            drawn.push(arm);
        }
        assert!(left.is_empty());
        drawn.sort_unstable();
        assert_eq!(drawn, members(&set, n));
        assert_eq!(set.pick(true), members(&set, n).first().copied());
    }

    #[test]
    fn draws_each_member_once() {
        for n in [0, 1, 2, 63, 64] {
            exercise::<u64>(n);
        }
        for n in [65, 100, 128] {
            exercise::<[u64; 2]>(n);
        }
        exercise::<[u64; 3]>(129);
    }

    #[test]
    fn choice_is_uniform() {
        let mut seen = [0u32; 128];
        let mut set = <[u64; 2]>::first(128);
        for arm in 0..128 {
            if arm % 16 != 3 {
                set.remove(arm);
            }
        }
        const TRIALS: u32 = 80_000;
        for _ in 0..TRIALS {
            seen[set.pick(false).unwrap()] += 1;
        }
        // 8 members: expected 10,000 each; 10 sigma are about 935.
        for arm in (3..128).step_by(16) {
            assert!(seen[arm].abs_diff(TRIALS / 8) < 935, "{arm}: {}", seen[arm]);
        }
    }
}

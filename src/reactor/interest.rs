//! What somebody wants to do with a socket.

use super::Direction;
use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What somebody wants to do with a socket: read, write, or both.
///
/// ```
/// use gort::io::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest(u8);

const READ: u8 = 1;
const WRITE: u8 = 2;

impl Interest {
    /// Reading, or accepting.
    pub const READABLE: Interest = Interest(READ);
    /// Writing.
    pub const WRITABLE: Interest = Interest(WRITE);

    /// Whether reading is wanted.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0 & READ != 0
    }

    /// Whether writing is wanted.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & WRITE != 0
    }

    /// Both.
    #[must_use]
    pub const fn add(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }

    /// What is left without `other`, if anything is.
    #[must_use]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        let rest = self.0 & !other.0;
        (rest != 0).then_some(Interest(rest))
    }

    /// The directions to wait for.
    pub(crate) fn directions(self) -> impl Iterator<Item = Direction> {
        let read = (self.0 & READ != 0).then_some(Direction::Read);
        let write = (self.0 & WRITE != 0).then_some(Direction::Write);
        read.into_iter().chain(write)
    }
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(READ, "READABLE"), (WRITE, "WRITABLE")];
        let names: Vec<_> =
            names.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name).collect();
        f.write_str(&names.join(" | "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interests_add_up_and_name_their_directions() {
        let both = Interest::READABLE | Interest::WRITABLE;
        assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
        assert_eq!(Interest::READABLE.remove(both), None);
        assert!(both.directions().eq([Direction::Read, Direction::Write]));
        assert!(Interest::WRITABLE.directions().eq([Direction::Write]));
        assert_eq!(format!("{both:?}"), "READABLE | WRITABLE");
    }
}

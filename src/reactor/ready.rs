//! What a socket is ready for.

use super::{Interest, Snapshot};
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

/// What a socket is ready for, as far as the reactor knows: an operation may block all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready(u8);

const READ: u8 = 1;
const WRITE: u8 = 2;
const READ_CLOSED: u8 = 4;
const WRITE_CLOSED: u8 = 8;
const ERROR: u8 = 16;

impl Ready {
    /// Nothing.
    pub const EMPTY: Ready = Ready(0);
    /// Reading.
    pub const READABLE: Ready = Ready(READ);
    /// Writing.
    pub const WRITABLE: Ready = Ready(WRITE);
    /// The other side writes no more.
    pub const READ_CLOSED: Ready = Ready(READ_CLOSED);
    /// Nothing can be written any more.
    pub const WRITE_CLOSED: Ready = Ready(WRITE_CLOSED);
    /// There is an error to fetch.
    pub const ERROR: Ready = Ready(ERROR);
    /// All of them.
    pub const ALL: Ready = Ready(READ | WRITE | READ_CLOSED | WRITE_CLOSED | ERROR);

    pub(crate) fn of(seen: Snapshot) -> Ready {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        Ready(
            bit(seen.is_readable(), READ)
                | bit(seen.is_writable(), WRITE)
                | bit(seen.is_read_closed(), READ_CLOSED)
                | bit(seen.is_write_closed(), WRITE_CLOSED)
                | bit(seen.is_error(), ERROR),
        )
    }

    /// The part of it that `interest` asks for. Errors concern everybody.
    pub(crate) fn for_interest(self, interest: Interest) -> Ready {
        let mut mask = ERROR;
        if interest.is_readable() {
            mask |= READ | READ_CLOSED;
        }
        if interest.is_writable() {
            mask |= WRITE | WRITE_CLOSED;
        }
        Ready(self.0 & mask)
    }

    /// Whether it is ready for nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether reading is worth trying.
    #[must_use]
    pub fn is_readable(self) -> bool {
        self.0 & (READ | READ_CLOSED) != 0
    }

    /// Whether writing is worth trying.
    #[must_use]
    pub fn is_writable(self) -> bool {
        self.0 & (WRITE | WRITE_CLOSED) != 0
    }

    /// Whether the other side writes no more.
    #[must_use]
    pub fn is_read_closed(self) -> bool {
        self.0 & READ_CLOSED != 0
    }

    /// Whether nothing can be written any more.
    #[must_use]
    pub fn is_write_closed(self) -> bool {
        self.0 & WRITE_CLOSED != 0
    }

    /// Whether there is an error to fetch.
    #[must_use]
    pub fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }
}

impl BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Ready) {
        self.0 |= other.0;
    }
}

impl BitAnd for Ready {
    type Output = Ready;

    fn bitand(self, other: Ready) -> Ready {
        Ready(self.0 & other.0)
    }
}

impl Sub for Ready {
    type Output = Ready;

    fn sub(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("is_readable", &self.is_readable())
            .field("is_writable", &self.is_writable())
            .field("is_read_closed", &self.is_read_closed())
            .field("is_write_closed", &self.is_write_closed())
            .field("is_error", &self.is_error())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interest_sees_its_own_direction_and_every_error() {
        let all = Ready::ALL.for_interest(Interest::READABLE);
        assert!(all.is_readable() && all.is_read_closed() && all.is_error());
        assert!(!all.is_writable() && !all.is_write_closed());
        assert_eq!(Ready::ALL - all, Ready::WRITABLE | Ready::WRITE_CLOSED);
        assert!(Ready::EMPTY.for_interest(Interest::WRITABLE).is_empty());
        assert!(Ready::READ_CLOSED.is_readable(), "reading returns the end at once");
        assert_eq!(Ready::ALL & Ready::ERROR, Ready::ERROR);
    }
}

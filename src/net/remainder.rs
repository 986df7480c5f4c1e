//! What a read leaves in its socket, for who reads messages of a fixed size.
//!
//! A read that gets less than there was room for has emptied the socket. One that fills its buffer may have
//! left something, so the next one has to ask, and if it finds nothing that was a system call for nothing: a
//! third of all calls where requests just fit into what reads them. Linux can say with each read how many bytes
//! are left (the option `TCP_INQ`, made for this), which makes a read some 70 ns longer; the call that is
//! saved takes 120 to 170. So a connection asks for it after [`ENOUGH`] calls for nothing, as long as most
//! reads gain by it.
//!
//! What the system says is what a short read says as well: the socket was empty at that moment. It counts the
//! end of the stream as a byte, and an error comes as an event of its own.

use super::os;
use crate::sys::sync::atomic::{AtomicU8, Ordering};
use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;

/// So many calls for nothing, less the reads that would not have gained, and the system is asked to tell.
const ENOUGH: u8 = 4;
/// The most that counts: after so many less [`ENOUGH`] reads that do not gain it is asked no more.
const MOST: u8 = 2 * ENOUGH;

/// What a read has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Less than there was room for.
    Short,
    /// As much as there was room for.
    Full,
    /// As much as there was room for, and nothing is left.
    All,
    /// As much as there was room for, and something is left.
    More,
    /// Nothing.
    Nothing,
}

/// What the reads of a connection have found, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct History(u8);

impl History {
    const NEW: History = History(0);
    const SCORE: u8 = 0x1f;
    /// The last read filled its buffer.
    const FULL: u8 = 1 << 5;
    /// The system has been asked to tell.
    const ASKED: u8 = 1 << 6;
    /// The system does not tell.
    const REFUSED: u8 = 1 << 7;

    fn score(self) -> u8 {
        self.0 & Self::SCORE
    }

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn with(self, flag: u8, set: bool) -> History {
        History(if set { self.0 | flag } else { self.0 & !flag })
    }

    fn pays(self) -> bool {
        self.score() >= ENOUGH && !self.has(Self::REFUSED)
    }

    fn after(self, found: Found) -> History {
        let gains = match found {
            Found::All => Some(true),
            Found::Nothing if self.has(Self::FULL) => Some(true),
            Found::Nothing => None,
            Found::Full if !self.has(Self::FULL) => None,
            Found::Full | Found::Short | Found::More => Some(false),
        };
        let score = match gains {
            Some(true) => (self.score() + 1).min(MOST),
            Some(false) => self.score().saturating_sub(1),
            None => self.score(),
        };
        History(self.0 & !Self::SCORE | score).with(Self::FULL, found == Found::Full)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Remainder(AtomicU8);

impl Remainder {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(History::NEW.0))
    }

    /// Receives into the start of `buf`, and initialises as much of it as is returned. Returns as well whether
    /// nothing is left.
    pub(super) fn recv(
        &self,
        io: &TcpStream,
        buf: &mut [MaybeUninit<u8>],
    ) -> io::Result<(usize, bool)> {
        // Ordering: Relaxed, here and below: it is a guess, and if two read at once one of their findings may be lost.
        let history = History(self.0.load(Ordering::Relaxed));
        let room = buf.len();
        let received = if history.pays() {
            os::recv_telling(io, buf)
        } else {
            os::recv(io, buf).map(|count| (count, None))
        };
        let found = match &received {
            Ok((count, _)) if *count < room => Found::Short,
            Ok((_, None)) => Found::Full,
            Ok((_, Some(0))) => Found::All,
            Ok((_, Some(_))) => Found::More,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Found::Nothing,
            Err(_) => Found::Short,
        };
        let mut now = history.after(found);
        if now.pays() && !now.has(History::ASKED) {
            let refused = os::tell_remainder(io, true).is_err();
            now = now.with(History::ASKED, true).with(History::REFUSED, refused);
        }
        if now != history {
            self.0.store(now.0, Ordering::Relaxed);
        }
        let (count, _) = received?;
        // A read of nothing is the end, which every read finds again.
        Ok((count, count > 0 && matches!(found, Found::Short | Found::All)))
    }

    /// Leaves the socket as its owner made it.
    pub(super) fn restore(&self, io: &TcpStream) {
        if History(self.0.load(Ordering::Relaxed)).has(History::ASKED) {
            // Refused or not: there is nothing to be done about it.
            let _ = os::tell_remainder(io, false);
        }
    }
}

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;
    use Found::{All, Full, More, Nothing, Short};

    /// Whether asking the system pays after `rounds` of these reads.
    fn pays_after(history: History, rounds: u8, reads: &[Found]) -> bool {
        let all = (0..rounds).flat_map(|_| reads);
        all.fold(history, |history, found| history.after(*found)).pays()
    }

    #[test]
    fn it_pays_once_enough_reads_have_filled_their_buffer_and_left_nothing() {
        assert!(!pays_after(History::NEW, ENOUGH - 1, &[Full, Nothing]));
        assert!(pays_after(History::NEW, ENOUGH, &[Full, Nothing]));
        assert!(!pays_after(History::NEW.with(History::REFUSED, true), 100, &[Full, Nothing]));
    }

    #[test]
    fn it_does_not_pay_where_reads_leave_something_or_have_room() {
        let patterns: [&[Found]; 6] = [
            &[Short],
            &[Short, Nothing],
            &[Nothing],
            &[Full],
            &[Full, Short, Nothing],
            // A header, and what belongs to it.
            &[Full, Full, Nothing],
        ];
        for reads in patterns {
            assert!(!pays_after(History::NEW, 100, reads), "{reads:?}");
        }
    }

    #[test]
    fn it_pays_as_long_as_most_reads_gain() {
        let told = (0..ENOUGH).fold(History::NEW, |history, _| history.after(Full).after(Nothing));
        assert!(pays_after(told, 100, &[All]));
        assert!(pays_after(told, 100, &[All, All, Short, More]));
        let often = (0..100).fold(told, |history, _| history.after(All));
        assert!(pays_after(often, MOST - ENOUGH, &[Short]));
        assert!(!pays_after(often, MOST - ENOUGH + 1, &[Short]));
        assert!(!pays_after(often, MOST - ENOUGH + 1, &[More]));
    }
}

//! `chan_ops`: one channel, everything that can be done with it.
//!
//! The first byte is the capacity (0 to 3); then each operation has three: what, where (which
//! goroutine, which waker, whether in the same poll as the one before) and a choice.

use super::bytes::Bytes;
use super::world::{Op, World};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let world = World::new(&[bytes.below(4)]);
    let mut ops = Vec::new();
    while !bytes.is_empty() {
        let (what, place, how) = (bytes.below(20), bytes.next(), bytes.below(64));
        let (channel, other_waker) = (0, place & 8 != 0);
        let op = match what {
            0..=4 => Op::Poll { task: how, other_waker },
            5..=6 => Op::Send { channel, how },
            7..=9 => Op::Recv { channel, how },
            10 => Op::Stream { channel, how },
            11 => Op::Closed { channel, how },
            12..=13 => Op::TrySend { channel, how },
            14 => Op::TryRecv { channel, how },
            15..=16 => Op::Drop { task: how },
            17 => Op::Clone { channel, how },
            18 => Op::Release { channel, how },
            _ => Op::Close { channel, how },
        };
        ops.push((usize::from(place & 3), place & 4 != 0, op));
    }
    world.run(ops);
}

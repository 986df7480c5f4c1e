//! `select_ops`: selects over one to four channels, nil ones among them, and what disturbs them.
//!
//! The first byte is the number of channels, then come their capacities. An operation has four bytes:
//! what, where (as in `chan_ops`), which channel and a choice; a select has a byte more for each arm.

use super::bytes::Bytes;
use super::world::{Op, World};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let capacities: Vec<usize> = (0..=bytes.below(4)).map(|_| bytes.below(3)).collect();
    let channels = capacities.len();
    let world = World::new(&capacities);
    let mut ops = Vec::new();
    while !bytes.is_empty() {
        let (what, place) = (bytes.below(20), bytes.next());
        let (channel, how) = (bytes.below(channels), bytes.below(64));
        let other_waker = place & 8 != 0;
        let op = match what {
            0..=4 => Op::Poll { task: how, other_waker },
            5..=9 => select(&mut bytes, how),
            10 => Op::Send { channel, how },
            11..=12 => Op::Recv { channel, how },
            13 => Op::TrySend { channel, how },
            14 => Op::TryRecv { channel, how },
            15 => Op::Stream { channel, how },
            16..=17 => Op::Drop { task: how },
            18 => Op::Close { channel, how },
            _ if how % 2 == 0 => Op::Clone { channel, how: how / 2 },
            _ => Op::Release { channel, how: how / 2 },
        };
        ops.push((usize::from(place & 3), place & 4 != 0, op));
    }
    world.run(ops);
}

fn select(bytes: &mut Bytes<'_>, how: usize) -> Op {
    let arms = (0..how % 5).map(|_| (usize::from(bytes.next() / 2), bytes.flag())).collect();
    Op::Select {
        arms,
        default: how & 8 != 0 && how & 16 != 0,
        biased: how & 8 != 0,
        by_macro: how & 32 == 0,
        narrow: how & 16 != 0,
    }
}

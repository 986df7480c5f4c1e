//! Memory of tasks that wait.

use super::{Row, Unit, all, go, kinds, may, row};
use crate::chan::{AsyncChannel, CrossfireMpmc, Flume, GortChan, Kanal};
use crate::work::{memory, stackful};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "mem_recv",
            "a task blocked in a receive",
            Unit::Bytes,
            false,
            all([
                vec![go("go")],
                impls![once memory::own_oneshot; Tokio "own-oneshot/tokio" (Tokio)],
                impls![once memory::recv;
                    Gort "gort" (Gort, GortChan),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "flume/smol-static" (SmolStatic, Flume),
                    Peer "crossfire-mpmc/tokio" (Tokio, CrossfireMpmc),
                    Peer "crossfire-mpmc/smol-static" (SmolStatic, CrossfireMpmc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may(20k)", kinds::Stackful, stackful::mem_recv),
            ]),
        ),
        row(
            "mem_sleep",
            "a task asleep",
            Unit::Bytes,
            false,
            all([
                vec![go("go")],
                impls![once memory::sleep;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol" (Smol),
                    Peer "smol-static" (SmolStatic),
                ],
            ]),
        ),
        row(
            "mem_pending",
            "a task that is never ready",
            Unit::Bytes,
            false,
            // smol's static executor keeps no waker of its tasks: such a one would be freed at once.
            all([
                vec![go("go")],
                impls![once memory::pending;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol" (Smol),
                ],
            ]),
        ),
    ]
}

//! Channels between one and one, many and one, many and many.

use super::{Row, Unit, all, go, kinds, may, row};
use crate::chan::{
    AsyncChannel, CrossfireMpmc, CrossfireMpsc, CrossfireSpsc, Flume, FuturesMpsc, GortChan, Kanal,
    TokioMpsc,
};
use crate::work::{channels, stackful};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "pingpong_unbuf",
            "a round trip",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::pingpong;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Gort "gort/current_thread" (GortLocal, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio-current_thread" (TokioLocal, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "flume/smol-static" (SmolStatic, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel(cap1)/smol-static" (SmolStatic, AsyncChannel),
                    Peer "futures-mpsc(cap1)/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-spsc(cap1)/tokio" (Tokio, CrossfireSpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may-spsc(unbounded)", kinds::Unbounded, |p| {
                    stackful::run(p, stackful::pingpong)
                }),
            ]),
        ),
        row(
            "spsc_buf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::spsc_buf;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireSpsc),
                    Peer "crossfire-spsc/smol-static" (SmolStatic, CrossfireSpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may-spsc(unbounded)", kinds::Unbounded, |p| {
                    stackful::run(p, stackful::one_to_one)
                }),
            ]),
        ),
        row(
            "spsc_unbuf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::spsc_unbuf;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "flume/smol-static" (SmolStatic, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Peer "futures-mpsc(cap1)/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-spsc(cap1)/tokio" (Tokio, CrossfireSpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "mpsc_buf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::mpsc_buf;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesMpsc),
                    Peer "crossfire-mpsc/tokio" (Tokio, CrossfireMpsc),
                    Peer "crossfire-mpsc/smol-static" (SmolStatic, CrossfireMpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "mpmc_buf",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![channels::mpmc_buf;
                    Gort "gort" (Gort, GortChan),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel/tokio" (Tokio, AsyncChannel),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannel),
                    Peer "crossfire-mpmc/tokio" (Tokio, CrossfireMpmc),
                    Peer "crossfire-mpmc/smol-static" (SmolStatic, CrossfireMpmc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
    ]
}

//! Whole programs of a few lines.

use super::{Row, Unit, all, go, kinds, may, row};
use crate::chan::{AsyncChannel, CrossfireMpsc, Flume, GortChan, Kanal, TokioMpsc};
use crate::work::{patterns, stackful};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "ring",
            "a hop",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![patterns::ring;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
                may("may-spsc(unbounded)", kinds::Unbounded, |p| stackful::run(p, stackful::ring)),
            ]),
        ),
        row(
            "sieve",
            "the whole",
            Unit::Ms,
            true,
            all([
                vec![go("go")],
                impls![patterns::sieve;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "skynet",
            "the whole",
            Unit::Ms,
            true,
            all([
                vec![go("go")],
                impls![patterns::skynet;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioMpsc),
                    Peer "flume/tokio" (Tokio, Flume),
                    Peer "async-channel(cap1)/tokio" (Tokio, AsyncChannel),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                    Lossy "kanal/smol-static" (SmolStatic, Kanal),
                ],
            ]),
        ),
        row(
            "skynet_cap10",
            "the whole",
            Unit::Ms,
            false,
            all([
                vec![go("go")],
                impls![patterns::skynet_cap10;
                    Gort "gort" (Gort, GortChan),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioMpsc),
                    Peer "crossfire-mpsc/tokio" (Tokio, CrossfireMpsc),
                    Lossy "kanal/tokio" (Tokio, Kanal),
                ],
            ]),
        ),
    ]
}

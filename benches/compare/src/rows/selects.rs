//! Selects over channels.

use super::{Row, Unit, all, go, row};
use crate::work::select::{
    self, AsyncChannelDefault, AsyncChannelSelect, CrossfireDefault, CrossfireSelect, FlumeDefault,
    FlumeSelect, FuturesDefault, FuturesSelect, GortSelect, KanalDefault, TokioBiased,
    TokioDefault, TokioSelect, TokioSelectDefault,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "select_2",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![select::select_2;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioSelect),
                    Biased "tokio-mpsc(biased)/tokio" (Tokio, TokioBiased),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelSelect),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannelSelect),
                    Peer "flume/tokio" (Tokio, FlumeSelect),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireSelect),
                    Peer "futures::select!+mpsc/tokio" (Tokio, FuturesSelect),
                ],
            ]),
        ),
        row(
            "select_8",
            "an item",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![select::select_8;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioSelect),
                    Biased "tokio-mpsc(biased)/tokio" (Tokio, TokioBiased),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelSelect),
                    Peer "async-channel/smol-static" (SmolStatic, AsyncChannelSelect),
                    Peer "flume/tokio" (Tokio, FlumeSelect),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireSelect),
                    Peer "futures::select!+mpsc/tokio" (Tokio, FuturesSelect),
                ],
            ]),
        ),
        row(
            "select_default",
            "a select",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![select::select_default;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioDefault),
                    Tokio "tokio::select!+mpsc/tokio" (Tokio, TokioSelectDefault),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesDefault),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelDefault),
                    Peer "flume/tokio" (Tokio, FlumeDefault),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireDefault),
                    Lossy "kanal/tokio" (Tokio, KanalDefault),
                ],
            ]),
        ),
        row(
            "select_default_2",
            "a select",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![select::select_default_2;
                    Gort "gort" (Gort, GortSelect),
                    Tokio "tokio-mpsc/tokio" (Tokio, TokioDefault),
                    Tokio "tokio::select!+mpsc/tokio" (Tokio, TokioSelectDefault),
                    Peer "futures-mpsc/tokio" (Tokio, FuturesDefault),
                    Peer "async-channel/tokio" (Tokio, AsyncChannelDefault),
                    Peer "flume/tokio" (Tokio, FlumeDefault),
                    Peer "crossfire-spsc/tokio" (Tokio, CrossfireDefault),
                    Lossy "kanal/tokio" (Tokio, KanalDefault),
                ],
            ]),
        )
        .note(
            "gort and Go choose at random between two channels that have something. The peers try one \
             channel and then the other, and tokio's select takes the first arm",
        ),
    ]
}

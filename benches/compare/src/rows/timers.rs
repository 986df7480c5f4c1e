//! Timers.

use super::{GortWg, Row, Unit, all, go, go_shown, kinds, row};
use crate::rt::Counter;
use crate::work::tickers::{self, GortInterval, GortTicker, SmolInterval, TokioInterval};
use crate::work::timers::{
    self, FlumeTokioSelect, GortTimerSelect, KanalSmolSelect, KanalTokioSelect, SmolTimerSelect,
    TokioTimerSelect,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "sleep_many",
            "the whole",
            Unit::Ms,
            false,
            all([
                vec![go("go")],
                impls![timers::sleep_many;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    Peer "smol" (Smol, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                ],
            ]),
        ),
        row(
            "timer_churn",
            "a timeout made and cancelled",
            Unit::Ns,
            false,
            all([
                vec![
                    go("go-AfterFunc"),
                    go_shown("go-NewTimer-noblock", kinds::NoHeap),
                    go("go-ctx"),
                ],
                impls![timers::churn;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol-static" (SmolStatic),
                ],
            ]),
        ),
        row(
            "timer_churn_100k",
            "a timeout made and cancelled",
            Unit::Ns,
            false,
            all([
                vec![go("go-AfterFunc")],
                impls![timers::churn_100k;
                    Gort "gort" (Gort),
                    Tokio "tokio" (Tokio),
                    Peer "smol-static" (SmolStatic),
                ],
            ]),
        ),
        row(
            "timer_select",
            "a select",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![timers::timer_select;
                    Gort "gort" (Gort, GortTimerSelect),
                    Tokio "tokio-mpsc(cap1)/tokio" (Tokio, TokioTimerSelect),
                    Peer "flume/tokio" (Tokio, FlumeTokioSelect),
                    Peer "async-channel(cap1)/smol-static" (SmolStatic, SmolTimerSelect),
                    Lossy "kanal/tokio" (Tokio, KanalTokioSelect),
                    Lossy "kanal/smol-static" (SmolStatic, KanalSmolSelect),
                ],
            ]),
        ),
        row(
            "ticker",
            "a tick",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![tickers::tickers;
                    Gort "gort/Ticker" (Gort, GortTicker),
                    Gort "gort/interval" (Gort, GortInterval),
                    Tokio "tokio" (Tokio, TokioInterval),
                    Peer "smol" (Smol, SmolInterval),
                    Peer "smol-static" (SmolStatic, SmolInterval),
                ],
            ]),
        )
        .note("the figure is the CPU's time; that of the clock is given"),
    ]
}

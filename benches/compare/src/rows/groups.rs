//! Groups of tasks, and calls that are shared.

use super::{GortWg, Row, Unit, all, go, row};
use crate::rt::Counter;
use crate::work::flights::{self, AsyncCells, GortFlights, SharedFutures, TokioCells};
use crate::work::groups::{self, GortGroup, SmolGroup, TokioSet, Tracker};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "errgroup_1000",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![groups::groups;
                    Gort "gort" (Gort, GortGroup),
                    Tokio "tokio-JoinSet/tokio" (Tokio, TokioSet),
                    Tokio "tokio_util-TaskTracker/tokio" (Tokio, Tracker),
                    Peer "counter/smol-static" (SmolStatic, SmolGroup),
                ],
            ]),
        )
        .note(
            "golang.org/x/sync is no part of Go: its errgroup is written anew on its standard library. JoinSet collects \
             every result; in the tracker's and smol's groups the members keep the first error",
        ),
        row(
            "singleflight",
            "a task that asks",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![flights::hits;
                    Gort "gort" (Gort, GortFlights, GortWg),
                    Tokio "map-of-OnceCell/tokio" (Tokio, TokioCells, Counter),
                    Peer "map-of-async-lock-OnceCell/smol-static" (SmolStatic, AsyncCells, Counter),
                    Peer "map-of-futures-Shared/tokio" (Tokio, SharedFutures, Counter),
                    Peer "map-of-futures-Shared/smol-static" (SmolStatic, SharedFutures, Counter),
                ],
            ]),
        )
        .note(
            "golang.org/x/sync is no part of Go: its singleflight is written anew on its standard library. The others are \
             maps under a lock, from which whoever began a call takes it out again",
        ),
    ]
}

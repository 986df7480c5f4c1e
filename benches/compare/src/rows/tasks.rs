//! Tasks: started, yielding, waited for, and beside one that is stuck.

use super::{GortWg, Row, Unit, all, go, kinds, may, row};
use crate::rt::Counter;
use crate::work::{groups, stackful, tasks};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "spawn_join",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::spawn_join_handles;
                    Gort "gort/handles" (Gort),
                    Tokio "tokio/handles" (Tokio),
                    Gort "gort/current_thread/handles" (GortLocal),
                    Tokio "tokio-current_thread/handles" (TokioLocal),
                    Peer "smol/handles" (Smol),
                    Peer "smol-static/handles" (SmolStatic),
                ],
                impls![tasks::spawn_join_wg;
                    Gort "gort/wg" (Gort, GortWg),
                    Tokio "tokio/wg" (Tokio, Counter),
                    Gort "gort/current_thread/wg" (GortLocal, GortWg),
                    Tokio "tokio-current_thread/wg" (TokioLocal, Counter),
                    Peer "smol/wg" (Smol, Counter),
                    Peer "smol-static/wg" (SmolStatic, Counter),
                    Peer "futures-pool/wg" (FuturesPool, Counter),
                ],
                may("may(waves-of-10k)", kinds::Stackful, |p| {
                    stackful::run(p, stackful::spawn_join)
                }),
            ]),
        ),
        row(
            "spawn_from_task",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::spawn_from_task;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    Gort "gort/current_thread" (GortLocal, GortWg),
                    Tokio "tokio-current_thread" (TokioLocal, Counter),
                    Peer "smol" (Smol, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                    Peer "futures-pool" (FuturesPool, Counter),
                ],
                may("may(depth-12)", kinds::Stackful, |p| {
                    stackful::run(p, stackful::spawn_from_task)
                }),
            ]),
        ),
        row(
            "yield",
            "a yield",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::yields;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    Gort "gort/current_thread" (GortLocal, GortWg),
                    Tokio "tokio-current_thread" (TokioLocal, Counter),
                    Peer "smol" (Smol, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::yields)),
            ]),
        ),
        row(
            "waitgroup",
            "a task",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![tasks::waitgroup;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio/counter" (Tokio, Counter),
                    Peer "smol-static/counter" (SmolStatic, Counter),
                ],
                impls![groups::join_set_rounds; Tokio "tokio/JoinSet" (Tokio)],
                impls![groups::tracker_rounds; Tokio "tokio/TaskTracker" (Tokio)],
            ]),
        ),
        row(
            "handoff_stall",
            "the longest pause of the others",
            Unit::Us,
            true,
            all([
                vec![go("go")],
                impls![tasks::handoff_stall;
                    Gort "gort" (Gort, GortWg),
                    Tokio "tokio" (Tokio, Counter),
                    Peer "smol-static" (SmolStatic, Counter),
                ],
            ]),
        )
        .unpinned(),
    ]
}

//! Conditions and semaphores.

use super::{Row, Unit, all, go, go_shown, kinds, row};
use crate::work::conditions::{self, BareEvent, BareNotify, EventCond, GortCond, TokioCond};
use crate::work::semaphores::{self, AsyncSemaphore, GortSemaphore, TokioSemaphore};

/// The semaphore's contestants on Go's side.
const ON_STD: &str = "golang.org/x/sync is no part of Go: its semaphore (a list of who waits, under a lock) is written anew on \
     its standard library";

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "cond_pingpong",
            "a round trip",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![conditions::ping_pong;
                    Gort "gort" (Gort, GortCond),
                    Tokio "tokio-Mutex+Notify/tokio" (Tokio, TokioCond),
                    Peer "async-lock+event-listener/tokio" (Tokio, EventCond),
                    Peer "async-lock+event-listener/smol-static" (SmolStatic, EventCond),
                    BareNotice "std-Mutex+Notify/tokio" (Tokio, BareNotify),
                    BareNotice "std-Mutex+event-listener/tokio" (Tokio, BareEvent),
                ],
            ]),
        ),
        row(
            "cond_broadcast",
            "a task woken",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![conditions::broadcast;
                    Gort "gort" (Gort, GortCond),
                    Tokio "tokio-Mutex+Notify/tokio" (Tokio, TokioCond),
                    Peer "async-lock+event-listener/tokio" (Tokio, EventCond),
                    Peer "async-lock+event-listener/smol-static" (SmolStatic, EventCond),
                    BareNotice "std-Mutex+Notify/tokio" (Tokio, BareNotify),
                    BareNotice "std-Mutex+event-listener/tokio" (Tokio, BareEvent),
                ],
            ]),
        ),
        row(
            "semaphore_uncontended",
            "an acquire and a release",
            Unit::Ns,
            false,
            all([
                vec![go("go"), go_shown("go-channel", kinds::NoWeights)],
                impls![semaphores::uncontended;
                    Gort "gort" (Gort, GortSemaphore),
                    Tokio "tokio" (Tokio, TokioSemaphore),
                    NoWeights "async-lock/tokio" (Tokio, AsyncSemaphore),
                ],
            ]),
        )
        .note(ON_STD),
        row(
            "semaphore_contended",
            "an acquire and a release",
            Unit::Ns,
            true,
            all([
                vec![go("go"), go_shown("go-channel", kinds::NoWeights)],
                impls![semaphores::contended;
                    Gort "gort" (Gort, GortSemaphore),
                    Tokio "tokio" (Tokio, TokioSemaphore),
                    NoWeights "async-lock/tokio" (Tokio, AsyncSemaphore),
                    NoWeights "async-lock/smol-static" (SmolStatic, AsyncSemaphore),
                ],
            ]),
        )
        .note(ON_STD),
    ]
}

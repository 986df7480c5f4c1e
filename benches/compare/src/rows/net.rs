//! Sockets.

use super::{Row, Unit, all, go, kinds, may, row};
use crate::work::net::{self, GortNet, SmolNet, TokioNet};
use crate::work::stackful;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "tcp_echo_1",
            "a request",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![net::echo_1;
                    Gort "gort" (Gort, GortNet),
                    Tokio "tokio" (Tokio, TokioNet),
                    Gort "gort/current_thread" (GortLocal, GortNet),
                    Tokio "tokio-current_thread" (TokioLocal, TokioNet),
                    Peer "smol" (Smol, SmolNet),
                    Peer "smol-static" (SmolStatic, SmolNet),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::echo_1)),
            ]),
        ),
        row(
            "tcp_echo_64",
            "a request",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![net::echo_64;
                    Gort "gort" (Gort, GortNet),
                    Tokio "tokio" (Tokio, TokioNet),
                    Gort "gort/current_thread" (GortLocal, GortNet),
                    Tokio "tokio-current_thread" (TokioLocal, TokioNet),
                    Peer "smol" (Smol, SmolNet),
                    Peer "smol-static" (SmolStatic, SmolNet),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::echo_64)),
            ]),
        ),
        row(
            "tcp_echo_2000",
            "a request",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![net::echo_2000;
                    Gort "gort" (Gort, GortNet),
                    Tokio "tokio" (Tokio, TokioNet),
                    Peer "smol" (Smol, SmolNet),
                    Peer "smol-static" (SmolStatic, SmolNet),
                ],
                may("may", kinds::Stackful, |p| stackful::run(p, stackful::echo_2000)),
            ]),
        ),
    ]
}

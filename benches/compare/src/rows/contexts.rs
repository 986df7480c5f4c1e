//! Contexts.

use super::{Row, Unit, all, go, row};
use crate::work::contexts::{
    self, GortContext, GortDeadline, Token, TokenAndTask, TokenAndTimeout,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "context_children",
            "a child made and dropped",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![contexts::children;
                    Gort "gort" (Gort, GortContext),
                    Tokio "tokio_util-token/tokio" (Tokio, Token),
                ],
            ]),
        ),
        row(
            "context_tree_1000",
            "a descendant cancelled",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![contexts::tree_1000;
                    Gort "gort" (Gort, GortContext),
                    Tokio "tokio_util-token/tokio" (Tokio, Token),
                ],
            ]),
        ),
        row(
            "context_tree_10000",
            "a descendant cancelled",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![contexts::tree_10000;
                    Gort "gort" (Gort, GortContext),
                    Tokio "tokio_util-token/tokio" (Tokio, Token),
                ],
            ]),
        ),
        row(
            "context_deadline",
            "a context with a deadline made and dropped",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![contexts::deadlines;
                    Gort "gort" (Gort, GortDeadline),
                    Tokio "tokio_util-token+task/tokio" (Tokio, TokenAndTask),
                    OneFuture "tokio_util-token+timeout/tokio" (Tokio, TokenAndTimeout),
                ],
            ]),
        )
        .note("tokio has no token with a deadline: a task that sleeps cancels it"),
    ]
}

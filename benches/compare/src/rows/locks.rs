//! Locks: for one, and for many readers or one writer; and what is done once.

use super::{Row, Unit, all, go, kinds, may, row};
use crate::work::locks::{
    self, AsyncLock, FuturesMutex, GortMutex, ParkingLot, StdMutex, TokioMutex,
};
use crate::work::once::{self, AsyncOnceCell, GortOnce, ParkingLotOnce, StdOnce, TokioOnceCell};
use crate::work::rw_locks::{self, AsyncRwLock, GortRwLock, ParkingLotRw, StdRwLock, TokioRwLock};
use crate::work::stackful;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "mutex_contended",
            "a lock",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![locks::contended;
                    Gort "gort" (Gort, GortMutex),
                    Tokio "tokio-Mutex/tokio" (Tokio, TokioMutex),
                    Peer "async-lock/tokio" (Tokio, AsyncLock),
                    Peer "async-lock/smol-static" (SmolStatic, AsyncLock),
                    Peer "futures-Mutex/tokio" (Tokio, FuturesMutex),
                    Blocks "std-Mutex/tokio" (Tokio, StdMutex),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLot),
                ],
                may("may-Mutex", kinds::Stackful, |p| stackful::run(p, stackful::mutex_contended)),
            ]),
        ),
        row(
            "mutex_uncontended",
            "a lock",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![locks::uncontended;
                    Gort "gort" (Gort, GortMutex),
                    Tokio "tokio-Mutex/tokio" (Tokio, TokioMutex),
                    Peer "async-lock/tokio" (Tokio, AsyncLock),
                    Peer "futures-Mutex/tokio" (Tokio, FuturesMutex),
                    Blocks "std-Mutex/tokio" (Tokio, StdMutex),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLot),
                ],
                may("may-Mutex", kinds::Stackful, |p| {
                    stackful::run(p, stackful::mutex_uncontended)
                }),
            ]),
        ),
        row(
            "rwmutex_read",
            "a lock",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![rw_locks::read;
                    Gort "gort" (Gort, GortRwLock),
                    Tokio "tokio-RwLock/tokio" (Tokio, TokioRwLock),
                    Peer "async-lock/tokio" (Tokio, AsyncRwLock),
                    Peer "async-lock/smol-static" (SmolStatic, AsyncRwLock),
                    Blocks "std-RwLock/tokio" (Tokio, StdRwLock),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLotRw),
                ],
            ]),
        ),
        row(
            "rwmutex_read_only",
            "a lock",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![rw_locks::read_only;
                    Gort "gort" (Gort, GortRwLock),
                    Tokio "tokio-RwLock/tokio" (Tokio, TokioRwLock),
                    Peer "async-lock/tokio" (Tokio, AsyncRwLock),
                    Peer "async-lock/smol-static" (SmolStatic, AsyncRwLock),
                    Blocks "std-RwLock/tokio" (Tokio, StdRwLock),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLotRw),
                ],
            ]),
        )
        .note(
            "a lock whose readers do not slow each other down takes half as long as in the row @1",
        ),
        row(
            "once_done",
            "a call",
            Unit::Ns,
            true,
            all([
                vec![go("go")],
                impls![once::done;
                    Gort "gort" (Gort, GortOnce),
                    Tokio "tokio-OnceCell/tokio" (Tokio, TokioOnceCell),
                    Peer "async-lock-OnceCell/tokio" (Tokio, AsyncOnceCell),
                    Peer "async-lock-OnceCell/smol-static" (SmolStatic, AsyncOnceCell),
                    Blocks "std-Once/tokio" (Tokio, StdOnce),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLotOnce),
                ],
            ]),
        ),
        row(
            "once_first",
            "a new one and its first call",
            Unit::Ns,
            false,
            all([
                vec![go("go")],
                impls![once::first;
                    Gort "gort" (Gort, GortOnce),
                    Tokio "tokio-OnceCell/tokio" (Tokio, TokioOnceCell),
                    Peer "async-lock-OnceCell/tokio" (Tokio, AsyncOnceCell),
                    Blocks "std-Once/tokio" (Tokio, StdOnce),
                    Blocks "parking_lot/tokio" (Tokio, ParkingLotOnce),
                ],
            ]),
        ),
    ]
}

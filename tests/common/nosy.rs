//! A waker that notices what is done to it.

#![expect(
    unsafe_code,
    reason = "a waker made by hand is the only one that notices its clones and drops"
)]

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What is done to a waker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Clone,
    Wake,
    Drop,
}

type Notice = Arc<dyn Fn(Call) + Send + Sync>;

/// A waker that calls `notice` whenever it is cloned, woken or dropped. A wake by value is a wake and no
/// drop.
pub(crate) fn nosy_waker(notice: impl Fn(Call) + Send + Sync + 'static) -> Waker {
    let notice: Notice = Arc::new(notice);
    // SAFETY: the table keeps the counts of an `Arc`, which is `Send + Sync`.
    unsafe { Waker::from_raw(raw(&notice)) }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        let notice = borrow(data);
        notice(Call::Clone);
        raw(&notice)
    },
    |data| own(data)(Call::Wake),
    |data| borrow(data)(Call::Wake),
    |data| own(data)(Call::Drop),
);

/// One count of `notice`, as the data of a waker.
fn raw(notice: &Notice) -> RawWaker {
    RawWaker::new(Box::into_raw(Box::new(Arc::clone(notice))).cast_const().cast(), &TABLE)
}

/// What a waker's data stand for, while the waker lives.
fn borrow(data: *const ()) -> ManuallyDrop<Box<Notice>> {
    ManuallyDrop::new(own(data))
}

/// What a waker's data stand for, at its end.
fn own(data: *const ()) -> Box<Notice> {
    // SAFETY: every `data` is from `raw`; the callers keep it or let it go as the waker does.
    unsafe { Box::from_raw(data.cast_mut().cast()) }
}

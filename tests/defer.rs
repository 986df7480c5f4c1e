//! `defer!`: per scope, last in first out, on every way out.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

#[test]
fn runs_in_reverse_order_at_the_end_of_the_scope() {
    let log = RefCell::new(String::new());
    {
        gort::defer! { log.borrow_mut().push('a') }
        gort::defer! { log.borrow_mut().push('b') }
        {
            gort::defer! { log.borrow_mut().push('c') }
        }
        log.borrow_mut().push('-');
    }
    assert_eq!(*log.borrow(), "c-ba");
}

#[test]
fn runs_on_return_break_and_question_mark() {
    fn leave(count: &Cell<u32>, early: bool) -> Option<()> {
        for _ in 0..3 {
            gort::defer! { count.set(count.get() + 1) }
            if early {
                break;
            }
        }
        gort::defer! { count.set(count.get() + 10) }
        early.then_some(())?;
        Some(())
    }
    let count = Cell::new(0);
    leave(&count, true);
    assert_eq!(count.get(), 11);
    leave(&count, false);
    assert_eq!(count.get(), 24);
}

#[test]
fn move_keeps_what_was_there() {
    let seen = Cell::new(0);
    {
        let mut n = 1;
        let seen = &seen;
        gort::defer!(move {
            seen.set(n);
        });
        n += 1;
        assert_eq!(n, 2);
    }
    assert_eq!(seen.get(), 1);
}

#[test]
fn runs_while_a_panic_unwinds() {
    let ran = Cell::new(false);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        gort::defer! { ran.set(true) }
        panic!("out");
    }));
    assert!(caught.is_err());
    assert!(ran.get());
}

#[test]
fn runs_when_a_future_is_dropped_while_it_waits() {
    let ran = Cell::new(false);
    {
        let mut waiting = pin!(async {
            gort::defer! { ran.set(true) }
            std::future::pending::<()>().await;
        });
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(cx).is_pending());
        assert!(!ran.get());
    }
    assert!(ran.get());
}

//! What a select says about itself while it waits.

use super::Select;
use crate::chan::Chan;
use crate::runtime::{go, run};
use crate::select;
use crate::task::yield_now;
use crate::wait::record::{self, Record, WaitReason};
use std::future::Future;
use std::sync::{Arc, OnceLock};

/// Starts a goroutine that waits, and returns what its record says then: why, and on which line.
async fn waits<F: Future + Send + 'static>(future: F) -> (WaitReason, u32) {
    let cell = Arc::new(OnceLock::<&'static Record>::new());
    let inner = cell.clone();
    let goroutine = go(async move {
        inner.set(record::current().expect("a goroutine has a record")).unwrap();
        future.await;
    });
    let waiting = [WaitReason::Select, WaitReason::SelectNoCases];
    let said = loop {
        yield_now().await;
        let Some(record) = cell.get() else { continue };
        let (reason, _) = record.reason();
        if waiting.contains(&reason) {
            let site = record.site().expect("it says where");
            assert!(site.file().ends_with("tests.rs"), "{site}");
            break (reason, site.line());
        }
    };
    goroutine.abort();
    let _ = goroutine.await;
    said
}

#[test]
fn a_select_that_waits_says_so_and_where() {
    run(async {
        let never = Chan::<i32>::new(0);
        let (a, b) = (never.clone(), never.clone());
        let channels = async move {
            select! { <-a => {}, <-b => {} }
        };
        assert_eq!(waits(channels).await, (WaitReason::Select, line!() - 2));
        let futures = async {
            select! { () = std::future::pending() => {} }
        };
        assert_eq!(waits(futures).await, (WaitReason::Select, line!() - 2));
        let nil = async {
            let nil = Chan::<i32>::nil();
            select! { <-nil => {} }
        };
        assert_eq!(waits(nil).await, (WaitReason::Select, line!() - 2));
        let nothing = async {
            select! {}
        };
        assert_eq!(waits(nothing).await, (WaitReason::SelectNoCases, line!() - 2));
        let dynamic = async move {
            let mut select = Select::new();
            select.recv(&never, |_, _| ());
            select.await
        };
        assert_eq!(waits(dynamic).await, (WaitReason::Select, line!() - 2));
        let empty = async { Select::<()>::new().wait().await };
        assert_eq!(waits(empty).await, (WaitReason::SelectNoCases, line!() - 1));
    });
}

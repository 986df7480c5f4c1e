//! What becomes of a goroutine's panic.
//!
//! A caught panic travels as a [`Report`] inside the task's outcome. While the `JoinHandle` lives,
//! the panic is the handle's: awaiting it yields the panic as a `JoinError`. A report that is
//! dropped without having been yielded (the handle is gone, or goes) decides by the goroutine's
//! policy: after `go` it is fatal, as in Go; after `spawn` it is counted, as in tokio.

use super::goroutine::{Meta, Policy};
use super::shared::Shared;
use crate::sys::unwind;
use std::any::Any;
use std::fmt::Write as _;
use std::panic::Location;
use std::sync::Arc;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// The payload that `goexit` unwinds with.
#[derive(Debug)]
pub(crate) struct GoexitToken;

pub(crate) fn is_goexit(payload: &(dyn Any + Send)) -> bool {
    payload.is::<GoexitToken>()
}

/// What a panic that was caught and raised again unwinds with.
#[derive(Debug)]
struct Repanicked(Payload);

/// Raises a panic again that was caught. The report of it says so, as Go's does.
pub(crate) fn repanic(payload: Payload) -> ! {
    std::panic::resume_unwind(Box::new(Repanicked(payload)))
}

/// A goroutine's panic, until somebody has been told.
#[derive(Debug)]
pub(crate) struct Report {
    payload: Option<Payload>,
    repanicked: bool,
    id: u64,
    parent: u64,
    created: Option<&'static Location<'static>>,
    policy: Policy,
    runtime: Option<Arc<Shared>>,
}

impl Report {
    #[cold]
    pub(crate) fn new(meta: &Meta, payload: Payload) -> Box<Self> {
        // A task that was refused may have no runtime any more: nobody counts, and nothing is stopped.
        let runtime = meta.is_listed().then(|| Shared::of_task(meta));
        if let Some(runtime) = &runtime {
            runtime.count_panic();
        }
        let (payload, repanicked) = match payload.downcast::<Repanicked>() {
            Ok(again) => (again.0, true),
            Err(payload) => (payload, false),
        };
        Box::new(Self {
            payload: Some(payload),
            repanicked,
            id: meta.id(),
            parent: meta.record.map_or(0, |r| r.parent()),
            created: meta.record.and_then(|r| r.created()),
            policy: meta.policy,
            runtime,
        })
    }

    /// Yields the panic: from here on it is the caller's.
    pub(crate) fn into_payload(mut self) -> Payload {
        self.payload.take().unwrap_or_else(|| Box::new("the panic was taken before"))
    }

    /// The panic message, if it is text.
    pub(crate) fn message(&self) -> &str {
        self.payload.as_deref().map_or("", message)
    }

    /// Go's report of a crash.
    pub(crate) fn text(&self) -> String {
        let again = if self.repanicked { " [recovered, repanicked]" } else { "" };
        let (message, id) = (self.message(), self.id);
        let mut text = format!("panic: {message}{again}\n\ngoroutine {id} [running]:");
        if let (Some(at), true) = (self.created, self.id != 1) {
            let _ = write!(text, "\ncreated by goroutine {} at {at}", self.parent);
        }
        text
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.payload.is_none() {
            return;
        }
        let text = self.text();
        match (self.payload.take(), &self.runtime) {
            (payload, Some(runtime)) if self.policy == Policy::Go => runtime.fatal(text, payload),
            (Some(payload), _) => unwind::drop_payload(payload),
            (None, _) => {}
        }
    }
}

/// The text of a panic payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a value that is no text)"
    }
}

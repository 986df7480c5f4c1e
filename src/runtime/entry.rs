//! What `#[gort::main]` expands to. Not public API.
//!
//! Go's `main` is goroutine 1, which may run on any worker. A future that may not leave its thread is
//! polled by `block_on` instead, as tokio does; method lookup decides by the future's type, which is
//! why [`Goroutine`] is implemented for one reference more than [`OnCaller`].

use super::Builder;
use std::marker::PhantomData;

/// The type of a future, for method lookup.
#[derive(Debug)]
pub struct Probe<F>(PhantomData<fn(F)>);

/// The [`Probe`] for `future`.
pub fn probe<F>(_future: &F) -> Probe<F> {
    Probe(PhantomData)
}

/// Of futures that may become a goroutine.
pub trait Goroutine<F: Future> {
    /// Runs `main` as goroutine 1 of the runtime that `builder` describes.
    fn run(self, builder: &mut Builder, main: F) -> F::Output;
}

/// Of all other futures.
pub trait OnCaller<F: Future> {
    /// Polls `main` on this thread.
    fn run(self, builder: &mut Builder, main: F) -> F::Output;
}

impl<F> Goroutine<F> for &&Probe<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn run(self, builder: &mut Builder, main: F) -> F::Output {
        builder.build().expect("Failed building the Runtime").run(main)
    }
}

impl<F: Future> OnCaller<F> for &Probe<F> {
    #[track_caller]
    fn run(self, builder: &mut Builder, main: F) -> F::Output {
        builder.build().expect("Failed building the Runtime").block_on(main)
    }
}

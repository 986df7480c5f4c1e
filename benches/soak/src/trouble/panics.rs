//! Goroutines that panic: the handle yields it, nobody else notices.

use super::start;
use crate::demand;
use fastrand::Rng;
use gort::task::yield_now;

/// The payload by which the panic hook knows them.
pub const PLANNED: &str = "soak: a planned panic";

pub async fn fall(mut rng: Rng) {
    let tasks: Vec<_> = (0..rng.usize(1..6))
        .map(|n| {
            start(async move {
                for _ in 0..n {
                    yield_now().await;
                }
                std::panic::panic_any(PLANNED);
            })
        })
        .collect();
    for task in tasks {
        let outcome: Result<(), _> = task.await;
        demand!(outcome.is_err_and(|error| error.is_panic()), "a panic was not told of");
    }
}

/// Keeps planned panics off standard error.
pub fn hush() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PLANNED) {
            usual(info);
        }
    }));
}

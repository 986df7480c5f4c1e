//! The client of examples/fetch against its site, in a runtime of its own: every request ends as the
//! plan says, or is given up.

use super::{micros, named, start};
use crate::answer::Answer;
use crate::common::client::{Client, Limits, Target};
use crate::common::failure::Failure;
use crate::demand;
use crate::site::{Expected, Site};
use crate::tally::TALLY;
use fastrand::Rng;
use gort::context::{ContextExt, background, with_timeout};
use gort::time::{Duration, sleep};
use std::sync::Arc;

/// Longer than any planned delay, also on a machine that is busy with something else.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A place among the requests at work; given back when the request ends, in whichever way.
struct Place(gort::Chan<()>);

impl Drop for Place {
    fn drop(&mut self) {
        demand!(self.0.try_recv().is_ok(), "a place among the requests was given back twice");
    }
}

/// Makes `count` requests, beginning with number `first` of the plan.
pub fn run(mut rng: Rng, first: usize, count: usize) {
    let Ok(runtime) = super::runtimes::any(&mut rng) else {
        demand!(false, "no runtime for the requests");
        return;
    };
    runtime.run(named("requests", async move {
        let limits = Limits { timeout: TIMEOUT, max_body: 1 << 20, idle_per_host: 16, idle: 16 };
        let site = match Site::open().await {
            Ok(site) => site,
            Err(error) => return demand!(false, "the site: {error}"),
        };
        let plan: Vec<_> = site
            .pages(&limits)
            .into_iter()
            .map(|(url, expected)| (Target::parse(&url).expect("a valid URL"), expected))
            .collect();
        let shared = Arc::new((Client::new(limits, None), plan));
        let slots = gort::Chan::<()>::new(16);
        let mut requests = Vec::new();
        for n in first..first + count {
            slots.send(()).await;
            let (shared, place) = (Arc::clone(&shared), Place(slots.clone()));
            TALLY.requests.one();
            let request = start(async move {
                let _place = place;
                ask(&shared.0, &shared.1[Site::page_of(n)]).await;
            });
            if rng.u8(0..16) == 0 {
                let (delay, abort) = (micros(&mut rng, 3_000), request.abort_handle());
                start(async move {
                    sleep(delay).await;
                    abort.abort();
                });
            }
            requests.push(request);
        }
        for request in requests {
            match request.await {
                Ok(()) => TALLY.requests_planned.one(),
                Err(error) => {
                    demand!(error.is_cancelled(), "a request: {error}");
                    TALLY.requests_given_up.one();
                }
            }
        }
    }));
    TALLY.runtimes.one();
}

async fn ask(client: &Client, (target, expected): &(Target, Expected)) {
    let (ctx, _cancel) = with_timeout(&background(), TIMEOUT);
    let got = match Answer::get(client, target).with_context(&ctx).await {
        Ok(got) => got,
        Err(_) => Err(Failure::late(TIMEOUT)),
    };
    let kind = got.as_ref().map_err(|failure| failure.kind).copied();
    demand!(kind == *expected, "a request for {target:?}: {got:?}, planned {expected:?}");
}

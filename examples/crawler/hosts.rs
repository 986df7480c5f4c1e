//! The hosts: what each of them allows, and how fast it may be asked.

use std::{collections::HashMap, sync::Arc, time::Duration};

use gort::{
    context::{self, Context, ContextExt, with_timeout},
    singleflight,
    sync::RwLock,
};
use url::{Position, Url};

use crate::{
    common::{
        client::{Client, Target},
        failure::Failure,
    },
    pace::Pace,
    page,
    robots::Robots,
};

/// The name in `User-agent` lines of `robots.txt`.
pub(crate) const AGENT: &str = "gort-crawler";

/// How many redirects lead from `/robots.txt` to the rules, at most, by the RFC.
const REDIRECTS: usize = 5;

/// The longest file of rules that is read to its end; the RFC asks for this much at least.
const LENGTH: u64 = 500 << 10;

/// All hosts that the crawl has met.
#[derive(Debug)]
pub(crate) struct Hosts {
    client: Arc<Client>,
    delay: Duration,
    timeout: Duration,
    met: RwLock<HashMap<String, Arc<Host>>>,
    /// The hosts whose rules are being asked for.
    flights: singleflight::Group<String, Arc<Host>>,
}

impl Hosts {
    /// Each host is to be asked once per `delay`, and has `timeout` to tell its rules.
    pub(crate) fn new(client: Arc<Client>, delay: Duration, timeout: Duration) -> Self {
        let (met, flights) = (RwLock::default(), singleflight::Group::new());
        Hosts { client, delay, timeout, met, flights }
    }

    /// The host of `url`. The first visit asks for its rules; those that come meanwhile wait for the same
    /// answer, so that it is asked once, whatever happens.
    ///
    /// # Errors
    ///
    /// `ctx` has ended.
    pub(crate) async fn host(
        self: &Arc<Self>,
        ctx: &Context,
        url: &Url,
    ) -> Result<Arc<Host>, context::Error> {
        let name = url.authority().to_owned();
        if let Some(host) = self.known(&name).await {
            return Ok(host);
        }
        let meet = self.clone().meet(ctx.clone(), name.clone());
        let flight = self.flights.run(name, meet).with_context(ctx).await?;
        ctx.check()?; // the end of the context may be why the host was not reached
        Ok(flight.value)
    }

    async fn known(&self, name: &str) -> Option<Arc<Host>> {
        self.met.read().await.get(name).cloned()
    }

    /// Asks a new host for its rules, and remembers what came of it.
    async fn meet(self: Arc<Self>, ctx: Context, name: String) -> Arc<Host> {
        // Another flight may have landed between the look at the map and the start of this one.
        if let Some(host) = self.known(&name).await {
            return host;
        }
        let (in_time, _cancel) = with_timeout(&ctx, self.timeout);
        let address = format!("http://{name}/robots.txt");
        let robots = match self.rules(&address).with_context(&in_time).await {
            Ok(robots) => robots,
            Err(_) => Err(Failure::late(self.timeout)),
        };
        let robots = robots.map_err(|e| e.about(&format!("cannot learn the rules ({address})")));
        let host = Arc::new(Host::new(robots, self.delay));
        self.met.write().await.insert(name, host.clone());
        host
    }

    /// Asks for the rules at `first`. Where there are none, everything is allowed; from a server that is in
    /// trouble, nothing is asked.
    async fn rules(&self, first: &str) -> Result<Robots, Failure> {
        let mut address = first.to_owned();
        for _ in 0..=REDIRECTS {
            let here = |failure: Failure| match &*address {
                to if to != first => failure.about(&format!("it has moved to {to}")),
                _ => failure,
            };
            let target = Target::parse(&address).map_err(here)?;
            let reply = self.client.get(&target).await.map_err(here)?;
            if let Some(to) = page::redirect(&address, &reply) {
                address = to.into();
                continue;
            }
            let status = reply.status();
            let mut text = Vec::new();
            let whole = reply.read_start(LENGTH, |data| text.extend_from_slice(data)).await;
            let whole = whole.map_err(here)?;
            return Ok(match status.as_u16() {
                200..300 => read(text, whole),
                500.. => Robots::nothing(),
                _ => Robots::default(),
            });
        }
        Ok(Robots::default())
    }
}

/// The rules in a file, or in what there is of one that is too long.
fn read(mut text: Vec<u8>, whole: bool) -> Robots {
    if !whole {
        // A line may have lost its end, and half of one may allow what the whole does not.
        match text.iter().rposition(|byte| b"\r\n".contains(byte)) {
            Some(end) => text.truncate(end),
            None => return Robots::nothing(),
        }
    }
    Robots::parse(&String::from_utf8_lossy(&text), AGENT)
}

/// A host; the same name with another port is another one.
#[derive(Debug)]
pub(crate) struct Host {
    /// The error is that the host cannot be asked for them.
    robots: Result<Robots, Failure>,
    /// `None`: it may be asked at any time.
    pace: Option<Pace>,
}

impl Host {
    fn new(robots: Result<Robots, Failure>, delay: Duration) -> Self {
        let asked_for = robots.as_ref().ok().and_then(|robots| robots.delay);
        let delay = delay.max(asked_for.unwrap_or_default());
        Host { robots, pace: (!delay.is_zero()).then(|| Pace::new(delay)) }
    }

    /// Whether the host lets crawlers ask for `url`.
    ///
    /// # Errors
    ///
    /// It could not be asked about that.
    pub(crate) fn allows(&self, url: &Url) -> Result<bool, Failure> {
        let robots = self.robots.as_ref().map_err(Failure::clone)?;
        Ok(robots.allows(&url[Position::BeforePath..Position::AfterQuery]))
    }

    /// Waits until the host may be asked again.
    pub(crate) async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
    }
}

//! One page: asked for, and taken apart.

use hyper::{HeaderMap, StatusCode, header};
use url::Url;

use crate::{
    common::{
        client::{Client, Reply, Target},
        failure::Failure,
    },
    links::{self, Links},
};

/// What became of an address.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// HTML.
    Page { status: StatusCode, bytes: u64, links: Links },
    /// An error, or something else than HTML.
    Other { status: StatusCode },
    /// A redirect.
    Moved { status: StatusCode, to: Url },
    /// The host's rules do not allow it; it was not asked for.
    Excluded,
    /// Its host could not be asked for the rules; it was not asked for.
    NoRules(Failure),
    /// There is no answer.
    Failed(Failure),
}

impl Outcome {
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Outcome::Page { status, .. }
            | Outcome::Other { status }
            | Outcome::Moved { status, .. } => Some(*status),
            Outcome::Excluded | Outcome::NoRules(_) | Outcome::Failed(_) => None,
        }
    }

    /// Why there is no answer, if there should be one.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Outcome::NoRules(failure) | Outcome::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// The addresses that it leads to.
    pub(crate) fn links(&self) -> &[Url] {
        match self {
            Outcome::Page { links, .. } => &links.http,
            Outcome::Moved { to, .. } => std::slice::from_ref(to),
            _ => &[],
        }
    }
}

/// GETs the page at `url`.
pub(crate) async fn get(client: &Client, url: &Url) -> Result<Outcome, Failure> {
    let reply = client.get(&Target::parse(url.as_str())?).await?;
    let status = reply.status();
    if let Some(to) = redirect(url.as_str(), &reply) {
        finish(reply).await;
        return Ok(Outcome::Moved { status, to });
    }
    if !status.is_success() {
        finish(reply).await;
        return Ok(Outcome::Other { status });
    }
    if !is_html(reply.headers()) {
        // It may be long: rather a new connection for the next page than to read all of it.
        return Ok(Outcome::Other { status });
    }
    let mut html = Vec::new();
    reply.read(|data| html.extend_from_slice(data)).await?;
    let links = links::extract(url, &html);
    Ok(Outcome::Page { status, bytes: html.len() as u64, links })
}

/// Reads a body that nobody needs, so that the connection can be used again. What goes wrong with it changes
/// nothing of the status, which is there.
async fn finish(reply: Reply<'_>) {
    _ = reply.read(|_| {}).await;
}

/// Where the answer to a request for `address` sends the client, if it does.
pub(crate) fn redirect(address: &str, reply: &Reply<'_>) -> Option<Url> {
    if !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = reply.headers().get(header::LOCATION)?;
    let location = String::from_utf8_lossy(location.as_bytes());
    let to = Url::parse(address).ok()?.join(&location).ok()?;
    Some(links::tidy(to))
}

fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].iter().any(|html| kind.eq_ignore_ascii_case(html))
}

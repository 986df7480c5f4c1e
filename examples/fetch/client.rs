//! A small HTTP client: one request, and a pool of connections to send it over.

use std::{collections::HashMap, sync::Arc};

use gort::{compat::hyper::GortIo, net::TcpStream, sync::Mutex};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, StatusCode, Uri,
    body::{Body, Bytes, Incoming},
    client::conn::http1,
    header, http,
};

use crate::{
    args::Limits,
    failure::{Failure, Kind},
};

/// The sending half of a connection; a goroutine drives the other half.
type Connection = http1::SendRequest<Empty<Bytes>>;

/// An address, taken apart once and asked for many times.
#[derive(Debug)]
pub(crate) struct Target {
    host: Arc<str>,
    port: u16,
    /// `host:port` as the address has it: the `Host` header and the pool's key.
    authority: Arc<str>,
    path: Uri,
}

impl Target {
    /// Reads an `http://` address.
    pub(crate) fn parse(url: &str) -> Result<Target, Failure> {
        let bad = |why: &str| Failure::new(Kind::BadUrl, format!("not a valid URL: {why}"));
        let uri: Uri = url.parse().map_err(|e: http::uri::InvalidUri| bad(&e.to_string()))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(Failure::new(Kind::Https, "https is not supported yet")),
            Some(other) => return Err(bad(&format!("{other} is not http"))),
            None => return Err(bad("it does not start with http://")),
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        // A name and a password before the host are not for the server's eyes.
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| bad("it names no host"))?;
        let port = match authority.strip_prefix(host).unwrap_or_default() {
            "" | ":" => 80,
            port => port[1..].parse().map_err(|_| bad("the port is not a number up to 65535"))?,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Target {
            host: host.trim_matches(['[', ']']).into(),
            port,
            authority: authority.into(),
            path: path.parse().map_err(|e: http::uri::InvalidUri| bad(&e.to_string()))?,
        })
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.path.clone();
        let host = header::HeaderValue::from_str(&self.authority);
        let host = host.expect("an authority has no characters that a header forbids");
        request.headers_mut().insert(header::HOST, host);
        request
    }
}

/// What a request brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The length of the body in bytes.
    pub(crate) body: u64,
}

/// Sends requests and keeps the connections for the next ones.
#[derive(Debug)]
pub(crate) struct Client {
    limits: Limits,
    pool: Mutex<Pool>,
}

impl Client {
    pub(crate) fn new(limits: Limits) -> Self {
        Client { limits, pool: Mutex::new(Pool::default()) }
    }

    /// GETs `target` and reads the body to its end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection it was using.
    pub(crate) async fn get(&self, target: &Target) -> Result<Answer, Failure> {
        let idle = self.pool.lock().await.take(&target.authority);
        if let Some(connection) = idle {
            match self.send(connection, target).await {
                // The server may close an idle connection at any moment: a GET may try again.
                Err(failure) if failure.lost_connection() => {}
                result => return result,
            }
        }
        let connection = connect(target).await?;
        self.send(connection, target).await
    }

    /// Sends the request, reads the answer, and puts the connection back if it can be used again.
    async fn send(&self, mut connection: Connection, target: &Target) -> Result<Answer, Failure> {
        let response = connection.send_request(target.request()).await?;
        let status = response.status();
        let body = self.read(response.into_body()).await?;
        if connection.ready().await.is_ok() {
            let mut pool = self.pool.lock().await;
            pool.put(&target.authority, connection, &self.limits);
        }
        Ok(Answer { status, body })
    }

    /// Reads a body to its end and counts its bytes.
    async fn read(&self, mut body: Incoming) -> Result<u64, Failure> {
        let max = self.limits.max_body;
        let too_long =
            || Failure::new(Kind::TooLong, format!("the body is over {max} bytes (--max-body)"));
        if body.size_hint().lower() > max {
            return Err(too_long());
        }
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, |data| data.len() as u64);
            if length > max {
                return Err(too_long());
            }
        }
        Ok(length)
    }
}

/// Opens a connection and starts the goroutine that drives it, until both sides are done with it.
async fn connect(target: &Target) -> Result<Connection, Failure> {
    let addrs: Vec<_> = gort::net::lookup_host((&*target.host, target.port))
        .await
        .map_err(|e| Failure::new(Kind::UnknownHost, format!("cannot find {}: {e}", target.host)))?
        .collect();
    let stream = TcpStream::connect(&addrs[..]).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = http1::handshake(GortIo::new(stream)).await?;
    // What goes wrong on the connection is told to the request that waits for it.
    gort::go(async move { _ = driver.await });
    Ok(connection)
}

/// Connections that wait for their next request.
#[derive(Debug, Default)]
struct Pool {
    idle: HashMap<Arc<str>, Vec<Connection>>,
    /// All connections of `idle`, to bound them.
    count: usize,
}

impl Pool {
    /// The connection to `authority` that was used last, if one is still open.
    fn take(&mut self, authority: &str) -> Option<Connection> {
        let idle = self.idle.get_mut(authority)?;
        while let Some(connection) = idle.pop() {
            self.count -= 1;
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps `connection`, within the limits: one host too many costs another one's connections.
    fn put(&mut self, authority: &Arc<str>, connection: Connection, limits: &Limits) {
        if self.count >= limits.idle {
            let other = self.idle.keys().find(|&host| host != authority).cloned();
            let Some(gone) = other.and_then(|host| self.idle.remove(&host)) else { return };
            self.count -= gone.len();
        }
        let idle = self.idle.entry(authority.clone()).or_default();
        if idle.len() < limits.idle_per_host {
            idle.push(connection);
            self.count += 1;
        }
    }
}

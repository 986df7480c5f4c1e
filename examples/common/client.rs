//! A small HTTP client: one request, and a pool of connections to send it over.

use std::{collections::HashMap, sync::Arc, time::Duration};

use gort::{compat::hyper::GortIo, net::TcpStream, sync::Mutex};
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, Response, StatusCode, Uri,
    body::{Body, Bytes, Incoming},
    client::conn::http1,
    header::{self, HeaderValue},
    http,
};

use super::failure::{Failure, Kind};

/// What one request may take.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    pub(crate) max_body: u64,
    pub(crate) idle_per_host: usize,
    /// Idle connections to all hosts together.
    pub(crate) idle: usize,
}

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
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http") => {}
            Some("https") => return Err(Failure::new(Kind::Https, "https is not supported yet")),
            Some(other) => return Err(bad(&format!("{other} is not http"))),
            None => return Err(bad("it does not start with http://")),
        }
        let uri: Uri = url.parse().map_err(|e: http::uri::InvalidUri| bad(&e.to_string()))?;
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
        // A query may follow the host, but a request begins with a path.
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = format!("{slash}{path}");
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
        let host = HeaderValue::from_str(&self.authority);
        let host = host.expect("an authority has no characters that a header forbids");
        request.headers_mut().insert(header::HOST, host);
        request
    }
}

/// Sends requests and keeps the connections for the next ones.
#[derive(Debug)]
pub(crate) struct Client {
    limits: Limits,
    /// What the client calls itself to servers, if it does.
    agent: Option<HeaderValue>,
    pool: Mutex<Pool>,
}

impl Client {
    pub(crate) fn new(limits: Limits, agent: Option<&'static str>) -> Self {
        let agent = agent.map(HeaderValue::from_static);
        Client { limits, agent, pool: Mutex::new(Pool::default()) }
    }

    /// GETs `target`, up to the head of the answer; the body is for [`Reply::read`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection it was using.
    pub(crate) async fn get(&self, target: &Target) -> Result<Reply<'_>, Failure> {
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

    async fn send(
        &self,
        mut connection: Connection,
        target: &Target,
    ) -> Result<Reply<'_>, Failure> {
        let mut request = target.request();
        if let Some(agent) = &self.agent {
            request.headers_mut().insert(header::USER_AGENT, agent.clone());
        }
        let response = connection.send_request(request).await?;
        let authority = target.authority.clone();
        Ok(Reply { response, connection, authority, client: self })
    }
}

/// The head of an answer, and the body, which is still to come. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Reply<'c> {
    response: Response<Incoming>,
    connection: Connection,
    authority: Arc<str>,
    client: &'c Client,
}

impl Reply<'_> {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the body to its end, gives each piece to `take`, and puts the connection back if it can be
    /// used again.
    ///
    /// # Errors
    ///
    /// The body is longer than the limit, or the connection failed.
    pub(crate) async fn read(self, take: impl FnMut(&[u8])) -> Result<(), Failure> {
        let max = self.client.limits.max_body;
        let promised = self.response.body().size_hint().lower();
        if promised <= max && self.read_start(max, take).await? {
            return Ok(());
        }
        Err(Failure::new(Kind::TooLong, format!("the body is over {max} bytes (--max-body)")))
    }

    /// Reads so many bytes of the body at most, and gives each piece to `take`. Returns whether that is the
    /// whole body; then the connection goes back if it can be used again.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub(crate) async fn read_start(
        mut self,
        max: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<bool, Failure> {
        let mut body = self.response.into_body();
        let mut room = max;
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            let Some(data) = frame.data_ref() else { continue };
            let length = data.len() as u64;
            if length > room {
                take(&data[..room as usize]);
                return Ok(false);
            }
            room -= length;
            take(data);
        }
        if self.connection.ready().await.is_ok() {
            let mut pool = self.client.pool.lock().await;
            pool.put(&self.authority, self.connection, &self.client.limits);
        }
        Ok(true)
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
    /// By host; none is without a connection.
    idle: HashMap<Arc<str>, Vec<Connection>>,
    /// All connections of `idle`, to bound them.
    count: usize,
}

impl Pool {
    /// The connection to `authority` that was used last, if one is still open.
    fn take(&mut self, authority: &str) -> Option<Connection> {
        let idle = self.idle.get_mut(authority)?;
        let mut open = None;
        while let (None, Some(connection)) = (&open, idle.pop()) {
            self.count -= 1;
            open = Some(connection).filter(Connection::is_ready);
        }
        if idle.is_empty() {
            self.idle.remove(authority);
        }
        open
    }

    /// Keeps `connection`, within the limits: one host too many costs another one's connections.
    fn put(&mut self, authority: &Arc<str>, connection: Connection, limits: &Limits) {
        if self.idle.get(authority).map_or(0, Vec::len) >= limits.idle_per_host {
            return;
        }
        if self.count >= limits.idle {
            let other = self.idle.keys().find(|&host| host != authority).cloned();
            let Some(gone) = other.and_then(|host| self.idle.remove(&host)) else { return };
            self.count -= gone.len();
        }
        self.idle.entry(authority.clone()).or_default().push(connection);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use gort::{
        io::{DuplexStream, duplex},
        runtime::JoinHandle,
    };

    use super::*;

    /// A connection that waits for its next request.
    async fn idle() -> (Connection, Server) {
        let (ours, theirs) = duplex(64);
        let (mut connection, driver) = http1::handshake(GortIo::new(ours)).await.expect("no bytes");
        let driver = gort::go(async move { _ = driver.await });
        connection.ready().await.expect("it is open");
        (connection, Server { end: theirs, driver })
    }

    /// The other end of a connection.
    struct Server {
        end: DuplexStream,
        driver: JoinHandle<()>,
    }

    /// A pool with these limits, and the servers of the connections that it was given.
    struct Filled {
        pool: Pool,
        limits: Limits,
        servers: Vec<Server>,
    }

    impl Filled {
        fn new(idle_per_host: usize, idle: usize) -> Self {
            let limits = Limits { timeout: Duration::MAX, max_body: 0, idle_per_host, idle };
            Filled { pool: Pool::default(), limits, servers: Vec::new() }
        }

        async fn put(&mut self, host: &str) {
            let (connection, server) = idle().await;
            self.servers.push(server);
            self.pool.put(&host.into(), connection, &self.limits);
            let all: usize = self.pool.idle.values().map(Vec::len).sum();
            assert_eq!(all, self.pool.count);
            assert!(all <= self.limits.idle, "{all} idle connections");
        }

        fn of(&self, host: &str) -> usize {
            self.pool.idle.get(host).map_or(0, Vec::len)
        }
    }

    #[test]
    fn pool_keeps_its_limit_whatever_was_taken() {
        gort::run(async {
            let mut filled = Filled::new(2, 2);
            for round in 0..20 {
                let (taken, left) = (format!("taken {round}"), format!("left {round}"));
                filled.put(&taken).await;
                filled.pool.take(&taken).expect("it was just put there");
                filled.put(&left).await;
                filled.put(&left).await;
            }
            assert_eq!(filled.pool.idle.len(), 1, "hosts without a connection are forgotten");
        });
    }

    #[test]
    fn lost_connections_are_not_taken_and_leave_nothing() {
        gort::run(async {
            let mut filled = Filled::new(2, 2);
            filled.put("host").await;
            filled.put("host").await;
            for server in std::mem::take(&mut filled.servers) {
                drop(server.end);
                server.driver.await.expect("it sees the end");
            }
            assert!(filled.pool.take("host").is_none());
            assert_eq!((filled.pool.count, filled.pool.idle.len()), (0, 0));
        });
    }

    #[test]
    fn host_that_is_full_costs_no_other_one_its_connections() {
        gort::run(async {
            let mut filled = Filled::new(2, 3);
            for host in ["other", "full", "full", "full"] {
                filled.put(host).await;
            }
            assert_eq!((filled.of("other"), filled.of("full")), (1, 2));
            filled.put("other").await;
            assert_eq!((filled.of("other"), filled.of("full")), (2, 0), "one too many of all");
        });
    }

    #[test]
    fn path_begins_with_a_slash() {
        for (url, path) in [
            ("http://host", "/"),
            ("http://host?x=1", "/?x=1"),
            ("http://host:80?", "/?"),
            ("http://host#here", "/"),
            ("HTTP://host/a?x#here", "/a?x"),
        ] {
            let target = Target::parse(url).expect("an address");
            assert_eq!(target.request().uri(), path, "{url}");
        }
    }
}

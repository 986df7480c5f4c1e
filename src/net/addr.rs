//! From names to addresses.

use crate::runtime::{JoinHandle, spawn_blocking};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

/// What can be turned into socket addresses: addresses, and names with a port as `"host:port"` or
/// `("host", port)`.
///
/// Names are looked up by the system, on a thread for blocking work. What is written as an address
/// is not looked up.
pub trait ToSocketAddrs: sealed::ToSocketAddrs {}

/// Looks up the addresses of `host`.
///
/// # Errors
///
/// If the name is not known, cannot be looked up, or is not of the form `name:port`.
///
/// # Cancel safety
///
/// Dropping the future leaves the system to its look-up, on its thread, and forgets the answer.
///
/// # Go
///
/// `net.LookupHost`, with a port.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// gort::run(async {
///     for addr in gort::net::lookup_host("localhost:80").await? {
///         assert_eq!(addr.port(), 80);
///     }
///     Ok(())
/// })
/// # }
/// ```
#[doc(alias = "LookupHost")]
pub fn lookup_host<T: ToSocketAddrs>(host: T) -> LookupHost {
    LookupHost { state: host.to_lookup(Internal) }
}

/// Addresses in the order in which the system recommends them.
#[derive(Debug, Clone)]
pub struct Addrs(vec::IntoIter<SocketAddr>);

impl Addrs {
    /// No addresses.
    pub(super) fn none() -> Self {
        Self(Vec::new().into_iter())
    }
}

impl Iterator for Addrs {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Future of [`lookup_host`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct LookupHost {
    state: Lookup,
}

/// What is left to do.
pub(super) enum Lookup {
    Known(Vec<SocketAddr>),
    Ask(String, Option<u16>),
    Asked(JoinHandle<io::Result<Vec<SocketAddr>>>),
}

impl LookupHost {
    pub(super) fn new(addr: &impl ToSocketAddrs) -> Self {
        Self { state: addr.to_lookup(Internal) }
    }
}

impl fmt::Debug for LookupHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("LookupHost");
        match &self.state {
            Lookup::Known(addrs) => out.field(addrs),
            Lookup::Ask(name, _) => out.field(name),
            Lookup::Asked(_) => &mut out,
        };
        out.finish()
    }
}

/// Asks the system; may take long.
fn ask(name: &str, port: Option<u16>) -> io::Result<Vec<SocketAddr>> {
    use std::net::ToSocketAddrs as _;
    match port {
        Some(port) => Ok((name, port).to_socket_addrs()?.collect()),
        None => Ok(name.to_socket_addrs()?.collect()),
    }
}

impl Future for LookupHost {
    type Output = io::Result<Addrs>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.state {
                Lookup::Known(addrs) => {
                    return Poll::Ready(Ok(Addrs(std::mem::take(addrs).into_iter())));
                }
                Lookup::Ask(name, port) => {
                    let (name, port) = (std::mem::take(name), *port);
                    self.state = Lookup::Asked(spawn_blocking(move || ask(&name, port)));
                }
                Lookup::Asked(handle) => {
                    let result = ready!(Pin::new(handle).poll(cx)).map_err(io::Error::other)?;
                    return Poll::Ready(result.map(|addrs| Addrs(addrs.into_iter())));
                }
            }
        }
    }
}

mod sealed {
    use super::Lookup;

    /// Keeps the method from being called, or implemented, outside.
    #[expect(missing_debug_implementations, reason = "nobody outside can name it")]
    #[expect(unnameable_types, reason = "as above")]
    pub struct Internal;

    #[expect(unnameable_types, reason = "nobody outside shall implement it")]
    pub trait ToSocketAddrs {
        #[expect(private_interfaces, reason = "nobody outside can call it")]
        fn to_lookup(&self, internal: Internal) -> Lookup;
    }
}

use sealed::Internal;

macro_rules! known {
    ($($type:ty: |$this:ident| $addrs:expr;)*) => {$(
        impl ToSocketAddrs for $type {}

        impl sealed::ToSocketAddrs for $type {
            #[expect(private_interfaces, reason = "as in the trait")]
            fn to_lookup(&self, _: Internal) -> Lookup {
                let $this = self;
                Lookup::Known($addrs)
            }
        }
    )*};
}

known! {
    SocketAddr: |addr| vec![*addr];
    SocketAddrV4: |addr| vec![SocketAddr::V4(*addr)];
    SocketAddrV6: |addr| vec![SocketAddr::V6(*addr)];
    (IpAddr, u16): |pair| vec![SocketAddr::from(*pair)];
    (Ipv4Addr, u16): |pair| vec![SocketAddr::from(*pair)];
    (Ipv6Addr, u16): |pair| vec![SocketAddr::from(*pair)];
    [SocketAddr]: |addrs| addrs.to_vec();
    Vec<SocketAddr>: |addrs| addrs.clone();
}

impl ToSocketAddrs for str {}

impl sealed::ToSocketAddrs for str {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn to_lookup(&self, _: Internal) -> Lookup {
        match self.parse() {
            Ok(addr) => Lookup::Known(vec![addr]),
            Err(_) => Lookup::Ask(self.to_owned(), None),
        }
    }
}

impl ToSocketAddrs for String {}

impl sealed::ToSocketAddrs for String {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn to_lookup(&self, internal: Internal) -> Lookup {
        self.as_str().to_lookup(internal)
    }
}

impl ToSocketAddrs for (&str, u16) {}

impl sealed::ToSocketAddrs for (&str, u16) {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn to_lookup(&self, _: Internal) -> Lookup {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Lookup::Known(vec![SocketAddr::new(ip, port)]),
            Err(_) => Lookup::Ask(host.to_owned(), Some(port)),
        }
    }
}

impl ToSocketAddrs for (String, u16) {}

impl sealed::ToSocketAddrs for (String, u16) {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn to_lookup(&self, internal: Internal) -> Lookup {
        (self.0.as_str(), self.1).to_lookup(internal)
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

impl<T: sealed::ToSocketAddrs + ?Sized> sealed::ToSocketAddrs for &T {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn to_lookup(&self, internal: Internal) -> Lookup {
        (**self).to_lookup(internal)
    }
}

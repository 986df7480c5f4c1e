//! Who is on the other side of a connection.

use rustix::net::sockopt;
use std::io;
use std::os::fd::AsFd;

/// The process on the other side of a [`UnixStream`](super::UnixStream), as it was when it connected or listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UCred {
    uid: u32,
    gid: u32,
    pid: Option<i32>,
}

impl UCred {
    pub(super) fn of_peer(socket: impl AsFd) -> io::Result<Self> {
        let cred = sockopt::socket_peercred(socket)?;
        let pid = cred.pid.as_raw_nonzero().get();
        Ok(Self { uid: cred.uid.as_raw(), gid: cred.gid.as_raw(), pid: Some(pid) })
    }

    /// Its effective user.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Its effective group.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Its number, where the system tells.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }
}

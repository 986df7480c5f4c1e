//! Times without descriptors. The limit is the whole process's.

use crate::process;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// While it lives, only a few descriptors more than now can be opened.
pub struct Squeeze(Rlimit);

impl Squeeze {
    pub fn new(more: u64) -> Self {
        let old = getrlimit(Resource::Nofile);
        let few = process::descriptors() as u64 + more;
        set(Rlimit { current: Some(few), maximum: old.maximum });
        Self(old)
    }
}

impl Drop for Squeeze {
    fn drop(&mut self) {
        set(self.0);
    }
}

fn set(limit: Rlimit) {
    setrlimit(Resource::Nofile, limit).expect("the soft limit may be moved below the hard one");
}

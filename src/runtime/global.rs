//! The fallback runtime for code that is in none: started by its first use, never shut down.

use super::Builder;
use super::shared::Shared;
use crate::sys::sync::OnceLock;
use std::sync::Arc;

/// The global runtime.
///
/// # Panics
///
/// If the system refuses the descriptors or the threads for it.
pub(crate) fn shared() -> &'static Arc<Shared> {
    static GLOBAL: OnceLock<Arc<Shared>> = OnceLock::new();
    GLOBAL.get_or_init(|| {
        Builder::new_multi_thread()
            .thread_name("gort-global")
            .build_global()
            .unwrap_or_else(|error| panic!("gort's global runtime cannot be started: {error}"))
    })
}

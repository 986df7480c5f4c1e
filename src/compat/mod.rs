//! gort in the service of other libraries.

#[cfg(feature = "hyper")]
pub mod hyper;

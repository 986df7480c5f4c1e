//! Pages that no single item could hold. They are documentation only: no code is built from this module.
//!
//! * [From Go](from_go): idioms side by side, and the table of every name.

/// What the pages' links begin with.
mod names {
    pub use crate::*;
}

pub mod from_go {
    #![doc = include_str!("../docs/from-go.md")]
    use super::names::*;
}

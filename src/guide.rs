//! Pages that no single item could hold. They are documentation only: no code is built from this module.
//!
//! * [Channel or mutex?](channel_or_mutex)
//! * [Who closes?](who_closes) And what the others are told.
//! * [Cancel safety](cancel_safety): what is lost and what is kept when a future is dropped.
//! * [From Go](from_go): idioms side by side, and the table of every name.
//!
//! The pages are read as files too, where the name of an item is only a name, and a page is a file: what a page
//! says at its end about its links to other pages is for there. Here the first definition counts.

/// What the links of the pages begin with.
mod names {
    pub use crate::*;
}

pub mod channel_or_mutex {
    #![doc = include_str!("../docs/channel-or-mutex.md")]
    use super::names::*;
}

pub mod who_closes {
    #![doc = include_str!("../docs/who-closes.md")]
    use super::names::*;
}

pub mod cancel_safety {
    #![doc = include_str!("../docs/cancel-safety.md")]
    use super::names::*;
}

pub mod from_go {
    #![doc = "[Cancel safety]: super::cancel_safety"]
    #![doc = "[Channel or mutex?]: super::channel_or_mutex"]
    #![doc = "[Who closes?]: super::who_closes"]
    #![doc = ""]
    #![doc = include_str!("../docs/from-go.md")]
    use super::names::*;
}

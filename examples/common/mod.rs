//! What `fetch` and `crawler` have in common. Each of them has it as a module:
//!
//! ```text
//! #[path = "../common/mod.rs"]
//! mod common;
//! ```
//!
//! `client` sends one request, `failure` says why one failed, `status` counts the answers, `server` is for
//! the site that a program serves itself, `options` reads values of the command line, `text` writes numbers
//! for people, `terminal` is the progress line, Ctrl-C, and what else belongs to the process.

#![allow(dead_code, reason = "each program uses its part")]

pub(crate) mod client;
pub(crate) mod failure;
pub(crate) mod options;
pub(crate) mod server;
pub(crate) mod status;
pub(crate) mod terminal;
pub(crate) mod text;

//! Halves of a [`UnixStream`].

use super::{SocketAddr, UnixStream};

super::super::halves::halves!(UnixStream, SocketAddr);

//! Models of channels.

//! What needs the inside: sizes, goroutine records, arms.

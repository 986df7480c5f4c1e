//! What may stand on either side of `<-`.

use super::arm::Face;

/// What can be received from.
#[doc(hidden)]
pub trait RecvOperand {}

/// What can be sent on.
#[doc(hidden)]
pub trait SendOperand {}

/// Whether nothing has happened on any channel between two looks.
#[doc(hidden)]
#[inline]
pub fn unchanged(before: &[Face], after: &[Face]) -> bool {
    before == after
}

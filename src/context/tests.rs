//! The lists of children, which nobody sees from outside.

use super::{
    Context, after_func, background, with_cancel, with_deadline, with_value, without_cancel,
};
use crate::time::{Duration, Instant};

/// How many children are in the list, and how many it has room for.
fn children(ctx: &Context) -> (usize, usize) {
    ctx.nearest_scope().map_or((0, 0), |scope| scope.children())
}

/// Go's case 132.
#[test]
fn c132_a_thousand_children_are_unlinked_when_they_end() {
    let (ctx, cancel) = with_cancel(&background());
    let mut made: Vec<_> = (0..1000).map(|i| with_cancel(&with_value(&ctx, i))).collect();
    assert_eq!(children(&ctx).0, 1000);
    for i in [999, 500, 0] {
        made[i].1.cancel();
        made[i].1.cancel();
    }
    assert_eq!(children(&ctx).0, 997);
    drop(made.drain(..990));
    assert_eq!(children(&ctx).0, 9);
    assert!(children(&ctx).1 < 100, "{:?}", children(&ctx));
    cancel.cancel();
    assert_eq!(children(&ctx).0, 0);
    assert!(made.iter().all(|(ctx, _)| ctx.err().is_some()));
    let _late = with_cancel(&ctx);
    assert_eq!(children(&ctx).0, 0);
}

#[test]
fn what_cannot_be_told_is_in_no_list() {
    let (ctx, _cancel) = with_cancel(&background());
    let (_free, _cancel_free) = with_cancel(&without_cancel(&ctx));
    let (_over, _cancel_over) = with_deadline(&ctx, Instant::now());
    let _value = with_value(&ctx, 0);
    assert_eq!(children(&ctx).0, 0);
    let stop = after_func(&ctx, async {});
    let (_soon, cancel_soon) = with_deadline(&ctx, Instant::now() + Duration::from_secs(3600));
    assert_eq!(children(&ctx).0, 2);
    stop.stop();
    drop(cancel_soon);
    assert_eq!(children(&ctx).0, 0);
}

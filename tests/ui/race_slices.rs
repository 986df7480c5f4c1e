//! Two slices of one array, written to by two goroutines.
//!
//! In Go nobody sees that `all[:3]` and `all[2:]` have an element in common, in which the last one wins. Here
//! two that can be written to must not overlap, and `split_at_mut` makes such. Even these only go to futures
//! that end before the vector, as those of a `join!` do; a goroutine may outlive it.

use gort::sync::WaitGroup;

fn main() {
    gort::run(async {
        let mut all = vec![0; 5];
        let left = &mut all[..3];
        let right = &mut all[2..];
        gort::join!(async { left.fill(1) }, async { right.fill(2) });

        let (left, right) = all.split_at_mut(3);
        gort::join!(async { left.fill(1) }, async { right.fill(2) }); // this is right
        let wg = WaitGroup::new();
        wg.go(async move { left.fill(3) });
        wg.go(async move { right.fill(4) });
        wg.wait().await;
    });
}

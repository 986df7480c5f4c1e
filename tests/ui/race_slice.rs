//! A slice that two goroutines append to.
//!
//! In Go both may read the same length and write to the same place: one element is lost, or one of them
//! goes on with an array that the other has replaced. Here the first goroutine takes the vector with it.

use gort::sync::WaitGroup;

fn main() {
    gort::run(async {
        let mut all = Vec::new();
        let wg = WaitGroup::new();
        wg.go(async move { all.push(1) });
        wg.go(async move { all.push(2) });
        wg.wait().await;
        println!("{all:?}");
    });
}

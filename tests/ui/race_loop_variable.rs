//! A loop variable that goroutines see by reference.
//!
//! Before Go 1.22 all goroutines of such a loop shared one `i`, which the loop went on changing: most of
//! them saw the last value. Since then that is so for variables outside of the loop only. Here a
//! goroutine has to own what it uses: `async move`, and each has an `i` of its own.

use gort::sync::WaitGroup;

fn main() {
    gort::run(async {
        let wg = WaitGroup::new();
        for i in 0..3 {
            wg.go(async { println!("{i}") });
        }
        wg.wait().await;
    });
}

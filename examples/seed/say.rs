//! Two goroutines talk at the same time.
//!
//! ```go
//! func say(word string) {
//!     for range 3 {
//!         time.Sleep(time.Millisecond)
//!         fmt.Println(word)
//!     }
//! }
//!
//! func main() {
//!     go say("there")
//!     say("hello")
//! }
//! ```
//!
//! The program is over when `main` returns: the last "there" may never be said.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::time::{Duration, sleep};

async fn say(word: &str) {
    for _ in 0..3 {
        sleep(Duration::from_millis(1)).await;
        println!("{word}");
    }
}

fn main() {
    gort::run(async {
        gort::go(say("there"));
        say("hello").await;
    });
}

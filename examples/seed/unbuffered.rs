//! A channel without a buffer: sender and receiver meet, so a receive also says that the work
//! before the send is done.
//!
//! ```go
//! func count(text string, letter rune, found chan int) {
//!     n := 0
//!     for _, c := range text {
//!         if c == letter {
//!             n++
//!         }
//!     }
//!     found <- n
//! }
//!
//! func main() {
//!     text := "the quick brown fox jumps over the lazy dog"
//!     found := make(chan int)
//!     go count(text[:20], 'o', found)
//!     go count(text[20:], 'o', found)
//!     x, y := <-found, <-found
//!     fmt.Println(x+y, "times o")
//! }
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::Chan;

async fn count(text: &str, letter: char, found: Chan<usize>) {
    let n = text.chars().filter(|&c| c == letter).count();
    found.send(n).await;
}

fn main() {
    gort::run(async {
        let text = "the quick brown fox jumps over the lazy dog";
        let found = Chan::new(0);
        gort::go(count(&text[..20], 'o', found.clone()));
        gort::go(count(&text[20..], 'o', found.clone()));
        let (x, y) = (found.recv().await, found.recv().await);
        println!("{} times o", x + y);
    });
}

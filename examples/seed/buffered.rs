//! A channel with a buffer: a send waits only when the buffer is full, a receive when it is empty.
//!
//! ```go
//! func main() {
//!     post := make(chan string, 2)
//!     post <- "first"
//!     post <- "second"
//!     fmt.Println(len(post), "of", cap(post))
//!     select {
//!     case post <- "third":
//!     default:
//!         fmt.Println("full")
//!     }
//!     fmt.Println(<-post)
//!     fmt.Println(<-post)
//! }
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::Chan;

fn main() {
    gort::run(async {
        let post = Chan::<&str>::new(2);
        post.send("first").await;
        post.send("second").await;
        println!("{} of {}", post.len(), post.capacity());
        gort::select! {
            post <- "third" => {}
            default => println!("full"),
        }
        println!("{}", post.recv().await);
        println!("{}", post.recv().await);
    });
}

//! `select` with a timeout, with `default`, and without either.
//!
//! ```go
//! func main() {
//!     answer, hurry := make(chan string), make(chan struct{})
//!     go func() {
//!         <-hurry
//!         answer <- "here I am"
//!     }()
//!
//!     select {
//!     case a := <-answer:
//!         fmt.Println(a)
//!     default:
//!         fmt.Println("no answer yet")
//!     }
//!     select {
//!     case a := <-answer:
//!         fmt.Println(a)
//!     case <-time.After(10 * time.Millisecond):
//!         fmt.Println("waited long enough")
//!     }
//!     close(hurry)
//!     select {
//!     case a := <-answer:
//!         fmt.Println(a)
//!     }
//! }
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::{
    Chan, go, select,
    time::{Duration, after},
};

fn main() {
    gort::run(async {
        let (answer, hurry) = (Chan::<&str>::new(0), Chan::<()>::new(0));
        go!(clone answer, hurry => {
            hurry.recv().await;
            answer.send("here I am").await;
        });

        select! {
            a = <-answer => println!("{a}"),
            default => println!("no answer yet"),
        }
        select! {
            a = <-answer => println!("{a}"),
            <-after(Duration::from_millis(10)) => println!("waited long enough"),
        }
        hurry.close();
        select! {
            a = <-answer => println!("{a}"),
        }
    });
}

//! A channel of channels: each request brings the channel for its answer.
//!
//! ```go
//! type request struct {
//!     fruit string
//!     reply chan<- int
//! }
//!
//! type shop struct {
//!     requests chan request
//!     closed   chan struct{}
//! }
//!
//! func (s shop) serve(customers int) {
//!     defer close(s.closed)
//!     prices := map[string]int{"apple": 3, "pear": 5}
//!     for range customers {
//!         r := <-s.requests
//!         if price, ok := prices[r.fruit]; ok {
//!             r.reply <- price
//!         } else {
//!             close(r.reply)
//!         }
//!     }
//! }
//!
//! func (s shop) ask(fruit string) (price int, ok bool) {
//!     reply := make(chan int, 1)
//!     select {
//!     case s.requests <- request{fruit, reply}:
//!     case <-s.closed:
//!         return 0, false
//!     }
//!     price, ok = <-reply
//!     return price, ok
//! }
//!
//! func main() {
//!     s := shop{make(chan request), make(chan struct{})}
//!     go s.serve(3)
//!     for _, fruit := range []string{"apple", "kiwi", "pear", "apple"} {
//!         if price, ok := s.ask(fruit); ok {
//!             fmt.Println(fruit, "costs", price)
//!         } else {
//!             fmt.Println(fruit, "is not to be had")
//!         }
//!     }
//! }
//! ```
//!
//! Nobody waits for an answer that cannot come. A request that is dropped drops the end for its answer,
//! whether that was meant, forgotten, or the server has panicked. When the server is gone, `send` fails.

use std::collections::HashMap;

use gort::{Receiver, Sender};

struct Request {
    fruit: &'static str,
    reply: Sender<u32>,
}

/// A shop that closes after so many customers.
async fn serve(requests: Receiver<Request>, customers: usize) {
    let prices = HashMap::from([("apple", 3), ("pear", 5)]);
    for _ in 0..customers {
        let Some(Request { fruit, reply }) = requests.next().await else { break };
        if let Some(&price) = prices.get(fruit) {
            _ = reply.send(price).await; // who has asked may have gone
        }
    }
}

async fn ask(shop: &Sender<Request>, fruit: &'static str) -> Option<u32> {
    let (reply, answer) = gort::chan(1);
    shop.send(Request { fruit, reply }).await.ok()?;
    answer.next().await
}

pub(crate) fn main() {
    gort::run(async {
        let (shop, requests) = gort::chan(0);
        gort::go(serve(requests, 3));
        for fruit in ["apple", "kiwi", "pear", "apple"] {
            match ask(&shop, fruit).await {
                Some(price) => println!("{fruit} costs {price}"),
                None => println!("{fruit} is not to be had"),
            }
        }
    });
}

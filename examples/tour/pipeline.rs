//! Stages in a row, each a goroutine, and a consumer that stops at the first error.
//!
//! ```go
//! type notANumber string
//!
//! func (e notANumber) Error() string { return "not a number: " + string(e) }
//!
//! type result struct {
//!     n   int
//!     err error
//! }
//!
//! func split(ctx context.Context, text string) <-chan string {
//!     out := make(chan string)
//!     go func() {
//!         defer close(out)
//!         for word := range strings.FieldsSeq(text) {
//!             select {
//!             case out <- word:
//!             case <-ctx.Done():
//!                 return
//!             }
//!         }
//!     }()
//!     return out
//! }
//!
//! func parse(ctx context.Context, words <-chan string) <-chan result {
//!     out := make(chan result)
//!     go func() {
//!         defer close(out)
//!         for word := range words {
//!             n, err := strconv.Atoi(word)
//!             if err != nil {
//!                 err = notANumber(word)
//!             }
//!             select {
//!             case out <- result{n, err}:
//!             case <-ctx.Done():
//!                 return
//!             }
//!         }
//!     }()
//!     return out
//! }
//!
//! func sum(text string) (int, error) {
//!     ctx, cancel := context.WithCancel(context.Background())
//!     defer cancel() // or an early return leaks both goroutines
//!     sum := 0
//!     for r := range parse(ctx, split(ctx, text)) {
//!         if r.err != nil {
//!             return 0, r.err
//!         }
//!         sum += r.n
//!     }
//!     return sum, nil
//! }
//!
//! func main() {
//!     for _, text := range []string{"1 2 3 4", "1 2 three 4"} {
//!         if sum, err := sum(text); err != nil {
//!             fmt.Println(err)
//!         } else {
//!             fmt.Println("sum", sum)
//!         }
//!     }
//! }
//! ```
//!
//! The `?` in the last stage is all that ends the others: it drops the receiver, so the stage before
//! fails to send and drops its own receiver, and so on to the first. And a result is a number or an
//! error, where Go's pair may be both.

use std::{error::Error, fmt};

use gort::Receiver;

#[derive(Debug)]
struct NotANumber(&'static str);

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a number: {}", self.0)
    }
}

impl Error for NotANumber {}

fn split(text: &'static str) -> Receiver<&'static str> {
    let (tx, rx) = gort::chan(0);
    gort::go(async move {
        for word in text.split_whitespace() {
            if tx.send(word).await.is_err() {
                break;
            }
        }
    });
    rx
}

fn parse(words: Receiver<&'static str>) -> Receiver<Result<u32, NotANumber>> {
    let (tx, rx) = gort::chan(0);
    gort::go(async move {
        while let Some(word) = words.next().await {
            let n = word.parse().map_err(|_| NotANumber(word));
            if tx.send(n).await.is_err() {
                break;
            }
        }
    });
    rx
}

async fn sum(numbers: Receiver<Result<u32, NotANumber>>) -> Result<u32, NotANumber> {
    let mut sum = 0;
    while let Some(n) = numbers.next().await {
        sum += n?;
    }
    Ok(sum)
}

pub(crate) fn main() {
    gort::run(async {
        for text in ["1 2 3 4", "1 2 three 4"] {
            match sum(parse(split(text))).await {
                Ok(sum) => println!("sum {sum}"),
                Err(error) => println!("{error}"),
            }
        }
    });
}

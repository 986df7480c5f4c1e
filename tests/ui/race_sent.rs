//! A value that is changed after it was sent.
//!
//! In Go a pointer goes through the channel and stays with the sender too, who writes to what the receiver
//! already reads. Here `send` takes the value.

struct Ball {
    hits: u32,
}

fn main() {
    let (tx, rx) = gort::chan(0);
    gort::go(async move {
        let mut ball = Ball { hits: 0 };
        tx.send(ball).await.unwrap();
        ball.hits += 1;
    });
    gort::run(async move {
        let ball: Option<Ball> = rx.next().await;
        println!("{}", ball.unwrap().hits);
    });
}

//! Two players and one ball, which is never with both.
//!
//! ```go
//! type ball struct{ hits int }
//!
//! func play(name string, in <-chan *ball, out chan<- *ball) {
//!     defer close(out)
//!     for b := range in {
//!         b.hits++
//!         fmt.Println(name, b.hits)
//!         if b.hits == 6 {
//!             return // keeps the ball
//!         }
//!         out <- b
//!     }
//! }
//!
//! func main() {
//!     left, right := make(chan *ball), make(chan *ball)
//!     var players sync.WaitGroup
//!     players.Go(func() { play("ping", left, right) })
//!     players.Go(func() { play("pong", right, left) })
//!     left <- &ball{}
//!     players.Wait()
//!     fmt.Println("game over")
//! }
//! ```
//!
//! In Go nothing stops a player from using the ball after it has been sent. Here `send` takes it. The
//! player who keeps the ball drops both ends, and the other one's channel is at its end.

use gort::{Receiver, Sender, chan::SendError, sync::WaitGroup};

struct Ball {
    hits: u32,
}

async fn play(name: &str, input: Receiver<Ball>, out: Sender<Ball>) -> Result<(), SendError<Ball>> {
    while let Some(mut ball) = input.next().await {
        ball.hits += 1;
        println!("{name} {}", ball.hits);
        if ball.hits == 6 {
            break; // keeps the ball
        }
        out.send(ball).await?;
    }
    Ok(())
}

pub(crate) fn main() {
    gort::run(async {
        let ((to_ping, ping), (to_pong, pong)) = (gort::chan(0), gort::chan(0));
        let players = WaitGroup::new();
        players.go(play("ping", ping, to_pong));
        players.go(play("pong", pong, to_ping.clone()));
        to_ping.send(Ball { hits: 0 }).await.unwrap();
        drop(to_ping); // or ping would wait for another ball from here
        players.wait().await;
        println!("game over");
    });
}

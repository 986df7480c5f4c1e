//! Each message goes to each subscriber, and the publisher waits for none of them.
//!
//! The policy for a subscriber who is slow: its channel has room for so many messages, and one that
//! finds it full is lost to that subscriber. (Others that are as easy to write: wait for the slowest, with
//! `send`; or part with the slow, by treating `Full` like `Disconnected`.)
//!
//! ```go
//! type topic struct {
//!     mu          sync.Mutex
//!     subscribers map[chan string]struct{}
//! }
//!
//! func (t *topic) subscribe(room int) chan string {
//!     t.mu.Lock()
//!     defer t.mu.Unlock()
//!     ch := make(chan string, room)
//!     t.subscribers[ch] = struct{}{}
//!     return ch
//! }
//!
//! func (t *topic) unsubscribe(ch chan string) {
//!     t.mu.Lock()
//!     defer t.mu.Unlock()
//!     delete(t.subscribers, ch)
//! }
//!
//! func (t *topic) publish(message string) (reached int) {
//!     t.mu.Lock()
//!     defer t.mu.Unlock()
//!     for ch := range t.subscribers {
//!         select {
//!         case ch <- message:
//!             reached++
//!         default: // full: lost
//!         }
//!     }
//!     return reached
//! }
//!
//! func (t *topic) close() {
//!     t.mu.Lock()
//!     defer t.mu.Unlock()
//!     for ch := range t.subscribers {
//!         close(ch)
//!     }
//! }
//!
//! func listen(messages <-chan string, pause time.Duration) <-chan []string {
//!     all := make(chan []string, 1)
//!     go func() {
//!         var heard []string
//!         for m := range messages {
//!             heard = append(heard, m)
//!             time.Sleep(pause)
//!         }
//!         all <- heard
//!     }()
//!     return all
//! }
//!
//! func main() {
//!     t := topic{subscribers: map[chan string]struct{}{}}
//!     quick := listen(t.subscribe(1), 0)
//!     slow := listen(t.subscribe(1), 25*time.Millisecond)
//!     once := t.subscribe(1)
//!     go func() {
//!         <-once
//!         t.unsubscribe(once)
//!     }()
//!     for _, m := range []string{"one", "two", "three", "four", "five"} {
//!         fmt.Println(m, "reaches", t.publish(m))
//!         time.Sleep(10 * time.Millisecond)
//!     }
//!     t.close()
//!     fmt.Println("quick:", strings.Join(<-quick, " "))
//!     fmt.Println("slow:", strings.Join(<-slow, " "))
//! }
//! ```
//!
//! To unsubscribe is to drop the receiver: the topic learns it from `Disconnected`. To close is to drop
//! the topic. `publish` takes `&mut self`, so no lock is needed while one goroutine has the topic; in a
//! `Mutex`, many can have it.

use gort::{
    Receiver, Sender,
    chan::TrySendError,
    time::{Duration, sleep},
};

#[derive(Default)]
struct Topic {
    subscribers: Vec<Sender<&'static str>>,
}

impl Topic {
    fn subscribe(&mut self, room: usize) -> Receiver<&'static str> {
        let (tx, rx) = gort::chan(room);
        self.subscribers.push(tx);
        rx
    }

    /// Returns how many it has reached.
    fn publish(&mut self, message: &'static str) -> usize {
        let mut reached = 0;
        self.subscribers.retain(|subscriber| match subscriber.try_send(message) {
            Ok(()) => {
                reached += 1;
                true
            }
            Err(TrySendError::Full(_lost)) => true,
            Err(TrySendError::Closed(_) | TrySendError::Disconnected(_)) => false,
        });
        reached
    }
}

async fn listen(messages: Receiver<&'static str>, pause: Duration) -> Vec<&'static str> {
    let mut heard = Vec::new();
    while let Some(message) = messages.next().await {
        heard.push(message);
        sleep(pause).await;
    }
    heard
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut topic = Topic::default();
    let quick = gort::go(listen(topic.subscribe(1), Duration::ZERO));
    let slow = gort::go(listen(topic.subscribe(1), Duration::from_millis(25)));
    let once = topic.subscribe(1);
    gort::go(async move { once.next().await });
    for message in ["one", "two", "three", "four", "five"] {
        println!("{message} reaches {}", topic.publish(message));
        sleep(Duration::from_millis(10)).await;
    }
    drop(topic);
    println!("quick: {}", quick.await.unwrap().join(" "));
    println!("slow: {}", slow.await.unwrap().join(" "));
}

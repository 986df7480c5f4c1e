//! Each end does one thing.
//!
//! Go says the same of `<-chan` and `chan<-`, but a plain `chan` converts to either without a word, so that
//! most programs pass that one around. What `chan` returns here are the ends. (In a `select!`:
//! `not_a_channel.rs`; to close by the receiver: `c041_close_of_a_receiver.rs`.)

fn main() {
    let (tx, rx) = gort::chan::<i32>(1);
    drop(rx.send(1));
    drop(rx.try_send(1));
    drop(tx.recv());
    drop(tx.try_recv());
}

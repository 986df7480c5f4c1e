//! A send on a `Sender` may fail, so its result has to be bound.

fn main() {
    let (out, _rx) = gort::chan(1);
    let mut pending = Some(2);
    let _ = async {
        gort::select! {
            out <- 1 => {}
            out <- &mut pending => {}
        }
    };
}

//! What stands right of `=` is a future.

fn main() {
    let _ = async {
        gort::select! {
            v = 5 => drop::<i32>(v),
        }
    };
}

//! Only a sending end can be closed.

fn main() {
    let (_tx, rx) = gort::chan::<i32>(0);
    rx.close();
    rx.try_close();
}

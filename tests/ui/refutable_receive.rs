//! What is received must match whatever it is.

fn main() {
    let rx = gort::Chan::<Option<i32>>::new(1);
    let _ = async {
        gort::select! {
            Some(v) = <-rx => drop(v),
            Some(v), true = <-rx => drop(v),
        }
    };
}

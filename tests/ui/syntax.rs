//! Errors of the grammar stand at the arm.

fn main() {
    let rx = gort::Chan::<i32>::new(1);
    let _ = async { gort::select! { v := <-rx => {} } };
    let _ = async { gort::select! { default => {}, rx.recv() => {} } };
    let _ = async { gort::select! { rx <- <-rx => {} } };
    let _ = async { gort::select! { v = <-rx } };
    let _ = async { gort::select! { v = <-rx, if 1 => {} } };
    let _ = async { gort::select! { default => {}, default => {} } };
}

//! `v = <-rx` yields a zero value when the channel is closed.

struct Opaque;

fn main() {
    let rx = gort::Chan::<Opaque>::new(1);
    let _ = async {
        gort::select! {
            v = <-rx => drop(v),
        }
    };
}

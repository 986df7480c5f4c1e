//! Only channels stand beside `<-`.

fn main() {
    let not = 5;
    let (tx, rx) = gort::chan::<i32>(1);
    let _ = async {
        gort::select! {
            <-not => {}
            r = not <- 1 => drop(r),
            r = rx <- 1 => drop(r),
            <-tx => {}
        }
    };
}

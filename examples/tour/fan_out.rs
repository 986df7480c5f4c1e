//! Two goroutines receive from one channel: whoever is free takes what comes next.
//!
//! ```go
//! type file struct {
//!     name  string
//!     takes time.Duration
//! }
//!
//! func download(files <-chan file, start time.Time) {
//!     for f := range files {
//!         time.Sleep(f.takes)
//!         fmt.Println(time.Since(start).Milliseconds(), "ms:", f.name)
//!     }
//! }
//!
//! func main() {
//!     start, files := time.Now(), make(chan file)
//!     var wg sync.WaitGroup
//!     for range 2 {
//!         wg.Go(func() { download(files, start) })
//!     }
//!     files <- file{"film", 60 * time.Millisecond}
//!     files <- file{"song", 20 * time.Millisecond}
//!     files <- file{"book", 10 * time.Millisecond}
//!     files <- file{"game", 50 * time.Millisecond}
//!     close(files)
//!     wg.Wait()
//! }
//! ```
//!
//! A receiver can be cloned, and each value goes to one of the clones; for each value to everybody, see
//! `pub_sub`. A file is moved, so that two goroutines cannot have the same one.

use gort::{
    Receiver,
    sync::WaitGroup,
    time::{Duration, Instant, sleep},
};

struct File {
    name: &'static str,
    takes: Duration,
}

impl File {
    fn new(name: &'static str, millis: u64) -> Self {
        Self { name, takes: Duration::from_millis(millis) }
    }
}

async fn download(files: Receiver<File>, start: Instant) {
    while let Some(file) = files.next().await {
        sleep(file.takes).await;
        println!("{} ms: {}", start.elapsed().as_millis(), file.name);
    }
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (start, (tx, files)) = (Instant::now(), gort::chan(0));
    let wg = WaitGroup::new();
    for _ in 0..2 {
        wg.go(download(files.clone(), start));
    }
    tx.send(File::new("film", 60)).await.unwrap();
    tx.send(File::new("song", 20)).await.unwrap();
    tx.send(File::new("book", 10)).await.unwrap();
    tx.send(File::new("game", 50)).await.unwrap();
    drop(tx); // no more files
    wg.wait().await;
}

//! The attributes' arguments.

#[gort::main(flavor = "multi_thread", start_paused = true)]
async fn paused() {}

#[gort::main(flavor = "current_thread", worker_threads = 4)]
async fn workers() {}

#[gort::main(flavour = "multi_thread")]
async fn unknown() {}

#[gort::main]
fn not_async() {}

#[gort::test]
#[test]
async fn twice() {}

#[gort::main]
async fn wrong_type() -> i32 {
    "text"
}

fn main() {}

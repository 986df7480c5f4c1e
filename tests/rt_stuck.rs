//! Workers that are stuck inside a poll: the others go on. The stuck polls end only when the other
//! goroutines have run, so a scheduler that strands them hangs the test. (More of it: T21 and T23 in
//! `hazards_runtime.rs`.)

use gort::runtime::Builder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn workers(count: usize) -> gort::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(count).build().unwrap()
}

#[test]
fn two_busy_goroutines_run_at_the_same_time() {
    workers(2).run(async {
        let seen: [Arc<AtomicBool>; 2] = Default::default();
        let busy: Vec<_> = [(0, 1), (1, 0)]
            .map(|(own, other)| {
                let (own, other) = (Arc::clone(&seen[own]), Arc::clone(&seen[other]));
                gort::go(async move {
                    own.store(true, Ordering::SeqCst);
                    while !other.load(Ordering::SeqCst) {
                        std::hint::spin_loop();
                    }
                })
            })
            .into();
        for handle in busy {
            handle.await.unwrap();
        }
    });
}

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
fn bench(name: &str, n: u64, mut f: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..400 {
        let t = Instant::now();
        for _ in 0..n {
            f();
        }
        best = best.min(t.elapsed().as_nanos() as f64 / n as f64);
    }
    println!("{name}: {best:.2} ns");
}
fn main() {
    let mut cx = Context::from_waker(Waker::noop());
    let n = 4_000;
    {
        let m = std::sync::Mutex::new(0u64);
        bench("std mutex lock+unlock", n, || {
            *black_box(&m).lock().unwrap() += 1;
        });
    }
    {
        let (tx, rx) = gort::chan::<u64>(64);
        bench("try_send+try_recv", n, || {
            let _ = black_box(tx.try_send(1));
            let _ = black_box(rx.try_recv());
        });
        bench("try_recv empty", n, || {
            let _ = black_box(rx.try_recv());
        });
        bench("send+recv ready (futures)", n, || {
            let r = pin!(tx.send(1)).poll(&mut cx);
            black_box(r.is_ready());
            let r = pin!(rx.recv()).poll(&mut cx);
            let _ = black_box(r);
        });
    }
    {
        let (tx, rx) = gort::chan::<u64>(0);
        bench("unbuf: recv parks, send, recv completes", n, || {
            let mut r = pin!(rx.recv());
            assert!(r.as_mut().poll(&mut cx).is_pending());
            assert!(pin!(tx.send(1)).poll(&mut cx).is_ready());
            assert!(matches!(r.as_mut().poll(&mut cx), Poll::Ready(1)));
        });
        bench("unbuf: send parks, recv, send completes", n, || {
            let mut s = pin!(tx.send(1));
            assert!(s.as_mut().poll(&mut cx).is_pending());
            assert!(matches!(pin!(rx.recv()).poll(&mut cx), Poll::Ready(1)));
            assert!(s.as_mut().poll(&mut cx).is_ready());
        });
        bench("unbuf: recv parks, dropped", n, || {
            let mut r = pin!(rx.recv());
            assert!(r.as_mut().poll(&mut cx).is_pending());
        });
    }
}

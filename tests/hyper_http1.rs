//! hyper, server and client, on our executor, timers and sockets.
#![cfg(feature = "hyper")]

use gort::compat::hyper::{GortExecutor, GortIo, GortTimer};
use gort::io::{AsyncReadExt, AsyncWriteExt};
use gort::net::{TcpListener, TcpStream};
use gort::time::{Duration, Instant, timeout};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Executor, Timer};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

fn run<T: Send + 'static>(main: impl Future<Output = T> + Send + 'static) -> T {
    gort::run(async { timeout(Duration::from_secs(30), main).await.expect("it hangs") })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::new([path.as_bytes(), b" ", &body].concat().into()));
    if path == "/missing" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}

/// Serves connections, of which each has so long for the head of its next request.
async fn serve(limit: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    GortExecutor::new().execute(async move {
        loop {
            let (conn, _) = listener.accept().await.unwrap();
            gort::spawn(async move {
                let mut server = server::conn::http1::Builder::new();
                server.timer(GortTimer::new()).header_read_timeout(limit);
                let _ = server.serve_connection(GortIo::new(conn), service_fn(answer)).await;
            });
        }
    });
    addr
}

#[test]
fn requests_on_one_connection() {
    run(async {
        let addr = serve(Duration::from_secs(30)).await;
        let io = GortIo::new(TcpStream::connect(addr).await.unwrap());
        let (mut client, conn) = client::conn::http1::handshake(io).await.unwrap();
        gort::spawn(conn);
        for round in 0..10 {
            let body = "x".repeat(round * 10_000);
            let request = Request::post("/a").header("host", "gort").body(body.clone()).unwrap();
            // The last response may be here before the connection knows that it is free again.
            client.ready().await.unwrap();
            let response = client.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(bytes, format!("/a {body}"));
        }
        let missing = Request::get("/missing").header("host", "gort").body(String::new()).unwrap();
        client.ready().await.unwrap();
        assert_eq!(client.send_request(missing).await.unwrap().status(), 404);
    });
}

#[test]
fn a_time_limit_of_hyper_is_kept_by_our_timers() {
    run(async {
        let addr = serve(Duration::from_millis(20)).await;
        let mut silent = TcpStream::connect(addr).await.unwrap();
        // The server hangs up on who does not finish a request.
        silent.write_all(b"GET / HT").await.unwrap();
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest).await;
    });
}

#[test]
fn a_sleep_may_be_reset_by_whoever_made_it() {
    run(async {
        let timer = GortTimer::new();
        let mut sleep = timer.sleep(Duration::from_secs(3600));
        timer.reset(&mut sleep, timer.now() + Duration::from_millis(1));
        sleep.await;
        let start = Instant::now();
        timer.sleep_until((start + Duration::from_millis(2)).into_std()).await;
        assert!(start.elapsed() >= Duration::from_millis(2));
    });
}

#[test]
fn the_adapter_undoes_itself() {
    run(async {
        let (mut a, b) = gort::io::duplex(16);
        let mut b = GortIo::new(GortIo::new(b));
        a.write_all(b"through").await.unwrap();
        a.shutdown().await.unwrap();
        let mut text = String::new();
        b.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "through");
        b.write_all(b"back").await.unwrap();
        b.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        a.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"back");
    });
}

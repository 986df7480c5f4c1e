//! Connections to an echo server that are cut short on either side at any moment, by an end, a reset
//! or an abort, with accepts, reads and writes that are given up on the way. What was sent, read,
//! written and came back is counted on both sides and compared.

use super::{AbortOnDrop, attempt, micros, start};
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::io::{AsyncReadExt, AsyncWriteExt};
use gort::net::tcp::OwnedWriteHalf;
use gort::net::{TcpListener, TcpStream, TooManyFiles};
use gort::time::sleep;
use gort::{Receiver, select};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// One side's view of a connection.
#[derive(Default)]
struct Side {
    /// The connection's number, which the client sends first; 0 before that.
    id: AtomicU32,
    /// This side has cut it short, or was aborted. Set before the deed.
    cut: AtomicBool,
    /// This side met an error, or an end that came too early.
    failed: AtomicBool,
    /// Bytes this side has put into the connection, and taken out.
    put: AtomicU64,
    taken: AtomicU64,
}

impl Side {
    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Writes all of `bytes`, some of it by writes that are given up first.
    async fn write(
        &self,
        to: &mut (impl AsyncWriteExt + Unpin),
        mut bytes: &[u8],
        rng: &mut Rng,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = match rng.u8(0..8) {
                0 => match attempt(1, to.write(bytes)).await {
                    Some(outcome) => outcome?,
                    None => {
                        TALLY.operations_given_up.one();
                        continue;
                    }
                },
                _ => to.write(bytes).await?,
            };
            self.put.fetch_add(n as u64, Ordering::Relaxed);
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Reads what is there; some reads are given up and made again. 0 is the end.
    async fn read(
        &self,
        from: &mut (impl AsyncReadExt + Unpin),
        buffer: &mut [u8],
        rng: &mut Rng,
    ) -> io::Result<usize> {
        loop {
            let n = match rng.u8(0..8) {
                0 => match attempt(1, from.read(buffer)).await {
                    Some(outcome) => outcome?,
                    None => {
                        TALLY.operations_given_up.one();
                        continue;
                    }
                },
                _ => from.read(buffer).await?,
            };
            self.taken.fetch_add(n as u64, Ordering::Relaxed);
            return Ok(n);
        }
    }
}

/// Byte number `offset` of connection `id`.
fn pattern(id: u32, offset: u64) -> u8 {
    (u64::from(id) * 31 + offset * 7 + (offset >> 8)) as u8
}

fn piece(id: u32, offset: u64, length: usize) -> Vec<u8> {
    (offset..offset + length as u64).map(|at| pattern(id, at)).collect()
}

/// Closes the connection, half of the times so that the other side sees a reset.
fn cut_off(conn: &TcpStream, side: &Side, rng: &mut Rng) {
    side.cut();
    if rng.bool() && conn.set_zero_linger().is_ok() {
        TALLY.resets.one();
    }
}

/// The server's side of one connection.
async fn echo(mut conn: TcpStream, side: Arc<Side>, mut rng: Rng) {
    let mut id = [0; 4];
    if conn.read_exact(&mut id).await.is_err() {
        return side.fail();
    }
    side.id.store(u32::from_le_bytes(id), Ordering::Relaxed);
    let mut buffer = vec![0; rng.usize(1..8 << 10)];
    let most = if rng.u8(0..8) == 0 { rng.u64(0..40_000) } else { u64::MAX };
    loop {
        match side.read(&mut conn, &mut buffer, &mut rng).await {
            Ok(0) => break,
            Ok(n) => {
                if side.write(&mut conn, &buffer[..n], &mut rng).await.is_err() {
                    return side.fail();
                }
            }
            Err(_) => return side.fail(),
        }
        if side.taken.load(Ordering::Relaxed) > most {
            return cut_off(&conn, &side, &mut rng);
        }
    }
    if conn.shutdown().await.is_err() {
        side.fail();
    }
}

/// Accepts until `stop` is closed, then waits for the last connection to end.
async fn serve(listener: TcpListener, stop: Receiver<()>, sides: Sides, mut rng: Rng) {
    let mut served = Vec::new();
    loop {
        let at_once = if rng.u8(0..4) == 0 { attempt(1, listener.accept()).await } else { None };
        let accepted = match at_once {
            Some(accepted) => accepted,
            None => select! {
                accepted = listener.accept() => accepted,
                <-stop => break,
            },
        };
        let conn = match accepted {
            Ok((conn, _)) => conn,
            Err(error) => {
                let expected = is_descriptors(&error);
                demand!(expected, "accept: {error}");
                TALLY.accepts_refused.one();
                continue;
            }
        };
        let side = Arc::<Side>::default();
        lock(&sides).push(Arc::clone(&side));
        let task = start(echo(conn, Arc::clone(&side), rng.fork()));
        if rng.u8(0..16) == 0 {
            let (delay, abort) = (micros(&mut rng, 5_000), task.abort_handle());
            start(async move {
                sleep(delay).await;
                side.cut();
                abort.abort();
            });
        }
        served.push(task);
    }
    for task in served {
        if let Err(error) = task.await {
            demand!(error.is_cancelled(), "the server's side of a connection: {error}");
        }
    }
}

fn is_descriptors(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TooManyFiles>())
}

type Sides = Arc<Mutex<Vec<Arc<Side>>>>;

fn lock(sides: &Sides) -> std::sync::MutexGuard<'_, Vec<Arc<Side>>> {
    sides.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Connects; `None` if that was given up or refused.
async fn connect(addr: SocketAddr, rng: &mut Rng) -> Option<TcpStream> {
    TALLY.connects.one();
    let outcome = match rng.u8(0..8) {
        0 => attempt(1, TcpStream::connect(addr)).await,
        _ => Some(TcpStream::connect(addr).await),
    };
    match outcome {
        Some(Ok(conn)) => {
            TALLY.connected.one();
            return Some(conn);
        }
        Some(Err(error)) => {
            demand!(is_descriptors(&error), "connect: {error}");
            TALLY.connects_refused.one();
        }
        None => TALLY.connects_given_up.one(),
    }
    None
}

/// The client's side of one connection.
async fn talk(mut conn: TcpStream, side: Arc<Side>, mut rng: Rng) {
    let id = side.id.load(Ordering::Relaxed);
    // Not counted: it does not come back.
    if conn.write_all(&id.to_le_bytes()).await.is_err() {
        return side.fail();
    }
    let total = rng.u64(0..60_000);
    let most = if rng.u8(0..4) == 0 { rng.u64(0..total + 1) } else { u64::MAX };
    let ended = match rng.bool() {
        true => in_turns(&mut conn, &side, total, most, &mut rng).await,
        false => return at_the_same_time(conn, side, total, most, rng).await,
    };
    match ended {
        Ok(true) => {}
        Ok(false) => cut_off(&conn, &side, &mut rng),
        Err(_) => side.fail(),
    }
}

/// Sends a piece, reads it back, and so on, and then reads the end. False: time to cut it short.
async fn in_turns(
    conn: &mut TcpStream,
    side: &Side,
    total: u64,
    most: u64,
    rng: &mut Rng,
) -> io::Result<bool> {
    let (id, mut offset) = (side.id.load(Ordering::Relaxed), 0);
    let mut buffer = vec![0; 4 << 10];
    while offset < total {
        if offset >= most {
            return Ok(false);
        }
        let length = rng.usize(1..8 << 10).min((total - offset) as usize);
        side.write(conn, &piece(id, offset, length), rng).await?;
        let end = offset + length as u64;
        while offset < end {
            let n = side.read(conn, &mut buffer, rng).await?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            compare(id, offset, &buffer[..n]);
            offset += n as u64;
        }
    }
    conn.shutdown().await?;
    match side.read(conn, &mut buffer, rng).await? {
        0 => Ok(true),
        n => {
            demand!(false, "connection {id}: {n} bytes too many came back");
            Ok(true)
        }
    }
}

fn compare(id: u32, offset: u64, bytes: &[u8]) {
    let wrong = (offset..).zip(bytes).find(|&(at, byte)| pattern(id, at) != *byte);
    demand!(wrong.is_none(), "connection {id}: byte {wrong:?} is not what was sent");
}

/// One goroutine sends, another reads.
async fn at_the_same_time(conn: TcpStream, side: Arc<Side>, total: u64, most: u64, mut rng: Rng) {
    let id = side.id.load(Ordering::Relaxed);
    let (mut from, to) = conn.into_split();
    let writer = start(pour(to, Arc::clone(&side), total, rng.fork()));
    // Nobody reads what it sends when this goroutine is gone.
    let _writer = AbortOnDrop(writer.abort_handle());
    let (mut buffer, mut offset) = (vec![0; 4 << 10], 0);
    loop {
        match side.read(&mut from, &mut buffer, &mut rng).await {
            Ok(0) => break,
            Ok(n) => compare(id, offset, &buffer[..n]),
            Err(_) => return side.fail(),
        }
        offset = side.taken.load(Ordering::Relaxed);
        if offset > most {
            return side.cut();
        }
    }
    if offset < total {
        return side.fail();
    }
    demand!(writer.await.is_ok(), "connection {id}: its writer");
}

async fn pour(mut to: OwnedWriteHalf, side: Arc<Side>, total: u64, mut rng: Rng) {
    let (id, mut offset) = (side.id.load(Ordering::Relaxed), 0);
    while offset < total {
        let length = rng.usize(1..16 << 10).min((total - offset) as usize);
        if side.write(&mut to, &piece(id, offset, length), &mut rng).await.is_err() {
            return side.fail();
        }
        offset += length as u64;
    }
    if to.shutdown().await.is_err() {
        side.fail();
    }
}

/// Makes connections one after the other, some of which it aborts.
async fn client(addr: SocketAddr, ids: std::ops::Range<u32>, sides: Sides, mut rng: Rng) {
    for id in ids {
        let Some(conn) = connect(addr, &mut rng).await else { continue };
        let side = Arc::<Side>::default();
        side.id.store(id, Ordering::Relaxed);
        lock(&sides).push(Arc::clone(&side));
        let talk = start(talk(conn, Arc::clone(&side), rng.fork()));
        if rng.u8(0..12) == 0 {
            sleep(micros(&mut rng, 3_000)).await;
            side.cut();
            talk.abort();
        }
        if let Err(error) = talk.await {
            demand!(error.is_cancelled(), "the client's side of a connection: {error}");
        }
    }
}

/// A server and its clients; `squeezed` clients meet times without descriptors.
pub async fn run(mut rng: Rng, squeezed: bool) {
    let bound = TcpListener::bind("127.0.0.1:0").await;
    let listener = match bound {
        Ok(listener) => listener,
        Err(error) => return demand!(false, "bind: {error}"),
    };
    let addr = listener.local_addr().expect("it is bound");
    let (stop, stopped) = gort::chan(0);
    let (server_sides, client_sides) = (Sides::default(), Sides::default());
    let server = start(serve(listener, stopped, Arc::clone(&server_sides), rng.fork()));
    let each = rng.u32(4..24);
    let clients: Vec<_> = (0..rng.u32(2..8))
        .map(|n| {
            let ids = 1 + n * each..1 + (n + 1) * each;
            start(client(addr, ids, Arc::clone(&client_sides), rng.fork()))
        })
        .collect();
    for _ in 0..if squeezed { 6 } else { 0 } {
        let squeeze = super::descriptors::Squeeze::new(rng.u64(0..4));
        sleep(micros(&mut rng, 20_000)).await;
        drop(squeeze);
        sleep(micros(&mut rng, 5_000)).await;
    }
    for client in clients {
        demand!(client.await.is_ok(), "a client");
    }
    stop.close();
    demand!(server.await.is_ok(), "the server");
    let (server_sides, client_sides) = (lock(&server_sides), lock(&client_sides));
    settle(&server_sides, &client_sides);
}

/// Compares what both sides counted.
fn settle(server_sides: &[Arc<Side>], client_sides: &[Arc<Side>]) {
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut known: HashMap<u32, &Arc<Side>> =
        server_sides.iter().map(|side| (side.id.load(Ordering::Relaxed), side)).collect();
    // Cut off by the server before it knew whose they were.
    let nameless = |side: &&Arc<Side>| side.id.load(Ordering::Relaxed) == 0 && side.is_cut();
    let mut nameless = server_sides.iter().filter(nameless).count();
    for client in client_sides {
        let id = client.id.load(Ordering::Relaxed);
        let (sent, back) = (get(&client.put), get(&client.taken));
        let Some(server) = known.remove(&id) else {
            demand!(client.is_cut() || nameless > 0, "connection {id} was never served");
            demand!(back == 0, "connection {id}: {back} bytes came from nowhere");
            nameless -= usize::from(!client.is_cut() && nameless > 0);
            TALLY.cut.one();
            TALLY.bytes_sent.add(sent);
            continue;
        };
        let (read, written) = (get(&server.taken), get(&server.put));
        let counts = format!("{sent} sent, {read} read, {written} written, {back} back");
        demand!(back <= written && written <= read && read <= sent, "connection {id}: {counts}");
        if client.is_cut() || server.is_cut() {
            TALLY.cut.one();
        } else {
            demand!(sent == back, "connection {id}, which nobody cut: {counts}");
            let failed = [client, server].map(|side| side.failed.load(Ordering::Relaxed));
            demand!(
                failed == [false, false],
                "connection {id}, which nobody cut: failed {failed:?}"
            );
            TALLY.whole.one();
        }
        TALLY.bytes_sent.add(sent);
        TALLY.bytes_read.add(read);
        TALLY.bytes_written.add(written);
        TALLY.bytes_back.add(back);
    }
}

//! Instructions and locked instructions an operation, by single-stepping, and its system calls: exact,
//! and the same on a loaded machine as on an idle one.
//!
//! A row is a child process (`memory step ROW N`). It calls `getppid` before and after its N operations;
//! between the two the parent steps through it and looks at every instruction, or, for the row about
//! sockets, at the system calls alone. A locked instruction is one with a `lock` prefix, or an `xchg`
//! with memory, which needs none.
//!
//! Stepping makes an operation take milliseconds, in which a runtime would look at its poller. So the
//! stepped rows run on a simulated runtime, whose clock stands still, in the ordinary order.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, parent_id};
use std::process::Command;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use gort::net::{TcpListener, TcpStream};
use gort::runtime::{Builder, Schedule};
use gort::{Chan, select};

/// An operation, and the most that a hundred of it may take.
struct Row {
    name: &'static str,
    what: &'static str,
    operations: u64,
    /// Locked instructions; `None` if the row is about system calls.
    locked: Option<u64>,
    system_calls: u64,
}

/// The operations of a stepped row. One that goes through a buffer of 128 has cycles of 130, of which these are
/// four: a sender fills it, one more waits and one is handed over.
const STEPPED: u64 = 520;

const fn stepped(name: &'static str, what: &'static str, locked: u64) -> Row {
    Row { name, what, operations: STEPPED, locked: Some(locked), system_calls: 0 }
}

const fn socket(name: &'static str, what: &'static str, system_calls: u64) -> Row {
    Row { name, what, operations: 64 * 16, locked: None, system_calls }
}

const ROWS: &[Row] = &[
    stepped("hop", "a send and a receive that meet, unbuffered", 1000),
    stepped("buffered", "a send and a receive through a buffer", 220),
    stepped("select", "a select of 2 that waits, and the send that ends it", 1300),
    stepped("spawn", "a goroutine started, run and awaited", 2400),
    stepped("yield", "a yield", 520),
    stepped("lock", "lock and unlock", 200),
    socket(
        "echo",
        "64 bytes there and back over TCP, both ends; they just fit into what reads them",
        600,
    ),
    socket("echo_room", "the same with room for more", 600),
    socket("echo_many", "the same on 64 connections at once", 500),
];

/// Follows every row and prints what it saw; complains about what exceeds its bound.
pub fn print() -> Result<(), String> {
    println!("| operation | instructions | locked | system calls | which |");
    println!("|---|---:|---:|---:|---|");
    let mut complaints = Vec::new();
    for row in ROWS {
        let seen = trace(row)?;
        print_row(row, &seen);
        if row.locked.is_some_and(|most| seen.locked * 100 > most * row.operations) {
            complaints.push(format!("{}: too many locked instructions", row.name));
        }
        if seen.all_calls() * 100 > row.system_calls * row.operations {
            complaints.push(format!("{}: too many system calls", row.name));
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
}

fn print_row(row: &Row, seen: &Seen) {
    let each = |count: u64| count as f64 / row.operations as f64;
    let stepped = match row.locked {
        Some(_) => format!("{:.0} | {:.1}", each(seen.instructions), each(seen.locked)),
        None => " | ".to_owned(),
    };
    let which: Vec<_> = seen
        .calls
        .iter()
        .map(|(number, count)| format!("{} {:.2}", name_of(*number), each(*count)))
        .collect();
    let calls = each(seen.all_calls());
    println!("| {} | {stepped} | {calls:.2} | {} |", row.what, which.join(", "));
}

fn name_of(number: u64) -> String {
    match i64::try_from(number).unwrap_or(-1) {
        libc::SYS_read => "read".into(),
        libc::SYS_write => "write".into(),
        libc::SYS_recvfrom => "recv".into(),
        libc::SYS_recvmsg => "recvmsg".into(),
        libc::SYS_sendto => "send".into(),
        libc::SYS_epoll_wait | libc::SYS_epoll_pwait => "epoll_wait".into(),
        libc::SYS_futex => "futex".into(),
        _ => format!("call {number}"),
    }
}

/// What happened between the marks; `calls` by the number of the system call.
#[derive(Default)]
struct Seen {
    instructions: u64,
    locked: u64,
    calls: BTreeMap<u64, u64>,
}

impl Seen {
    fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }
}

// ----- the child

/// Does `n` operations of a row between two marks.
pub fn run(name: &str, n: u64) -> Result<(), String> {
    // Zeros are the ordinary order; each poll takes a few.
    let ordinary = Schedule::from_bytes(vec![0; usize::try_from(n * 100).unwrap()]);
    let mut builder = match name {
        "echo" | "echo_room" | "echo_many" => Builder::new_current_thread(),
        _ => Builder::simulated(ordinary),
    };
    let runtime = builder.build().map_err(|e| e.to_string())?;
    let goroutine = match name {
        "hop" => runtime.spawn(pass(0, n)),
        "buffered" => runtime.spawn(pass(128, n)),
        "select" => runtime.spawn(select_2(n)),
        "spawn" => runtime.spawn(async move {
            for _ in rounds(n) {
                gort::go(async {}).await.unwrap();
            }
        }),
        "yield" => runtime.spawn(async move {
            for _ in rounds(n) {
                gort::task::yield_now().await;
            }
        }),
        "lock" => runtime.spawn(async move {
            let mutex = gort::sync::Mutex::new(0);
            for _ in rounds(n) {
                *mutex.lock().await += 1;
            }
        }),
        "echo" => runtime.spawn(echo(1, REQUEST, n)),
        "echo_room" => runtime.spawn(echo(1, 1024, n)),
        "echo_many" => runtime.spawn(echo(64, 1024, n)),
        _ => return Err(format!("no row {name}")),
    };
    runtime.block_on(goroutine).map_err(|e| e.to_string())
}

/// Twice `n` rounds: the first `n` to warm up, the others between two marks.
fn rounds(n: u64) -> impl Iterator<Item = u64> {
    let mark = move |i: &u64| {
        if *i == n || *i == 2 * n {
            std::hint::black_box(parent_id());
        }
    };
    (0..=2 * n).inspect(mark).take_while(move |&i| i < 2 * n)
}

async fn pass(cap: usize, n: u64) {
    let ch = Chan::<u64>::new(cap);
    let receiver = gort::go({
        let ch = ch.clone();
        async move { while ch.next().await.is_some() {} }
    });
    for i in rounds(n) {
        ch.send(i).await;
    }
    ch.close();
    receiver.await.unwrap();
}

async fn select_2(n: u64) {
    let (a, b) = (Chan::<u64>::new(0), Chan::<u64>::new(0));
    let sender = gort::go({
        let a = a.clone();
        async move {
            for i in 0..2 * n {
                a.send(i).await;
            }
        }
    });
    for _ in rounds(n) {
        select! {
            _v = <-a => {}
            _v = <-b => {}
        }
    }
    sender.await.unwrap();
}

/// The bytes of a request.
const REQUEST: usize = 64;

/// `n` requests in rounds of one for each connection. All reads have `room` for so many bytes.
async fn echo(connections: u64, room: usize, n: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..connections {
        let client = TcpStream::connect(address).await.unwrap();
        client.set_nodelay(true).unwrap();
        clients.push(client);
        let (server, _) = listener.accept().await.unwrap();
        servers.push(gort::go(serve(server, room)));
    }
    let mut buf = vec![7; room];
    for _ in rounds(n / connections) {
        for client in &mut clients {
            client.write_all(&buf[..REQUEST]).await.unwrap();
        }
        for client in &mut clients {
            assert_eq!(
                client.read(&mut buf).await.unwrap(),
                REQUEST,
                "loopback splits nothing so small"
            );
        }
    }
    drop(clients);
    for server in servers {
        server.await.unwrap();
    }
}

/// Sends back what comes until the other end closes.
async fn serve(mut stream: TcpStream, room: usize) {
    let mut buf = vec![0; room];
    loop {
        let n = stream.read(&mut buf).await.unwrap();
        if n == 0 {
            return;
        }
        stream.write_all(&buf[..n]).await.unwrap();
    }
}

// ----- the parent

fn trace(row: &Row) -> Result<Seen, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(own);
    command.args(["step", row.name, &row.operations.to_string()]);
    // SAFETY: ptrace is a system call and touches no memory of the child's.
    unsafe {
        command.pre_exec(|| {
            if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
    let child = command.spawn().map_err(|e| format!("{}: {e}", row.name))?;
    let tracee = Tracee::new(i32::try_from(child.id()).expect("a process id is an i32"))?;
    let follow = if row.locked.is_some() { Tracee::step } else { Tracee::watch };
    let seen = tracee
        .run_to_mark()
        .and_then(|()| follow(&tracee))
        .map_err(|e| format!("{}: {e}", row.name));
    tracee.kill();
    seen
}

/// The system call that marks where to look.
const MARK: u64 = libc::SYS_getppid as u64;

/// A process that is being traced, and its memory.
struct Tracee {
    pid: i32,
    memory: std::fs::File,
}

/// What is to be known of the registers.
struct Registers {
    instruction: u64,
    rax: u64,
    original_rax: u64,
}

impl Tracee {
    /// The process stops at its `exec`, which is waited for.
    fn new(pid: i32) -> Result<Self, String> {
        wait(pid)?;
        let memory = std::fs::File::open(format!("/proc/{pid}/mem")).map_err(|e| e.to_string())?;
        Ok(Self { pid, memory })
    }

    /// Lets it run until it has returned from its first mark.
    fn run_to_mark(&self) -> Result<(), String> {
        while self.next_call()? != MARK {}
        Ok(())
    }

    /// Lets it run until it has returned from a system call, and tells which.
    fn next_call(&self) -> Result<u64, String> {
        self.go_on(libc::PTRACE_SYSCALL)?;
        let number = self.registers()?.original_rax;
        self.go_on(libc::PTRACE_SYSCALL)?;
        Ok(number)
    }

    /// Lets it run to the next mark and counts its system calls.
    fn watch(&self) -> Result<Seen, String> {
        let mut seen = Seen::default();
        loop {
            match self.next_call()? {
                MARK => return Ok(seen),
                number => *seen.calls.entry(number).or_default() += 1,
            }
        }
    }

    /// Steps to the next mark and looks at every instruction.
    fn step(&self) -> Result<Seen, String> {
        let mut seen = Seen::default();
        loop {
            let registers = self.registers()?;
            let mut code = [0; 15];
            let read = self.memory.read_at(&mut code, registers.instruction);
            let code = &code[..read.map_err(|e| e.to_string())?];
            if code.starts_with(&[0x0f, 0x05]) {
                if registers.rax == MARK {
                    return Ok(seen);
                }
                *seen.calls.entry(registers.rax).or_default() += 1;
            }
            seen.instructions += 1;
            seen.locked += u64::from(is_locked(code));
            self.go_on(libc::PTRACE_SINGLESTEP)?;
        }
    }

    fn go_on(&self, how: libc::c_uint) -> Result<(), String> {
        // SAFETY: no address is passed.
        if unsafe { libc::ptrace(how, self.pid, 0, 0) } != 0 {
            return Err(std::io::Error::last_os_error().to_string());
        }
        wait(self.pid)
    }

    fn registers(&self) -> Result<Registers, String> {
        // SAFETY: plain integers, for which all zeros is a value.
        let mut all: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: the call fills the struct it is given.
        if unsafe { libc::ptrace(libc::PTRACE_GETREGS, self.pid, 0, &raw mut all) } != 0 {
            return Err(std::io::Error::last_os_error().to_string());
        }
        Ok(Registers { instruction: all.rip, rax: all.rax, original_rax: all.orig_rax })
    }

    fn kill(&self) {
        // SAFETY: signals and waits concern our own child only.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

/// Waits until the process has stopped.
fn wait(pid: i32) -> Result<(), String> {
    let mut status = 0;
    // SAFETY: the call fills the integer it is given.
    if unsafe { libc::waitpid(pid, &raw mut status, 0) } != pid {
        return Err(std::io::Error::last_os_error().to_string());
    }
    if libc::WIFSTOPPED(status) { Ok(()) } else { Err("the child ended early".into()) }
}

/// Whether the instruction that starts with `code` is a locked one.
fn is_locked(code: &[u8]) -> bool {
    let mut rest = code;
    while let [first, tail @ ..] = rest {
        match first {
            0xf0 => return true,
            // Other prefixes: operand size, segments, repetitions, REX.
            0x66 | 0x67 | 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0xf2 | 0xf3 | 0x40..=0x4f => {
                rest = tail;
            }
            // xchg; registers only if the upper bits of the next byte are set.
            0x86 | 0x87 => return tail.first().is_some_and(|modrm| modrm < &0xc0),
            _ => return false,
        }
    }
    false
}

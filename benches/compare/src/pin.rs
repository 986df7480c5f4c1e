//! One CPU for a child that is to have one thread's worth of it. Runtimes with one worker have other
//! threads as well (one that stands in, one that waits for events, a collector), and these would
//! work beside it for nothing.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Confines the process that `command` starts, and all its threads, to one CPU.
pub fn to_one_cpu(command: &mut Command) -> Result<(), String> {
    let one = last_cpu().map_err(|e| format!("sched_getaffinity: {e}"))?;
    let confine = move || {
        // SAFETY: the set is a whole one; 0 is the calling thread, the only one after a fork.
        match unsafe { libc::sched_setaffinity(0, size_of_val(&one), &one) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it does one system call, and allocates and locks nothing.
    unsafe { command.pre_exec(confine) };
    Ok(())
}

/// The last of the CPUs that this process may use: the first has the most interrupts to serve.
fn last_cpu() -> io::Result<libc::cpu_set_t> {
    // SAFETY: a set is plain bits, for which all zeros is a value, and the call writes only to the one
    // that it is given, no more than its size.
    let (got, all, mut one) = unsafe {
        let mut all: libc::cpu_set_t = std::mem::zeroed();
        (libc::sched_getaffinity(0, size_of_val(&all), &mut all), all, std::mem::zeroed())
    };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    let limit = usize::try_from(libc::CPU_SETSIZE).unwrap();
    // SAFETY: the number is below the size of a set.
    let last = (0..limit).rev().find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &all) });
    let last = last.expect("this thread runs somewhere");
    // SAFETY: as above.
    unsafe { libc::CPU_SET(last, &mut one) };
    Ok(one)
}

//! A fence on every processor that runs a thread of this process, by `membarrier(2)`: an interrupt
//! to each. Whoever is not running has executed one when it was switched away from.

#[cfg(target_os = "linux")]
use std::io;
#[cfg(target_os = "linux")]
use std::process::abort;

/// Announces to the operating system that this process will use it: whether it may.
#[cfg(target_os = "linux")]
pub(crate) fn register() -> bool {
    let is_there = |()| call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
        .and_then(is_there)
        .is_ok()
}

/// Returns when they have executed it, and this one too. After [`register`].
///
/// Ends the process if the operating system has taken it away since: to go on would let copies land
/// late, in memory that may be another task's by then.
#[cfg(target_os = "linux")]
pub(crate) fn fence_everywhere() {
    if let Err(error) = call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
        eprintln!(
            "usufruct: membarrier does not work any more ({error}); the process ends, for copies could land after they were forbidden"
        );
        abort();
    }
}

#[cfg(target_os = "linux")]
fn call(command: libc::c_int) -> io::Result<()> {
    // SAFETY: the call has numbers for arguments, and changes no memory of the process's.
    match unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn register() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn fence_everywhere() {}

//! A fence on every processor that runs a thread of this process, by `membarrier(2)`: an interrupt
//! to each. Whoever is not running has executed one when it was switched away from.

#[cfg(target_os = "linux")]
use std::io;

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
/// # Panics
///
/// If the operating system has taken it away since. To go on would let copies land late.
#[cfg(target_os = "linux")]
pub(crate) fn fence_everywhere() {
    call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
        .expect("membarrier works for a process that has registered");
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

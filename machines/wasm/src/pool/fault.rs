//! Faults of a guest at the pool: which address, and was it a store?
//!
//! The engine's handler of signals asks the handler here first, on the guest's
//! thread, in the middle of the guest's instruction: so nothing of the kernel's
//! is held by this thread, and its locks may be taken. A load behind the pool
//! or anywhere else outside the heap stays what it is, a trap of the engine's.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use libc::siginfo_t;
use rustix::io::Errno;
use wasmtime::Store;
use wasmtime::unix::StoreExt;

use super::window::Window;

/// What becomes of a store that the memory protection has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The mapping is right now: execute the store again.
    Retry,
    /// It traps.
    Forbidden,
}

/// Has every stopped store of the Store's guest into `window` judged, given its
/// offset in the pool, in bytes.
///
/// `judge` runs in a signal handler, on the guest's thread. It may take locks
/// that are never held while a guest's code runs; it must not panic.
pub(crate) fn judge_stores<T>(
    store: &mut Store<T>,
    window: Window,
    judge: impl Fn(usize) -> Verdict + Send + Sync + 'static,
) {
    let handler = move |_: c_int, info: *const siginfo_t, context: *const c_void| {
        // SAFETY: the kernel's description of the signal, for the length of the handler.
        let info = unsafe { &*info };
        // SAFETY: SIGSEGV and SIGBUS have an address, and for what other signals
        // have in its place no instruction has stored into the pool.
        let address = unsafe { info.si_addr() }.addr();
        let Some(offset) = window.offset_of(address) else {
            return false;
        };
        // SAFETY: the context that the kernel has passed for this signal.
        let is_store = unsafe { is_store(context) };
        is_store && judge(offset) == Verdict::Retry
    };
    // SAFETY: the faults in `window` are those of guest instructions, for nothing
    // else uses that range; so what `judge` does, it does between two
    // instructions of the guest, as in a call.
    unsafe { store.set_signal_handler(handler) }
}

/// Whether the instruction that faulted wanted to store.
///
/// # Safety
///
/// `context` is what the kernel has passed to the handler of a SIGSEGV or SIGBUS.
#[cfg(target_arch = "x86_64")]
unsafe fn is_store(context: *const c_void) -> bool {
    /// Of the processor's error code for page faults.
    const WRITE: i64 = 1 << 1;
    let context: *const libc::ucontext_t = context.cast();
    // SAFETY: the caller's word.
    let error = unsafe { (*context).uc_mcontext.gregs[libc::REG_ERR as usize] };
    error & WRITE != 0
}

/// Elsewhere every fault in the pool counts as a store: loads do not fault there.
///
/// # Safety
///
/// None is needed.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn is_store(_: *const c_void) -> bool {
    true
}

/// Gives SIGBUS to the engine's handler of SIGSEGV, which understands both: that
/// is how stores to pages protected by userfaultfd arrive. Once for the process,
/// after an engine has been made.
///
/// # Errors
///
/// The operating system refuses.
pub(super) fn route_bus_errors() -> Result<(), Errno> {
    static ROUTED: OnceLock<Result<(), Errno>> = OnceLock::new();
    *ROUTED.get_or_init(|| {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a question; the answer has room.
        let asked = unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: an action of this process, which is right for either signal.
        let set = unsafe { libc::sigaction(libc::SIGBUS, action.as_ptr(), ptr::null_mut()) };
        if asked == 0 && set == 0 {
            Ok(())
        } else {
            Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL))
        }
    })
}

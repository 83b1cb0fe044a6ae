//! Giving a task's memory back to the host.
//!
//! The host unmaps a memory under a lock that whoever maps memory waits for:
//! the workers, when a task begins or grows. For a gibibyte that is tens of
//! milliseconds, so a large memory is emptied first, piece by piece.

use wasmtime::Store;

use crate::pool::Guarded;
use crate::state::Guest;

/// Bytes that are given back at a time: some tenths of a millisecond.
const PIECE_BYTES: usize = 4 << 20;

/// Drops a Store, and its view of the pool and its memory with it. After the
/// barrier of the task's end.
pub(crate) fn give_back(store: Guarded<Guest>) {
    empty(&store);
    drop(store);
}

/// Gives the memory's bytes back, but for a last piece or less.
#[cfg(target_os = "linux")]
fn empty(store: &Store<Guest>) {
    use rustix::mm::{Advice, madvise};

    let Some(memory) = store.data().exported else {
        return;
    };
    let whole = memory.data_size(store).saturating_sub(PIECE_BYTES);
    for from in (0..whole).step_by(PIECE_BYTES) {
        let piece = memory.data_ptr(store).wrapping_add(from).cast();
        // SAFETY:
        // 1. The piece lies in the linear memory, which is mapped as long as its
        //    Store is there.
        // 2. Nobody looks at its bytes again: the guest is over, for the Store
        //    goes now, and after the barrier no copy reads or stores them.
        let given = unsafe { madvise(piece, PIECE_BYTES, Advice::LinuxDontNeed) };
        if given.is_err() {
            // `drop` gives back what is left.
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn empty(_: &Store<Guest>) {}

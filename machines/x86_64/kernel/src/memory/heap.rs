//! The allocator of the tables that are made at boot: it only ever gives.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Room for the core's tables and the list of free frames, in bytes.
const HEAP_BYTES: usize = 4 << 20;

/// Memory that is given out from the bottom up, and never taken back.
#[repr(C, align(4096))]
struct Bump {
    memory: UnsafeCell<[u8; HEAP_BYTES]>,
    /// Bytes given out; never more than `HEAP_BYTES`.
    used: AtomicUsize,
}

// SAFETY: `memory` is never accessed through the static itself; each byte is given
// out once, to one caller, because `used` moves by atomic updates only.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump {
    memory: UnsafeCell::new([0; HEAP_BYTES]),
    used: AtomicUsize::new(0),
};

// SAFETY:
// 1. A block given out lies in `memory`, has the layout's size and alignment (`place`
//    sees to both; an alignment of more than the static's own is refused), and overlaps
//    no other, for `used` only grows and is moved past the block in one update.
// 2. It neither unwinds nor allocates.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let place = |used: usize| {
            let start = used.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size())?;
            (end <= HEAP_BYTES && layout.align() <= align_of::<Self>()).then_some((start, end))
        };
        let moved = self
            .used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(place(used)?.1)
            });
        match moved.ok().and_then(place) {
            Some((start, _)) => self.memory.get().cast::<u8>().wrapping_add(start),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

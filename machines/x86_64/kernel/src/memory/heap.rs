//! The allocator of the tables that are made at boot: it only ever gives.

use super::{DIRECT_MAP, FRAME_BYTES};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What there is from the start, in bytes: room for what is read at boot, and for the tables of
/// a kernel with few pages.
const FIRST_BYTES: usize = 4 << 20;

/// Memory that is given out from the bottom up, and never taken back.
#[repr(C, align(4096))]
struct Bump {
    memory: UnsafeCell<[u8; FIRST_BYTES]>,
    /// Bytes of it that have been given out.
    used: AtomicUsize,
    /// Used before `memory`, once it is there: where it begins, how many bytes it has, and how
    /// many of those have been given out.
    second_begin: AtomicUsize,
    second_bytes: AtomicUsize,
    second_used: AtomicUsize,
}

// SAFETY: `memory` is never accessed through the static itself; each byte is given
// out once, to one caller, because what is used moves by atomic updates only.
unsafe impl Sync for Bump {}

// All zeros, or the image would have all of it in its file.
#[global_allocator]
static HEAP: Bump = Bump {
    memory: UnsafeCell::new([0; FIRST_BYTES]),
    used: AtomicUsize::new(0),
    second_begin: AtomicUsize::new(0),
    second_bytes: AtomicUsize::new(0),
    second_used: AtomicUsize::new(0),
};

/// Goes on with memory at these physical addresses, whole frames that were nobody's and that
/// the direct map shows. Once.
pub(crate) fn go_on_with(memory: Range<u64>) {
    let begin = (DIRECT_MAP + memory.start) as usize;
    let bytes = (memory.end - memory.start) as usize;
    HEAP.second_begin.store(begin, Ordering::Relaxed);
    HEAP.second_bytes.store(bytes, Ordering::Release);
}

/// Gives out a block of so many bytes, of which some are used: how far it is from the beginning.
fn take(layout: Layout, bytes: usize, used: &AtomicUsize) -> Option<usize> {
    let place = |used: usize| {
        let start = used.checked_next_multiple_of(layout.align())?;
        let end = start.checked_add(layout.size())?;
        (end <= bytes && layout.align() <= FRAME_BYTES as usize).then_some((start, end))
    };
    let moved = used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
        Some(place(used)?.1)
    });
    Some(moved.ok().and_then(place)?.0)
}

// SAFETY:
// 1. A block given out lies in `memory`, or in what `go_on_with` was given, has the layout's
//    size and alignment (`take` sees to both, and both parts begin on a frame's boundary; an
//    alignment of more than that is refused), and overlaps no other, for what is used only grows
//    and is moved past the block in one update.
// 2. It neither unwinds nor allocates.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let second_bytes = self.second_bytes.load(Ordering::Acquire);
        if let Some(start) = take(layout, second_bytes, &self.second_used) {
            let begin = self.second_begin.load(Ordering::Relaxed);
            return ptr::with_exposed_provenance_mut(begin + start);
        }
        match take(layout, FIRST_BYTES, &self.used) {
            Some(start) => self.memory.get().cast::<u8>().wrapping_add(start),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

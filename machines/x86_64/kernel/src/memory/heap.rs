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
    first: Part,
    /// Used before the first one, once it is there.
    second: Part,
}

/// Bytes given out, of so many that begin at this address, a multiple of a frame's size.
struct Part {
    begin: AtomicUsize,
    bytes: AtomicUsize,
    used: AtomicUsize,
}

// SAFETY: `memory` is never accessed through the static itself; each byte is given
// out once, to one caller, because `used` moves by atomic updates only.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump {
    memory: UnsafeCell::new([0; FIRST_BYTES]),
    first: Part::of(FIRST_BYTES),
    second: Part::of(0),
};

/// Goes on with memory at these physical addresses, whole frames that were nobody's and that
/// the direct map shows. Once.
pub(crate) fn go_on_with(memory: Range<u64>) {
    let Part { begin, bytes, .. } = &HEAP.second;
    begin.store((DIRECT_MAP + memory.start) as usize, Ordering::Relaxed);
    bytes.store((memory.end - memory.start) as usize, Ordering::Release);
}

impl Part {
    const fn of(bytes: usize) -> Self {
        Self {
            begin: AtomicUsize::new(0),
            bytes: AtomicUsize::new(bytes),
            used: AtomicUsize::new(0),
        }
    }

    /// Gives out a block: how far it is from the beginning.
    fn take(&self, layout: Layout) -> Option<usize> {
        let bytes = self.bytes.load(Ordering::Acquire);
        let place = |used: usize| {
            let start = used.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size())?;
            (end <= bytes && layout.align() <= FRAME_BYTES as usize).then_some((start, end))
        };
        let moved = self
            .used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(place(used)?.1)
            });
        Some(moved.ok().and_then(place)?.0)
    }
}

// SAFETY:
// 1. A block given out lies in `memory`, or in what `go_on_with` was given, has the layout's
//    size and alignment (`take` sees to both, and both parts begin on a frame's boundary; an
//    alignment of more than that is refused), and overlaps no other, for `used` only grows
//    and is moved past the block in one update.
// 2. It neither unwinds nor allocates.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(start) = self.second.take(layout) {
            let begin = self.second.begin.load(Ordering::Relaxed);
            return ptr::with_exposed_provenance_mut(begin + start);
        }
        match self.first.take(layout) {
            Some(start) => self.memory.get().cast::<u8>().wrapping_add(start),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

//! The heap of a bare program: memory from the kernel, shared out by the allocator that
//! Rust's standard library has on WebAssembly.

use core::alloc::{GlobalAlloc, Layout};

use dlmalloc::Dlmalloc;
use spin::Mutex;
use usufruct_abi::NativeCall;

use crate::raw::native_call;

/// Where the allocator gets its memory. It never gives any back.
struct Kernel;

const PAGE_BYTES: usize = 4096;

// SAFETY:
// 1. What `grow_memory` answers is so many bytes of zeros at least, readable and writable,
//    aligned to pages, which nothing else uses.
// 2. Nothing is moved or freed.
unsafe impl dlmalloc::Allocator for Kernel {
    fn alloc(&self, bytes: usize) -> (*mut u8, usize, u32) {
        let none = (core::ptr::null_mut(), 0, 0);
        let Some(bytes) = bytes.checked_next_multiple_of(PAGE_BYTES) else {
            return none;
        };
        // SAFETY: it only adds memory.
        let begin = unsafe { native_call(NativeCall::GrowMemory, [bytes as u64]) };
        // An error is negative.
        usize::try_from(begin).map_or(none, |begin| {
            (core::ptr::with_exposed_provenance_mut(begin), bytes, 0)
        })
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}

/// All blocks of the program. Threads take turns; none is ever stopped while it has the lock
/// but by the end of the task.
struct Heap(Mutex<Dlmalloc<Kernel>>);

#[global_allocator]
static HEAP: Heap = Heap(Mutex::new(Dlmalloc::new_with_allocator(Kernel)));

// SAFETY: each function is the allocator's of the same meaning, with the same promises, and
// no two run at once.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: a layout of some size; a new block is asked for.
        unsafe { self.0.lock().malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        unsafe { self.0.lock().calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's: a block of this heap, of this layout.
        unsafe { self.0.lock().free(block, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let (old, align) = (layout.size(), layout.align());
        // SAFETY: as for `dealloc`.
        unsafe { self.0.lock().realloc(block, old, align, bytes) }
    }
}

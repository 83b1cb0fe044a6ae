//! The host and tasks at the same bytes at once, as threads that Miri watches.

use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use crate::bytes::{move_bytes, store_bytes};

const BYTES: usize = if cfg!(miri) { 24 } else { 4096 };
const ROUNDS: usize = if cfg!(miri) { 3 } else { 2000 };

/// Memory that is nobody's Rust object, as a mapping is.
#[derive(Clone, Copy)]
struct Memory(*mut u8);

// SAFETY: an address; whoever follows it argues for itself.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new() -> Self {
        Self(Box::into_raw(vec![0_u8; BYTES].into_boxed_slice()).cast())
    }

    /// Takes all of the value along into a thread, not its address alone.
    fn at(self, offset: usize) -> *mut u8 {
        self.0.wrapping_add(offset)
    }

    fn free(self) {
        let bytes = std::ptr::slice_from_raw_parts_mut(self.0, BYTES);
        // SAFETY: it was leaked by `new`, and no thread has it any more.
        drop(unsafe { Box::from_raw(bytes) });
    }

    /// As `read_into` of the host's.
    fn load(self) -> Vec<u8> {
        let mut bytes = vec![0; BYTES];
        // SAFETY: both have so many bytes; to `self` there is no reference in this module
        // but atomic ones and one after the threads have ended.
        unsafe { move_bytes(bytes.as_mut_ptr(), self.at(0), BYTES) };
        bytes
    }
}

#[test]
fn bytes_that_all_store_at_once_are_old_or_new_and_slices_come_after_the_barrier() {
    let memory = Memory::new();
    let other = Memory::new();
    thread::scope(|scope| {
        for value in [1, 2] {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    // SAFETY: as in `load`.
                    unsafe { store_bytes(memory.at(0), &[value; BYTES]) };
                }
            });
        }
        // A task's copy to another task.
        scope.spawn(move || {
            for _ in 0..ROUNDS {
                // SAFETY: as in `load`, for both.
                unsafe { move_bytes(other.at(0), memory.at(0), BYTES) };
            }
        });
        for _ in 0..ROUNDS {
            assert!(memory.load().iter().all(|byte| (0..=2).contains(byte)));
        }
    });
    // Nobody stores any more: what `Frozen` and `Buffer::get_mut` give.
    // SAFETY: so many bytes, all of them initialised, and the threads have ended.
    let slice = unsafe { std::slice::from_raw_parts_mut(memory.at(0), BYTES) };
    assert!(slice.iter().all(|byte| [1, 2].contains(byte)));
    slice.fill(9);
    assert_eq!(memory.load(), [9; BYTES]);
    memory.free();
    other.free();
}

#[test]
fn a_byte_that_says_that_others_are_there_is_told_by_an_atomic() {
    let memory = Memory::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            // SAFETY: as in `load`; one byte less.
            unsafe { store_bytes(memory.at(1), &[7; BYTES - 1]) };
            // SAFETY: within the memory, and touched by atomics and these functions alone.
            unsafe { AtomicU8::from_ptr(memory.at(0)) }.store(1, Ordering::Release);
        });
        // SAFETY: as above.
        let flag = unsafe { AtomicU8::from_ptr(memory.at(0)) };
        while flag.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        assert_eq!(memory.load()[1..], [7; BYTES - 1]);
    });
    memory.free();
}

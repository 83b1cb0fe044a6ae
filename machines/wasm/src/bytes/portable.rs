//! Moving bytes on processors that have no way of their own here: relaxed
//! atomics, byte by byte.
//!
//! Words would be faster, and wrong: whoever else moves these bytes just now may
//! cut them into words elsewhere, and atomic accesses to the same bytes in
//! different sizes at once are undefined (`std::sync::atomic`).

use std::sync::atomic::{AtomicU8, Ordering};

/// See [`super::move_bytes`].
///
/// # Safety
///
/// As there.
pub(super) unsafe fn move_bytes(destination: *mut u8, source: *const u8, len: usize) {
    let is_upwards = destination.addr().wrapping_sub(source.addr()) < len;
    let move_byte = |at: usize| {
        // SAFETY:
        // 1. `at < len`, so the byte is mapped; an atomic byte needs no alignment.
        // 2. Nothing in Rust looks at it meanwhile but to read, or through atomics.
        let source = unsafe { AtomicU8::from_ptr(source.cast_mut().wrapping_add(at)) };
        // SAFETY: as above.
        let destination = unsafe { AtomicU8::from_ptr(destination.wrapping_add(at)) };
        destination.store(source.load(Ordering::Relaxed), Ordering::Relaxed);
    };
    if is_upwards {
        (0..len).rev().for_each(move_byte);
    } else {
        (0..len).for_each(move_byte);
    }
}

/// See [`super::store_bytes`].
///
/// # Safety
///
/// As there.
pub(super) unsafe fn store_bytes(destination: *mut u8, source: &[u8]) {
    for (at, byte) in source.iter().enumerate() {
        // SAFETY: `at < source.len()`, so the byte is mapped; nothing in Rust
        // looks at it meanwhile but through atomics.
        let destination = unsafe { AtomicU8::from_ptr(destination.wrapping_add(at)) };
        destination.store(*byte, Ordering::Relaxed);
    }
}

//! Moving bytes on processors that have no way of their own here: relaxed
//! atomics, words of eight bytes where both sides can be aligned.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

const WORD_BYTES: usize = size_of::<u64>();

/// See [`super::move_bytes`].
///
/// # Safety
///
/// As there.
pub(super) unsafe fn move_bytes(destination: *mut u8, source: *const u8, len: usize) {
    let source = source.cast_mut();
    let is_upwards = (destination.addr().wrapping_sub(source.addr())) < len;
    let alike = destination.addr() % WORD_BYTES == source.addr() % WORD_BYTES;
    // Bytes before the first aligned word, words, bytes behind the last.
    let head = if alike {
        destination.align_offset(WORD_BYTES).min(len)
    } else {
        len
    };
    let words = (len - head) / WORD_BYTES;
    let tail = head + words * WORD_BYTES;
    let byte = |at: usize| {
        // SAFETY: `at < len`, so both are mapped (1), and nothing in Rust but
        // atomics looks at them (2).
        unsafe { move_byte(destination.wrapping_add(at), source.wrapping_add(at)) }
    };
    let word = |index: usize| {
        let at = head + index * WORD_BYTES;
        // SAFETY: the same for eight bytes; both addresses are aligned by `head`.
        unsafe { move_word(destination.wrapping_add(at), source.wrapping_add(at)) }
    };
    if is_upwards {
        (tail..len).rev().for_each(byte);
        (0..words).rev().for_each(word);
        (0..head).rev().for_each(byte);
    } else {
        (0..head).for_each(byte);
        (0..words).for_each(word);
        (tail..len).for_each(byte);
    }
}

/// # Safety
///
/// Both bytes are mapped, and no Rust code uses them but through atomics.
unsafe fn move_byte(destination: *mut u8, source: *mut u8) {
    // SAFETY: mapped, and every address is aligned for a byte.
    let source = unsafe { AtomicU8::from_ptr(source) };
    // SAFETY: as above.
    let destination = unsafe { AtomicU8::from_ptr(destination) };
    destination.store(source.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// # Safety
///
/// As [`move_byte`], for eight bytes at aligned addresses.
unsafe fn move_word(destination: *mut u8, source: *mut u8) {
    // SAFETY: mapped and aligned, says the caller.
    let source = unsafe { AtomicU64::from_ptr(source.cast()) };
    // SAFETY: as above.
    let destination = unsafe { AtomicU64::from_ptr(destination.cast()) };
    destination.store(source.load(Ordering::Relaxed), Ordering::Relaxed);
}

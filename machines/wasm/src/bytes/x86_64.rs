//! Moving bytes on x86-64: general registers up to 16 bytes, four vector
//! registers up to 64, a vector loop above, and string instructions for large
//! moves where the processor says that they are fast.

use std::arch::{asm, is_x86_feature_detected};

/// From here on string instructions pay, on processors with `ermsb`.
const STRINGS_FROM_BYTES: usize = 2048;

/// What a loop moves in one turn, at most; and what is moved apart from the
/// loop, so that it need not end evenly.
const EDGE_BYTES: usize = 64;

/// See [`super::move_bytes`].
///
/// # Safety
///
/// As there.
#[inline]
pub(super) unsafe fn move_bytes(destination: *mut u8, source: *const u8, len: usize) {
    if len <= EDGE_BYTES {
        // SAFETY: the same conditions.
        return unsafe { move_few(destination, source, len) };
    }
    // SAFETY: the same conditions, and `len > 64`.
    unsafe { move_many(destination, source, len) }
}

/// See [`super::store_bytes`].
///
/// # Safety
///
/// As there.
#[inline]
pub(super) unsafe fn store_bytes(destination: *mut u8, source: &[u8]) {
    // SAFETY: the same conditions; and the source is a live slice, which is read only.
    unsafe { move_bytes(destination, source.as_ptr(), source.len()) }
}

/// # Safety
///
/// As [`super::move_bytes`], with `len > 64`.
#[inline(never)]
unsafe fn move_many(destination: *mut u8, source: *const u8, len: usize) {
    let is_upwards = destination.addr().wrapping_sub(source.addr()) < len;
    // SAFETY, for all four: the same conditions, and `len > 64`.
    if is_upwards {
        // SAFETY: see above.
        unsafe { move_up(destination, source, len) }
    } else if len >= STRINGS_FROM_BYTES && is_x86_feature_detected!("ermsb") {
        // SAFETY: see above.
        unsafe { move_string(destination, source, len) }
    } else if is_x86_feature_detected!("avx") {
        // SAFETY: see above; and AVX is there.
        unsafe { move_down_with_avx(destination, source, len) }
    } else {
        // SAFETY: see above.
        unsafe { move_down(destination, source, len) }
    }
}

/// Up to 64 bytes: everything is loaded before anything is stored, so overlap is fine.
///
/// # Safety
///
/// As [`super::move_bytes`], with `len <= 64`.
#[inline(always)]
unsafe fn move_few(destination: *mut u8, source: *const u8, len: usize) {
    /// Two loads that cover `len` bytes between them, then two stores.
    macro_rules! move_ends {
        ($width:literal, $class:ident, $load:literal, $store:literal, $modifier:literal) => {
            // SAFETY:
            // 1. `$width <= len <= 2 * $width`, so each of the two accesses of
            //    `$width` bytes lies in the range on its side, which is mapped.
            // 2. The compiler takes the memory for changed; no reference to it is used.
            unsafe {
                asm!(
                    concat!($load, " {a", $modifier, "}, [{s}]"),
                    concat!($load, " {b", $modifier, "}, [{s} + {n} - ", $width, "]"),
                    concat!($store, " [{d}], {a", $modifier, "}"),
                    concat!($store, " [{d} + {n} - ", $width, "], {b", $modifier, "}"),
                    a = out($class) _, b = out($class) _,
                    s = in(reg) source, d = in(reg) destination, n = in(reg) len,
                    options(nostack, preserves_flags),
                )
            }
        };
    }
    match len {
        33.. => {
            // SAFETY: as for `move_ends`, with four accesses of 16 bytes:
            // 32 < len <= 64.
            unsafe {
                asm!(
                    "movups {a}, [{s}]",
                    "movups {b}, [{s} + 16]",
                    "movups {c}, [{s} + {n} - 32]",
                    "movups {e}, [{s} + {n} - 16]",
                    "movups [{d}], {a}",
                    "movups [{d} + 16], {b}",
                    "movups [{d} + {n} - 32], {c}",
                    "movups [{d} + {n} - 16], {e}",
                    a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, e = out(xmm_reg) _,
                    s = in(reg) source, d = in(reg) destination, n = in(reg) len,
                    options(nostack, preserves_flags),
                )
            }
        }
        16.. => move_ends!("16", xmm_reg, "movups", "movups", ""),
        8.. => move_ends!("8", reg, "mov", "mov", ":r"),
        4.. => move_ends!("4", reg, "mov", "mov", ":e"),
        2.. => move_ends!("2", reg, "mov", "mov", ":x"),
        1 => move_ends!("1", reg_byte, "mov", "mov", ""),
        0 => {}
    }
}

/// Downwards or apart, 64 bytes a turn.
///
/// # Safety
///
/// As [`super::move_bytes`], with `len > 64`, and `destination` not inside the
/// source behind its begin.
unsafe fn move_down(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY:
    // 1. The loop runs while 64 bytes and more are left before the last 64, so
    //    every access lies in the ranges, which are mapped.
    // 2. The last 64 bytes are loaded first and stored last. In between, each
    //    turn loads before it stores, and stores below what is still to be loaded.
    // 3. The compiler takes the memory for changed; no reference to it is used.
    unsafe {
        asm!(
            "movups {a}, [{s} + {left}]",
            "movups {b}, [{s} + {left} + 16]",
            "movups {c}, [{s} + {left} + 32]",
            "movups {e}, [{s} + {left} + 48]",
            "lea {end}, [{d} + {left}]",
            "2:",
            "movups {t}, [{s}]",
            "movups {u}, [{s} + 16]",
            "movups {v}, [{s} + 32]",
            "movups {w}, [{s} + 48]",
            "movups [{d}], {t}",
            "movups [{d} + 16], {u}",
            "movups [{d} + 32], {v}",
            "movups [{d} + 48], {w}",
            "add {s}, 64",
            "add {d}, 64",
            "cmp {d}, {end}",
            "jb 2b",
            "movups [{end}], {a}",
            "movups [{end} + 16], {b}",
            "movups [{end} + 32], {c}",
            "movups [{end} + 48], {e}",
            a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, e = out(xmm_reg) _,
            t = out(xmm_reg) _, u = out(xmm_reg) _, v = out(xmm_reg) _, w = out(xmm_reg) _,
            end = out(reg) _,
            s = inout(reg) source => _, d = inout(reg) destination => _,
            left = in(reg) len - EDGE_BYTES,
            options(nostack),
        )
    }
}

/// Downwards or apart, 128 bytes a turn with AVX registers.
///
/// # Safety
///
/// As [`move_down`], on a processor with AVX.
unsafe fn move_down_with_avx(destination: *mut u8, source: *const u8, len: usize) {
    if len <= 2 * EDGE_BYTES {
        // SAFETY: as for `move_ends`, with four accesses of 32 bytes:
        // 64 < len <= 128. All is loaded before anything is stored.
        unsafe {
            asm!(
                "vmovdqu ymm0, [{s}]",
                "vmovdqu ymm1, [{s} + 32]",
                "vmovdqu ymm2, [{s} + {n} - 64]",
                "vmovdqu ymm3, [{s} + {n} - 32]",
                "vmovdqu [{d}], ymm0",
                "vmovdqu [{d} + 32], ymm1",
                "vmovdqu [{d} + {n} - 64], ymm2",
                "vmovdqu [{d} + {n} - 32], ymm3",
                "vzeroupper",
                s = in(reg) source, d = in(reg) destination, n = in(reg) len,
                out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _,
                options(nostack, preserves_flags),
            )
        }
        return;
    }
    // SAFETY: the three points of `move_down`, with 128 bytes for 64.
    unsafe {
        asm!(
            "vmovdqu ymm4, [{s} + {left}]",
            "vmovdqu ymm5, [{s} + {left} + 32]",
            "vmovdqu ymm6, [{s} + {left} + 64]",
            "vmovdqu ymm7, [{s} + {left} + 96]",
            "lea {end}, [{d} + {left}]",
            "2:",
            "vmovdqu ymm0, [{s}]",
            "vmovdqu ymm1, [{s} + 32]",
            "vmovdqu ymm2, [{s} + 64]",
            "vmovdqu ymm3, [{s} + 96]",
            "vmovdqu [{d}], ymm0",
            "vmovdqu [{d} + 32], ymm1",
            "vmovdqu [{d} + 64], ymm2",
            "vmovdqu [{d} + 96], ymm3",
            "sub {s}, -128",
            "sub {d}, -128",
            "cmp {d}, {end}",
            "jb 2b",
            "vmovdqu [{end}], ymm4",
            "vmovdqu [{end} + 32], ymm5",
            "vmovdqu [{end} + 64], ymm6",
            "vmovdqu [{end} + 96], ymm7",
            "vzeroupper",
            end = out(reg) _,
            s = inout(reg) source => _, d = inout(reg) destination => _,
            left = in(reg) len - 2 * EDGE_BYTES,
            out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _,
            out("ymm4") _, out("ymm5") _, out("ymm6") _, out("ymm7") _,
            options(nostack),
        )
    }
}

/// Downwards or apart, by string instructions.
///
/// # Safety
///
/// As [`move_down`].
unsafe fn move_string(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY:
    // 1. Moves exactly `len` bytes, in rising order, from and to mapped memory.
    // 2. The direction flag is clear, as the ABI has it at every asm block.
    // 3. The compiler takes the memory for changed; no reference to it is used.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") len => _, inout("rdi") destination => _, inout("rsi") source => _,
            options(nostack, preserves_flags),
        )
    }
}

/// The destination begins inside the source: from the end, 64 bytes a turn.
///
/// # Safety
///
/// As [`super::move_bytes`], with `len > 64`.
unsafe fn move_up(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY: the three points of `move_down`, mirrored: the first 64 bytes are
    // loaded first and stored last, and each turn stores above what is still
    // to be loaded.
    unsafe {
        asm!(
            "movups {a}, [{s}]",
            "movups {b}, [{s} + 16]",
            "movups {c}, [{s} + 32]",
            "movups {e}, [{s} + 48]",
            "2:",
            "movups {t}, [{s} + {at}]",
            "movups {u}, [{s} + {at} + 16]",
            "movups {v}, [{s} + {at} + 32]",
            "movups {w}, [{s} + {at} + 48]",
            "movups [{d} + {at}], {t}",
            "movups [{d} + {at} + 16], {u}",
            "movups [{d} + {at} + 32], {v}",
            "movups [{d} + {at} + 48], {w}",
            "sub {at}, 64",
            "ja 2b",
            "movups [{d}], {a}",
            "movups [{d} + 16], {b}",
            "movups [{d} + 32], {c}",
            "movups [{d} + 48], {e}",
            a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, e = out(xmm_reg) _,
            t = out(xmm_reg) _, u = out(xmm_reg) _, v = out(xmm_reg) _, w = out(xmm_reg) _,
            s = in(reg) source, d = in(reg) destination,
            at = inout(reg) len - EDGE_BYTES => _,
            options(nostack),
        )
    }
}

/// The ways of processors without AVX, for the tests.
///
/// # Safety
///
/// As [`super::move_bytes`].
#[cfg(test)]
pub(super) unsafe fn move_bytes_with_sse(destination: *mut u8, source: *const u8, len: usize) {
    if len <= EDGE_BYTES || destination.addr().wrapping_sub(source.addr()) < len {
        // SAFETY: the same conditions.
        unsafe { move_bytes(destination, source, len) }
    } else {
        // SAFETY: the same conditions, and the test above.
        unsafe { move_down(destination, source, len) }
    }
}

/// The ways of processors with fast string instructions, for the tests.
///
/// # Safety
///
/// As [`super::move_bytes`].
#[cfg(test)]
pub(super) unsafe fn move_bytes_with_strings(destination: *mut u8, source: *const u8, len: usize) {
    if destination.addr().wrapping_sub(source.addr()) < len {
        // SAFETY: the same conditions.
        unsafe { move_bytes(destination, source, len) }
    } else {
        // SAFETY: the same conditions, and the test above.
        unsafe { move_string(destination, source, len) }
    }
}

//! Moving bytes on AArch64: general registers up to 16 bytes, vector registers above, 64
//! bytes a turn.

use std::arch::asm;

/// What a loop moves in one turn; and what is moved apart from the loop, so that it need not
/// end evenly.
const EDGE_BYTES: usize = 64;

/// See [`super::move_bytes`].
///
/// # Safety
///
/// As there.
#[inline]
pub(super) unsafe fn move_bytes(destination: *mut u8, source: *const u8, len: usize) {
    let is_upwards = destination.addr().wrapping_sub(source.addr()) < len;
    if len <= EDGE_BYTES {
        // SAFETY: the same conditions.
        unsafe { move_few(destination, source, len) }
    } else if is_upwards {
        // SAFETY: the same conditions, and `len > 64`.
        unsafe { move_up(destination, source, len) }
    } else {
        // SAFETY: the same conditions, and `len > 64`.
        unsafe { move_down(destination, source, len) }
    }
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

/// Up to 64 bytes: everything is loaded before anything is stored, so overlap is fine.
///
/// # Safety
///
/// As [`super::move_bytes`], with `len <= 64`.
#[inline(always)]
unsafe fn move_few(destination: *mut u8, source: *const u8, len: usize) {
    let source_end = source.wrapping_add(len);
    let destination_end = destination.wrapping_add(len);
    /// Two loads that cover `len` bytes between them, then two stores.
    macro_rules! move_ends {
        ($width:literal, $class:ident, $modifier:literal, $suffix:literal) => {
            // SAFETY:
            // 1. `$width <= len <= 2 * $width`, so each of the two accesses of
            //    `$width` bytes lies in the range on its side, which is mapped.
            // 2. The compiler takes the memory for changed; no reference to it is used.
            unsafe {
                asm!(
                    concat!("ldur", $suffix, " {a:", $modifier, "}, [{s}]"),
                    concat!("ldur", $suffix, " {b:", $modifier, "}, [{s_end}, #-", $width, "]"),
                    concat!("stur", $suffix, " {a:", $modifier, "}, [{d}]"),
                    concat!("stur", $suffix, " {b:", $modifier, "}, [{d_end}, #-", $width, "]"),
                    a = out($class) _, b = out($class) _,
                    s = in(reg) source, d = in(reg) destination,
                    s_end = in(reg) source_end, d_end = in(reg) destination_end,
                    options(nostack, preserves_flags),
                )
            }
        };
    }
    match len {
        33.. => {
            // SAFETY: as for `move_ends`, with two accesses of 32 bytes: 32 < len <= 64.
            unsafe {
                asm!(
                    "ldp {a:q}, {b:q}, [{s}]",
                    "ldp {c:q}, {e:q}, [{s_end}, #-32]",
                    "stp {a:q}, {b:q}, [{d}]",
                    "stp {c:q}, {e:q}, [{d_end}, #-32]",
                    a = out(vreg) _, b = out(vreg) _, c = out(vreg) _, e = out(vreg) _,
                    s = in(reg) source, d = in(reg) destination,
                    s_end = in(reg) source_end, d_end = in(reg) destination_end,
                    options(nostack, preserves_flags),
                )
            }
        }
        16.. => move_ends!("16", vreg, "q", ""),
        8.. => move_ends!("8", reg, "x", ""),
        4.. => move_ends!("4", reg, "w", ""),
        2.. => move_ends!("2", reg, "w", "h"),
        1 => move_ends!("1", reg, "w", "b"),
        0 => {}
    }
}

/// Downwards or apart.
///
/// # Safety
///
/// As [`super::move_bytes`], with `len > 64`, and `destination` not inside the
/// source behind its begin.
#[inline(never)]
unsafe fn move_down(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY:
    // 1. The loop runs while 64 bytes and more are left before the last 64, so
    //    every access lies in the ranges, which are mapped.
    // 2. The last 64 bytes are loaded first and stored last. In between, each
    //    turn loads before it stores, and stores below what is still to be loaded.
    // 3. The compiler takes the memory for changed; no reference to it is used.
    unsafe {
        asm!(
            "ldp {a:q}, {b:q}, [{s_last}]",
            "ldp {c:q}, {e:q}, [{s_last}, #32]",
            "2:",
            "ldp {t:q}, {u:q}, [{s}]",
            "ldp {v:q}, {w:q}, [{s}, #32]",
            "stp {t:q}, {u:q}, [{d}]",
            "stp {v:q}, {w:q}, [{d}, #32]",
            "add {s}, {s}, #64",
            "add {d}, {d}, #64",
            "cmp {d}, {d_last}",
            "b.lo 2b",
            "stp {a:q}, {b:q}, [{d_last}]",
            "stp {c:q}, {e:q}, [{d_last}, #32]",
            a = out(vreg) _, b = out(vreg) _, c = out(vreg) _, e = out(vreg) _,
            t = out(vreg) _, u = out(vreg) _, v = out(vreg) _, w = out(vreg) _,
            s = inout(reg) source => _, d = inout(reg) destination => _,
            s_last = in(reg) source.wrapping_add(len - EDGE_BYTES),
            d_last = in(reg) destination.wrapping_add(len - EDGE_BYTES),
            options(nostack),
        )
    }
}

/// The destination begins inside the source: from the end.
///
/// # Safety
///
/// As [`super::move_bytes`], with `len > 64`.
#[inline(never)]
unsafe fn move_up(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY: the three points of `move_down`, mirrored: the first 64 bytes are
    // loaded first and stored last, and each turn stores above what is still
    // to be loaded.
    unsafe {
        asm!(
            "ldp {a:q}, {b:q}, [{s}]",
            "ldp {c:q}, {e:q}, [{s}, #32]",
            "2:",
            "add {x}, {s}, {at}",
            "ldp {t:q}, {u:q}, [{x}]",
            "ldp {v:q}, {w:q}, [{x}, #32]",
            "add {x}, {d}, {at}",
            "stp {t:q}, {u:q}, [{x}]",
            "stp {v:q}, {w:q}, [{x}, #32]",
            "subs {at}, {at}, #64",
            "b.hi 2b",
            "stp {a:q}, {b:q}, [{d}]",
            "stp {c:q}, {e:q}, [{d}, #32]",
            a = out(vreg) _, b = out(vreg) _, c = out(vreg) _, e = out(vreg) _,
            t = out(vreg) _, u = out(vreg) _, v = out(vreg) _, w = out(vreg) _,
            x = out(reg) _,
            s = in(reg) source, d = in(reg) destination,
            at = inout(reg) len - EDGE_BYTES => _,
            options(nostack),
        )
    }
}

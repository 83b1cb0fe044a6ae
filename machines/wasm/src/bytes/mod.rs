//! Moving bytes between memories that running guests may be storing to.
//!
//! For Rust a plain copy of such memory is a data race, and undefined. So bytes
//! move through instructions that the compiler does not look into (x86-64), or
//! through atomics (elsewhere). Each byte that arrives is an old one or a new
//! one; what lies outside the range is not touched.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
use portable::move_bytes as move_bytes_here;
#[cfg(target_arch = "x86_64")]
use x86_64::move_bytes as move_bytes_here;

/// Moves `len` bytes from `source` to `destination`, as if through a buffer:
/// the two may overlap.
///
/// # Safety
///
/// 1. `source` is mapped for reading and `destination` for writing, for `len`
///    bytes, until the call returns.
/// 2. No Rust reference to any of the `destination` bytes is used meanwhile, and
///    none to the `source` bytes through which it could be written. Guest code,
///    and other calls of this function, may load and store there at will.
#[inline]
pub(crate) unsafe fn move_bytes(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY: the same two conditions.
    unsafe { move_bytes_here(destination, source, len) }
}

#[cfg(test)]
mod tests {
    type Mover = unsafe fn(*mut u8, *const u8, usize);

    /// All small sizes, sizes around every border between the ways of copying,
    /// and every alignment that matters: apart, and overlapping in both directions.
    fn moves_as_if_through_a_buffer(mover: Mover) {
        let sizes = (0..=300).chain([511, 512, 2047, 2048, 2049, 4096, 5000, 65536]);
        for size in sizes {
            let pattern: Vec<u8> = (0..=250).cycle().take(size + 16384).collect();
            for distance in [
                -4097_isize,
                -129,
                -64,
                -17,
                -1,
                0,
                1,
                3,
                16,
                33,
                64,
                127,
                128,
                4096,
            ] {
                for start in [8192_usize, 8195, 8223] {
                    let to = start.wrapping_add_signed(distance);
                    let mut expected = pattern.clone();
                    expected.copy_within(start..start + size, to);
                    let mut memory = pattern.clone();
                    let base = memory.as_mut_ptr();
                    // SAFETY: both ranges lie in `memory`, which nothing else uses.
                    unsafe { mover(base.wrapping_add(to), base.wrapping_add(start), size) };
                    let same = memory == expected;
                    assert!(same, "{size} bytes from {start}, moved by {distance}");
                }
            }
        }
    }

    #[test]
    fn this_processors_way_moves_as_if_through_a_buffer() {
        moves_as_if_through_a_buffer(super::move_bytes);
    }

    #[test]
    fn the_portable_way_moves_as_if_through_a_buffer() {
        moves_as_if_through_a_buffer(super::portable::move_bytes);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_kind_of_loop_moves_as_if_through_a_buffer() {
        moves_as_if_through_a_buffer(super::x86_64::move_bytes_with_sse);
        moves_as_if_through_a_buffer(super::x86_64::move_bytes_with_strings);
    }
}

//! Moving bytes between memories that running guests may be storing to.
//!
//! For Rust a plain copy of such memory is a data race, and undefined. So bytes
//! move through instructions that the compiler does not look into, or through
//! atomics (under Miri, and on processors without a file of their own). Each byte
//! that arrives is an old one or a new one; what lies outside the range is not
//! touched.
//!
//! This folder uses nothing else of the crate: `machines/wasm/alone` compiles it by
//! itself, for tests where no engine can run.

#[cfg(target_arch = "aarch64")]
#[cfg_attr(miri, allow(dead_code, reason = "Miri runs no instructions"))]
mod aarch64;
#[cfg(any(test, miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable;
#[cfg(target_arch = "x86_64")]
#[cfg_attr(miri, allow(dead_code, reason = "Miri runs no instructions"))]
mod x86_64;

#[cfg(all(target_arch = "aarch64", not(miri)))]
use aarch64 as here;
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
use portable as here;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use x86_64 as here;

/// Moves `len` bytes from `source` to `destination`, as if through a buffer:
/// the two may overlap.
///
/// # Safety
///
/// 1. `source` is mapped for reading and `destination` for writing, for `len`
///    bytes, until the call returns.
/// 2. No Rust reference to any of the `destination` bytes is used meanwhile, and
///    none to the `source` bytes through which it could be written; and `source`
///    does not come from a shared reference: for that there is [`store_bytes`].
///    Guest code, and other calls of these functions, may load and store there
///    at will.
#[inline]
pub(crate) unsafe fn move_bytes(destination: *mut u8, source: *const u8, len: usize) {
    // SAFETY: the same two conditions.
    unsafe { here::move_bytes(destination, source, len) }
}

/// Stores bytes of the host, which nobody else writes, into such memory.
///
/// # Safety
///
/// 1. `destination` is mapped for writing, for as many bytes, until the call returns.
/// 2. No Rust reference to any of the `destination` bytes is used meanwhile. Guest
///    code, and other calls of these functions, may load and store there at will.
#[inline]
pub(crate) unsafe fn store_bytes(destination: *mut u8, source: &[u8]) {
    // SAFETY: the same two conditions.
    unsafe { here::store_bytes(destination, source) }
}

#[cfg(test)]
mod tests {
    type Mover = unsafe fn(*mut u8, *const u8, usize);

    /// How far ranges are moved, at most, and a little more.
    const MARGIN: usize = if cfg!(miri) { 160 } else { 8192 };

    /// All small sizes, sizes around every border between the ways of copying,
    /// and every alignment that matters: apart, and overlapping in both directions.
    fn moves_as_if_through_a_buffer(mover: Mover) {
        let small = if cfg!(miri) { 0..=3 } else { 0..=300 };
        let large = [511, 512, 2047, 2048, 2049, 4096, 5000, 65536];
        let large = if cfg!(miri) { &large[..1] } else { &large };
        for size in small.chain(large.iter().copied()) {
            let pattern: Vec<u8> = (0..=250).cycle().take(size + 2 * MARGIN).collect();
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
            ]
            .into_iter()
            .filter(|distance| distance.unsigned_abs() < MARGIN)
            {
                for start in [MARGIN, MARGIN + 3, MARGIN + 31] {
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

    /// A place that several threads move bytes from and to at once.
    #[derive(Clone, Copy)]
    struct Shared(*mut u8);

    // SAFETY: movers are made for memory that others store to meanwhile.
    unsafe impl Send for Shared {}

    /// Two threads fill one place, each with its own byte; a third takes out what
    /// there is, cut differently: each byte is one of theirs.
    fn loses_no_byte_in_a_race(mover: Mover) {
        const LEN: usize = if cfg!(miri) { 40 } else { 300 };
        const STARTS: usize = if cfg!(miri) { 3 } else { 64 };
        let mut place = vec![1_u8; LEN];
        let shared = Shared(place.as_mut_ptr());
        std::thread::scope(|scope| {
            for byte in [2, 3] {
                scope.spawn(move || {
                    let shared = shared;
                    let mut source = [byte; LEN];
                    for start in 0..STARTS {
                        let len = LEN - start;
                        // SAFETY: both ranges have `len` bytes, and `place` is
                        // used by movers only while the threads run.
                        unsafe { mover(shared.0.wrapping_add(start), source.as_mut_ptr(), len) };
                    }
                });
            }
            for start in 0..STARTS {
                let len = LEN - start;
                let mut seen = [0_u8; LEN];
                // SAFETY: as above.
                unsafe { mover(seen.as_mut_ptr(), shared.0.wrapping_add(start), len) };
                assert!(seen[..len].iter().all(|byte| (1..=3).contains(byte)));
            }
        });
        assert!(place.iter().all(|byte| [2, 3].contains(byte)));
    }

    #[test]
    fn no_byte_is_lost_in_a_race() {
        loses_no_byte_in_a_race(super::move_bytes);
        loses_no_byte_in_a_race(super::portable::move_bytes);
    }

    #[test]
    fn bytes_of_the_host_are_stored() {
        let source: Vec<u8> = (0..if cfg!(miri) { 40 } else { 200 }).collect();
        for store in [super::store_bytes, super::portable::store_bytes] {
            for len in 0..source.len() {
                let mut memory = [255; 202];
                // SAFETY: the range lies in `memory`, which nothing else uses.
                unsafe { store(memory.as_mut_ptr().wrapping_add(1), &source[..len]) };
                assert_eq!(memory[1..=len], source[..len]);
                assert_eq!((memory[0], memory[len + 1]), (255, 255));
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

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[test]
    fn every_kind_of_loop_moves_as_if_through_a_buffer() {
        moves_as_if_through_a_buffer(super::x86_64::move_bytes_with_sse);
        moves_as_if_through_a_buffer(super::x86_64::move_bytes_with_strings);
    }
}

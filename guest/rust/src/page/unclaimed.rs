//! Pages that were given to this task and that nobody accepts.

use core::ptr::{NonNull, with_exposed_provenance};

use super::held::{End, Held};
use super::{page_bytes, raw, registry};

/// Addresses are looked at in steps of so many bytes, which the beginning of a pool is a
/// multiple of.
const STEP_BYTES: usize = 1 << 20;
/// The last byte that can be a pool's.
const LAST: usize = u32::MAX as usize;

/// Frees every page that this task owns and this program has no value for: what others
/// have given it and it has not accepted. How many bytes that was.
///
/// Pages that a letter still to be read names are among them. So are those that the
/// program took by [`crate::raw::page::AllocMemBlocks`]: who does both must not call this.
///
/// It asks the kernel about each page of the pool, so it is for when the quota is used up.
pub fn discard_unclaimed() -> usize {
    let Ok(page) = page_bytes() else {
        return 0;
    };
    let _no_new_ones = registry::alone();
    let mut discarded = 0;
    for step in (heap_end()..=LAST).step_by(STEP_BYTES) {
        if is_there(step) {
            let pages = (0..STEP_BYTES).step_by(page);
            discarded += pages.map(|at| discard(step + at, page)).sum::<usize>();
        }
    }
    discarded
}

/// A page's size, if it was unclaimed; else 0.
fn discard(address: usize, page: usize) -> usize {
    let (at, size) = (with_exposed_provenance(address), i32::try_from(page));
    if raw::IsMemOwned(at, size.unwrap_or(0)) != 1 {
        return 0;
    }
    // Refused: the program has a value for it.
    let held = NonNull::new(at.cast_mut()).map(|at| Held::claim(at, page));
    let Some(Ok(held)) = held else {
        return 0;
    };
    drop(held.with(End::Free));
    page
}

/// Whether the task has memory at this address.
fn is_there(address: usize) -> bool {
    raw::IsMemReadable(with_exposed_provenance(address), 1) == 1
}

/// Where the private memory ends, and the pool may begin.
#[cfg(target_arch = "wasm32")]
fn heap_end() -> usize {
    const PAGE_BYTES: usize = 64 << 10;
    let heap_bytes = core::arch::wasm32::memory_size::<0>() * PAGE_BYTES;
    heap_bytes.next_multiple_of(STEP_BYTES)
}

/// On bare x86-64 the heap ends there at the latest: see `usufruct_abi::NativeCall`.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
fn heap_end() -> usize {
    1 << 31
}

/// Elsewhere there is no kernel, and no pool.
#[cfg(not(any(
    target_arch = "wasm32",
    all(target_arch = "x86_64", target_os = "none")
)))]
fn heap_end() -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_pool_there_is_nothing_to_discard() {
        assert_eq!(discard_unclaimed(), 0);
    }
}

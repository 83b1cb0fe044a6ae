//! Which pages this program has values for: one bit for each 4 KiB of the addresses
//! where a pool can be.
//!
//! A table of bits, for it needs no memory of its own and no lock: it begins as zeros,
//! costs what of it is touched, and threads can share it.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What one bit stands for. Pages are not smaller.
pub(super) const GRAIN_BYTES: usize = 1 << GRAIN_SHIFT;
const GRAIN_SHIFT: u32 = 12;
/// Bits of an entry.
const ENTRY_GRAINS: usize = u32::BITS as usize;
/// A pool ends at 4 GiB at the latest.
const ENTRIES: usize = (1 << (32 - GRAIN_SHIFT)) / ENTRY_GRAINS;

static PROGRAM: [AtomicU32; ENTRIES] = [const { AtomicU32::new(0) }; ENTRIES];

static TAKEN: AtomicBool = AtomicBool::new(false);

/// While this lives, no other thread takes pages from the pool that are in no record yet.
#[must_use]
pub(super) struct Alone;

/// Waits for other threads, for as long as one call of theirs takes.
pub(super) fn alone() -> Alone {
    while TAKEN.swap(true, Ordering::Acquire) {
        core::hint::spin_loop();
    }
    Alone
}

impl Drop for Alone {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

/// Records that the program has a value for these bytes: whole grains, not empty.
/// `false`, and nothing recorded, if it has one for some of them already, or if no pool
/// can be there.
#[must_use]
pub(super) fn claim(address: usize, bytes: usize) -> bool {
    claim_in(&PROGRAM, grains(address, bytes))
}

/// Records that there is no such value any more.
pub(super) fn release(address: usize, bytes: usize) {
    release_in(&PROGRAM, grains(address, bytes));
}

fn grains(address: usize, bytes: usize) -> Range<usize> {
    let first = address >> GRAIN_SHIFT;
    first..first + (bytes >> GRAIN_SHIFT)
}

fn claim_in(table: &[AtomicU32], grains: Range<usize>) -> bool {
    for (at, mask) in masks(grains.clone()) {
        let claimed = table.get(at).is_some_and(|entry| claim_entry(entry, mask));
        if !claimed {
            release_in(table, grains.start..(at * ENTRY_GRAINS).max(grains.start));
            return false;
        }
    }
    true
}

/// All of the mask's bits, or none.
fn claim_entry(entry: &AtomicU32, mask: u32) -> bool {
    let free = |bits: u32| (bits & mask == 0).then_some(bits | mask);
    // Acquire: whatever the last holder did with its pages happened before.
    let update = entry.fetch_update(Ordering::Acquire, Ordering::Relaxed, free);
    update.is_ok()
}

fn release_in(table: &[AtomicU32], grains: Range<usize>) {
    for (at, mask) in masks(grains) {
        if let Some(entry) = table.get(at) {
            entry.fetch_and(!mask, Ordering::Release);
        }
    }
}

/// The entries that hold these bits of a table, and which bits of each.
pub(super) fn masks(bits: Range<usize>) -> impl Iterator<Item = (usize, u32)> {
    let mut from = bits.start;
    core::iter::from_fn(move || {
        let left = bits.end.saturating_sub(from);
        let (at, first) = (from / ENTRY_GRAINS, from % ENTRY_GRAINS);
        let count = left.min(ENTRY_GRAINS - first);
        let ones = u32::MAX.checked_shr(u32::try_from(ENTRY_GRAINS - count).ok()?)?;
        from += count;
        Some((at, ones << first))
    })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// A pool of 96 pages.
    fn table() -> [AtomicU32; 3] {
        [const { AtomicU32::new(0) }; 3]
    }

    fn bits(table: &[AtomicU32]) -> Vec<u32> {
        let entries = table.iter();
        entries.map(|entry| entry.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn no_page_has_two_values() {
        let table = table();
        assert!(claim_in(&table, 30..70));
        for taken in [30..31, 69..70, 0..96, 31..32, 32..64, 0..31, 69..96] {
            let before = bits(&table);
            assert!(!claim_in(&table, taken.clone()), "{taken:?}");
            assert_eq!(bits(&table), before, "{taken:?} left nothing");
        }
        assert!(claim_in(&table, 0..30));
        assert!(claim_in(&table, 70..96));
        assert_eq!(bits(&table), [u32::MAX; 3]);
    }

    #[test]
    fn what_is_released_can_be_claimed_again_and_no_more_than_that() {
        let table = table();
        assert!(claim_in(&table, 0..96));
        release_in(&table, 31..65);
        assert_eq!(bits(&table), [u32::MAX >> 1, 0, u32::MAX << 1]);
        assert!(!claim_in(&table, 30..65));
        assert!(claim_in(&table, 31..65));
    }

    #[test]
    fn where_no_pool_can_be_there_is_nothing_to_claim() {
        let table = table();
        assert!(!claim_in(&table, 90..97));
        assert!(!claim_in(&table, 1000..1001));
        assert_eq!(bits(&table), [0; 3]);
    }

    #[test]
    fn the_programs_record_ends_with_the_last_pool() {
        let last = (u32::MAX as usize) + 1 - GRAIN_BYTES;
        assert!(claim(last, GRAIN_BYTES));
        assert!(!claim(last, GRAIN_BYTES));
        release(last, GRAIN_BYTES);
        assert!(!claim(last + GRAIN_BYTES, GRAIN_BYTES), "above 4 GiB");
    }
}

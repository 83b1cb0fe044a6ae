//! The direct map beyond the first GiB, and a look at the rights of all that is mapped.

use super::{
    DIRECT_MAP, ENTRIES, FRAME_BYTES, Frame, IMAGE, LARGE, LARGE_BYTES, NO_EXEC, PRESENT, Regions,
    WRITABLE,
};
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

const GIB: u64 = 1 << 30;
/// What one root entry shows, and so all memory that there may be.
const MOST_BYTES: u64 = GIB * ENTRIES as u64;

unsafe extern "C" {
    /// kernel.ld and boot.s: less `IMAGE`, the physical addresses of two tables.
    static kernel_root: u8;
    static direct_directories: u8;
}

/// The root that shows the kernel and no task, by its physical address.
pub(crate) fn kernel_root_at() -> u64 {
    &raw const kernel_root as u64 - IMAGE
}

/// Shows the kernel all of this memory. The tables for it come out of `free`, the first GiB
/// of which is seen already. Once, before other processors are up.
///
/// # Panics
///
/// If there is more memory than the direct map has room for, or none for the tables.
pub(crate) fn show(memory: &Range<u64>, free: &mut Regions) {
    assert!(
        memory.end <= MOST_BYTES,
        "more than {} GiB of memory",
        MOST_BYTES / GIB
    );
    let directories = Frame::of_entry(&raw const direct_directories as u64 - IMAGE);
    let first = memory.start.max(GIB) / LARGE_BYTES;
    for page in first..memory.end.div_ceil(LARGE_BYTES) {
        let address = page * LARGE_BYTES;
        let directory = &directories.table()[(address / GIB) as usize];
        if directory.load(Ordering::Relaxed) == 0 {
            let table = free.take(FRAME_BYTES).expect("memory for the direct map");
            assert!(table < GIB, "the first memory is low");
            Frame::of_entry(table).clear();
            directory.store(table | PRESENT | WRITABLE, Ordering::Relaxed);
        }
        let table = Frame::of_entry(directory.load(Ordering::Relaxed)).table();
        // Nothing was there, so no processor can have looked it up.
        table[(address / LARGE_BYTES) as usize % ENTRIES].store(
            address | PRESENT | WRITABLE | LARGE | NO_EXEC,
            Ordering::Relaxed,
        );
    }
}

/// Looks at everything that the kernel has mapped: nothing is both writable and executable,
/// nothing is the tasks', and the image is not in the direct map.
///
/// # Panics
///
/// If it is not so.
pub(crate) fn look_at_rights() {
    let root = Frame::of_entry(kernel_root_at()).table();
    for (number, entry) in root.iter().enumerate() {
        let start = (number as u64) << 39;
        let canonical = if number < ENTRIES / 2 {
            start
        } else {
            start | 0xffff << 48
        };
        look_below(entry, 3, canonical);
    }
}

fn look_below(entry: &AtomicU64, level: u32, start: u64) {
    let named = entry.load(Ordering::Relaxed);
    if named & PRESENT == 0 {
        return;
    }
    assert!(named & super::USER == 0, "{start:#x} is the kernel's alone");
    if level > 0 && named & LARGE == 0 {
        for (number, entry) in Frame::of_entry(named).table().iter().enumerate() {
            let step = 1 << (12 + 9 * (level - 1));
            look_below(entry, level - 1, start + number as u64 * step);
        }
        return;
    }
    assert!(
        named & WRITABLE == 0 || named & NO_EXEC != 0,
        "{start:#x} can be written and executed"
    );
    let in_direct_map = start.checked_sub(DIRECT_MAP).filter(|at| *at < MOST_BYTES);
    let is_image = in_direct_map.is_some_and(|at| (LARGE_BYTES..super::IMAGE_END).contains(&at));
    assert!(!is_image, "the image is mapped twice, at {start:#x}");
}

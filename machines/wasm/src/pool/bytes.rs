//! The bytes of the pool, as the kernel itself gets at them.

use std::ops::Range;

use crate::bytes::{move_bytes, store_bytes};
use crate::mapping::Mapping;

/// The pool's pages in a mapping of the kernel's own, readable and writable always:
/// what the kernel stores for a task goes this way, after core has said that it may.
#[derive(Debug)]
pub(crate) struct PoolBytes {
    mapping: Mapping,
    page_bytes: u32,
    pages: u32,
}

impl PoolBytes {
    /// Of a mapping that is as long as so many pages.
    pub(super) fn new(mapping: Mapping, page_bytes: u32, pages: u32) -> Self {
        debug_assert_eq!(mapping.len(), page_bytes as usize * pages as usize);
        Self {
            mapping,
            page_bytes,
            pages,
        }
    }

    pub(crate) fn page_bytes(&self) -> u32 {
        self.page_bytes
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.mapping.len()
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The kernel's address of a range of bytes, given by its offset in the
    /// pool. `None` unless all of it lies in the pool.
    #[inline(always)]
    pub(crate) fn at(&self, offset: u64, len_bytes: u64) -> Option<*mut u8> {
        let end = offset.checked_add(len_bytes)?;
        if end > self.len_bytes() as u64 {
            return None;
        }
        let offset = usize::try_from(offset).ok()?;
        Some(self.mapping.start().wrapping_add(offset))
    }

    /// Fills pages with a byte. By storing, also zeroes: punching a hole would
    /// take the write protection of the views away with the pages.
    pub(crate) fn fill(&self, pages: Range<u32>, byte: u8) {
        let bytes = vec![byte; self.page_bytes as usize];
        for page in pages {
            self.store(self.bytes_of(&(page..page + 1)).0, &bytes);
        }
    }

    /// Stores the pages' length in bytes, as an int32, in their first four bytes.
    pub(crate) fn label(&self, pages: Range<u32>) {
        let (offset, len_bytes) = self.bytes_of(&pages);
        // What does not fit an i32 can not be asked for by one.
        let label = i32::try_from(len_bytes).unwrap_or(i32::MAX).to_le_bytes();
        self.store(offset, &label);
    }

    /// Stores bytes at an offset in the pool, if they fit there.
    fn store(&self, offset: u64, bytes: &[u8]) {
        if let Some(to) = self.at(offset, bytes.len() as u64) {
            // SAFETY:
            // 1. `at` has found the range in the mapping, which stays mapped for
            //    reading and writing as long as `self`; `bytes` is a live slice.
            // 2. Nobody makes Rust references to the pool's bytes.
            unsafe { store_bytes(to, bytes) }
        }
    }

    /// The four bytes at an offset; 0 outside the pool.
    pub(crate) fn word(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        if let Some(from) = self.at(offset as u64, bytes.len() as u64) {
            // SAFETY: as in `store`, the other way round.
            unsafe { move_bytes(bytes.as_mut_ptr(), from, bytes.len()) }
        }
        u32::from_le_bytes(bytes)
    }

    /// Offset and length in bytes.
    fn bytes_of(&self, pages: &Range<u32>) -> (u64, u64) {
        let page_bytes = u64::from(self.page_bytes);
        let count = pages.end.saturating_sub(pages.start);
        (
            u64::from(pages.start) * page_bytes,
            u64::from(count) * page_bytes,
        )
    }
}

//! Where in the host a task sees the pool.

use std::ffi::c_void;
use std::ops::Range;

/// The place of one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The host's address of the pool's first byte in this view.
    pub(super) start: *mut u8,
    pub(super) page_bytes: u32,
    pub(super) pages: u32,
}

// SAFETY: an address and numbers; whoever follows the address argues for itself.
unsafe impl Send for Window {}
// SAFETY: as above.
unsafe impl Sync for Window {}

impl Window {
    pub(super) fn all(&self) -> Range<u32> {
        0..self.pages
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.page_bytes as usize * self.pages as usize
    }

    /// Start and length of pages, in the host; those outside the view are left out.
    pub(super) fn span(&self, pages: &Range<u32>) -> (*mut c_void, usize) {
        let end = pages.end.min(self.pages);
        let first = pages.start.min(end);
        let page_bytes = self.page_bytes as usize;
        let start = self.start.wrapping_add(first as usize * page_bytes);
        (start.cast(), (end - first) as usize * page_bytes)
    }

    /// How far into the pool an address of the host is, in bytes.
    #[inline]
    pub(super) fn offset_of(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.start.addr())?;
        (offset < self.len_bytes()).then_some(offset)
    }
}

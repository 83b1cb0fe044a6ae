//! Memory of the allocator's in the place of mappings, which Miri does not have.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use std::ops::Range;

use crate::bytes::store_bytes;

const PAGE_BYTES: usize = 4096;

/// Of what is reserved so much can be opened: a reservation costs memory here.
const MOST_OPEN_BYTES: usize = 16 * PAGE_BYTES;

/// Zeroes, until they are dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: *mut u8,
    len_bytes: usize,
    layout: Layout,
}

// SAFETY: an address and numbers; whoever follows the address argues for itself.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) fn reserved(len_bytes: usize) -> io::Result<Self> {
        let size = len_bytes.min(MOST_OPEN_BYTES);
        let layout = Layout::from_size_align(size, PAGE_BYTES).map_err(io::Error::other)?;
        // SAFETY: of some bytes.
        let start = unsafe { alloc_zeroed(layout) };
        if start.is_null() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(Self {
            start,
            len_bytes,
            layout,
        })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.len_bytes
    }

    pub(crate) fn open(&self, bytes: &Range<usize>) -> io::Result<()> {
        if bytes.end > self.layout.size() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(())
    }

    pub(crate) fn zero(&self, bytes: &Range<usize>) -> io::Result<()> {
        let zeroes = vec![0; bytes.len()];
        // SAFETY: opened, so they are there; who asks says that nobody has a reference.
        unsafe { store_bytes(self.start.wrapping_add(bytes.start), &zeroes) };
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it came so from the allocator; whoever holds an address holds this.
        unsafe { dealloc(self.start, self.layout) }
    }
}

pub(crate) fn page_bytes() -> usize {
    PAGE_BYTES
}

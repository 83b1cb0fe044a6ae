//! A run of pages that a heap has taken: its books, in pages of their own, and then its
//! data.
//!
//! The books are apart from the data, so a page of data can be granted, given or scavenged
//! and no books go with it.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::chunks::{Chunks, GRANULE_BYTES};

/// A heap takes at least that many bytes for data.
const LEAST_DATA_BYTES: usize = 64 << 10;
const ENTRY_BYTES: usize = size_of::<u32>();
const ENTRY_BITS: usize = u32::BITS as usize;

/// How many pages an arena has. What it needs is at least one granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    page_bytes: usize,
    data_pages: usize,
}

impl Shape {
    /// Enough for `bytes` bytes and no more. `None`: that many do not fit any memory.
    pub(super) fn exact(bytes: usize, page_bytes: usize) -> Option<Self> {
        let data_pages = bytes.div_ceil(page_bytes);
        let shape = Self {
            page_bytes,
            data_pages,
        };
        let data_bytes = data_pages.checked_mul(page_bytes)?;
        data_bytes.checked_add(shape.books_bytes()).map(|_| shape)
    }

    /// Enough for that, and for others after it.
    pub(super) fn roomy(bytes: usize, page_bytes: usize) -> Option<Self> {
        Self::exact(bytes.max(LEAST_DATA_BYTES), page_bytes)
    }

    /// All of it, in bytes.
    pub(super) fn bytes(self) -> usize {
        self.books_bytes() + self.data_pages * self.page_bytes
    }

    fn page_granules(self) -> usize {
        self.page_bytes / GRANULE_BYTES
    }

    /// Entries for one bit a granule.
    fn granule_entries(self) -> usize {
        self.data_pages * (self.page_granules() / ENTRY_BITS)
    }

    /// Entries for one bit a page.
    fn page_entries(self) -> usize {
        self.data_pages.div_ceil(ENTRY_BITS)
    }

    fn books_bytes(self) -> usize {
        let entries = 2 * self.granule_entries() + self.page_entries();
        (size_of::<Header>() + entries * ENTRY_BYTES).next_multiple_of(self.page_bytes)
    }
}

/// Stands at the beginning of the books; the entries come after it.
struct Header {
    next: Option<Arena>,
    shape: Shape,
    /// Granules that are not in use. To pass over arenas that are full.
    free: usize,
}

/// One arena of a heap.
///
/// It is made by [`Arena::create`] only, and in the list of one heap until that gives its
/// pages back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arena(NonNull<Header>);

impl Arena {
    /// # Safety
    ///
    /// `at` is aligned to pages, has `shape.bytes()` bytes that are the heap's alone until
    /// it gives them back, and does not wrap.
    pub(super) unsafe fn create(at: NonNull<u8>, shape: Shape, next: Option<Self>) -> Self {
        let header = at.cast::<Header>();
        let free = shape.data_pages * shape.page_granules();
        // SAFETY: the caller's; pages are larger than a header, and aligned to more.
        unsafe { at.write_bytes(0, shape.books_bytes()) };
        // SAFETY: the same.
        unsafe { header.write(Header { next, shape, free }) };
        Self(header)
    }

    fn header(&self) -> &Header {
        // SAFETY: it was written by `create` and is the heap's until it is given back; only
        // this type's short borrows change it, and a heap is used by one thread.
        unsafe { self.0.as_ref() }
    }

    fn header_mut(&mut self) -> &mut Header {
        // SAFETY: as for `header`; no other borrow of it stands, for none leaves this type.
        unsafe { self.0.as_mut() }
    }

    pub(super) fn next(&self) -> Option<Self> {
        self.header().next
    }

    pub(super) fn set_next(&mut self, next: Option<Self>) {
        self.header_mut().next = next;
    }

    /// The pages with the books: their address and size.
    pub(super) fn books(&self) -> (NonNull<u8>, usize) {
        (self.0.cast(), self.header().shape.books_bytes())
    }

    fn data(&self) -> NonNull<u8> {
        let (at, bytes) = self.books();
        // SAFETY: the data begin where the books end, within one run of pages.
        unsafe { at.add(bytes) }
    }

    fn chunks(&mut self) -> Chunks<'_> {
        let shape = self.header().shape;
        let (granules, pages) = (shape.granule_entries(), shape.page_entries());
        // SAFETY: the entries begin where the header ends, within the books.
        let entries = unsafe { self.0.add(1) }.cast::<u32>();
        // SAFETY: so many entries lie in the books (`Shape::books_bytes`), written with zeros
        // by `create`, and nothing else borrows them.
        let all =
            unsafe { core::slice::from_raw_parts_mut(entries.as_ptr(), 2 * granules + pages) };
        let (used, rest) = all.split_at_mut(granules);
        let (first, gone) = rest.split_at_mut(granules);
        Chunks {
            used,
            first,
            gone,
            page_granules: shape.page_granules(),
        }
    }

    /// A place for that many bytes. `None`: here is none.
    pub(super) fn take(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let count = layout.size().div_ceil(GRANULE_BYTES);
        if count > self.header().free || layout.align() > self.header().shape.page_bytes {
            return None;
        }
        let start = self
            .chunks()
            .take(count, layout.align().div_ceil(GRANULE_BYTES))?;
        self.header_mut().free -= count;
        // SAFETY: the chunk lies in the data.
        Some(unsafe { self.data().add(start * GRANULE_BYTES) })
    }

    /// Whether these bytes were a block of this arena, and are free now. Nothing has changed
    /// if not.
    pub(super) fn give_back(&mut self, at: NonNull<u8>, bytes: usize) -> bool {
        let Some(offset) = at.addr().get().checked_sub(self.data().addr().get()) else {
            return false;
        };
        let count = bytes.div_ceil(GRANULE_BYTES);
        let freed = offset.is_multiple_of(GRANULE_BYTES)
            && self.chunks().give_back(offset / GRANULE_BYTES, count);
        if freed {
            self.header_mut().free += count;
        }
        freed
    }

    /// Takes a run of free pages out of the arena, for good: its address and size.
    pub(super) fn retire_pages(&mut self) -> Option<(NonNull<u8>, usize)> {
        let pages = self.chunks().retire_pages()?;
        let shape = self.header().shape;
        self.header_mut().free -= pages.len() * shape.page_granules();
        // SAFETY: these pages lie in the data.
        let at = unsafe { self.data().add(pages.start * shape.page_bytes) };
        Some((at, pages.len() * shape.page_bytes))
    }

    /// Nothing is left but the books.
    pub(super) fn all_gone(&mut self) -> bool {
        self.chunks().all_gone()
    }
}

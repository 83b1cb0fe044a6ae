//! The host's own address space, as tasks copy from it and into it: buffers, in
//! whole pages of the operating system's.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::layout::HEAP_LIMIT_BYTES;
use crate::mapping::{Mapping, page_bytes};
use crate::space::Memory;

/// Address space for the host's buffers. Unmapped with the system, after the
/// last task and the last buffer.
#[derive(Debug)]
pub(crate) struct Arena {
    mapping: Mapping,
    page_bytes: usize,
    spare: Mutex<Spare>,
}

/// Pages of the arena that somebody has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) first: usize,
    pub(super) pages: usize,
}

impl Arena {
    /// As large as a task's heap can be; none of it costs memory yet.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn new() -> io::Result<Self> {
        let len_bytes = usize::try_from(HEAP_LIMIT_BYTES).map_err(io::Error::other)?;
        Ok(Self {
            mapping: Mapping::reserved(len_bytes)?,
            page_bytes: page_bytes(),
            spare: Mutex::default(),
        })
    }

    /// As tasks' copies see it. What is not in a buffer is not mapped, and no
    /// object reaches there.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            base: self.mapping.start(),
            len_bytes: self.mapping.len() as u64,
        }
    }

    /// Zeroes for `len` bytes, mapped until they are put back.
    ///
    /// # Errors
    ///
    /// No address space or no memory is left.
    pub(super) fn take(&self, len: usize) -> io::Result<Place> {
        let pages = len.div_ceil(self.page_bytes);
        let mut spare = self.spare();
        if let Some(first) = spare.take(pages) {
            return Ok(Place { first, pages });
        }
        let first = spare.end;
        let end = first.saturating_add(pages);
        if end > self.mapping.len() / self.page_bytes {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let place = Place { first, pages };
        self.mapping.open(&self.bytes_of(&place))?;
        spare.end = end;
        Ok(place)
    }

    /// Gives pages back; nobody copies there any more.
    pub(super) fn put_back(&self, place: &Place) {
        let mut spare = self.spare();
        let zeroed = self.mapping.zero(&self.bytes_of(place));
        // Pages that can not be made zeroes again are nobody's for good.
        if zeroed.is_ok() {
            spare.put_back(place);
        }
    }

    /// Where a place lies in the mapping.
    fn bytes_of(&self, place: &Place) -> Range<usize> {
        let start = place.first * self.page_bytes;
        start..start + place.pages * self.page_bytes
    }

    /// Where a place begins in the host's address space, as tasks see it.
    pub(super) fn address_of(&self, place: &Place) -> u64 {
        self.bytes_of(place).start as u64
    }

    /// The same as the processor sees it.
    pub(super) fn start_of(&self, place: &Place) -> *mut u8 {
        let start = self.bytes_of(place).start;
        self.mapping.start().wrapping_add(start)
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pages that have been given back, and where those begin that were never taken.
#[derive(Debug, Default)]
struct Spare {
    /// By first page: how many. Neighbours are one entry.
    runs: BTreeMap<usize, usize>,
    end: usize,
}

impl Spare {
    /// The first run that is long enough.
    fn take(&mut self, pages: usize) -> Option<usize> {
        let (first, has) = self
            .runs
            .iter()
            .find(|(_, has)| **has >= pages)
            .map(|(first, has)| (*first, *has))?;
        self.runs.remove(&first);
        if has > pages {
            self.runs.insert(first + pages, has - pages);
        }
        Some(first)
    }

    fn put_back(&mut self, place: &Place) {
        let (mut first, mut pages) = (place.first, place.pages);
        if let Some(after) = self.runs.remove(&(first + pages)) {
            pages += after;
        }
        let before = self.runs.range(..first).next_back();
        if let Some((start, len)) = before.map(|(start, len)| (*start, *len))
            && start + len == first
        {
            first = start;
            pages += len;
        }
        if first + pages == self.end {
            self.runs.remove(&first);
            self.end = first;
        } else {
            self.runs.insert(first, pages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, Place, Spare};

    #[test]
    fn what_is_given_back_is_taken_again_and_neighbours_are_one() {
        let mut spare = Spare {
            end: 10,
            ..Spare::default()
        };
        let place = |first, pages| Place { first, pages };
        spare.put_back(&place(2, 1));
        spare.put_back(&place(4, 2));
        assert_eq!(spare.take(2), Some(4));
        assert_eq!(spare.take(2), None);
        spare.put_back(&place(3, 1));
        spare.put_back(&place(4, 2));
        assert_eq!(spare.take(3), Some(2));
        assert_eq!(spare.take(1), Some(5));
        spare.put_back(&place(2, 3));
        spare.put_back(&place(0, 2));
        spare.put_back(&place(5, 5));
        assert_eq!((spare.end, spare.runs.len()), (0, 0));
    }

    #[test]
    fn pages_come_back_as_zeroes_and_the_end_is_an_error() {
        let arena = Arena::new().unwrap();
        let place = arena.take(1).unwrap();
        let start = arena.start_of(&place);
        // SAFETY: the page is mapped, and nobody else knows of it.
        unsafe { start.write(7) };
        arena.put_back(&place);
        let again = arena.take(1).unwrap();
        assert_eq!(again, place);
        // SAFETY: as above.
        assert_eq!(unsafe { start.read() }, 0);
        assert!(arena.take(usize::MAX / 2).is_err());
    }
}

//! Which granules of a run of pages are in use, and where each chunk of them begins.
//!
//! The books are bits apart from the memory that they are about, so whoever frees what is
//! no chunk, or writes beyond one, harms no books. Free neighbours need no joining: two
//! runs of zeros are one.

use core::ops::Range;

use super::registry::masks;

/// What one bit stands for: sizes are rounded up to it, and chunks are aligned to it.
pub(super) const GRANULE_BYTES: usize = 16;
const ENTRY_BITS: usize = u32::BITS as usize;

/// The books of one run of pages. All bits begin as zeros.
#[derive(Debug)]
pub(super) struct Chunks<'books> {
    /// A bit for each granule: in use, or gone with its page.
    pub(super) used: &'books mut [u32],
    /// A bit for each granule: a chunk, or a run of pages that are gone, begins here.
    pub(super) first: &'books mut [u32],
    /// A bit for each page: given back.
    pub(super) gone: &'books mut [u32],
    /// A multiple of the bits of an entry.
    pub(super) page_granules: usize,
}

impl Chunks<'_> {
    fn granules(&self) -> usize {
        self.used.len() * ENTRY_BITS
    }

    /// The first place for a chunk of `count` granules at a multiple of `align`.
    #[must_use]
    pub(super) fn take(&mut self, count: usize, align: usize) -> Option<usize> {
        let mut from = 0;
        loop {
            let start = next(self.used, from, false).checked_next_multiple_of(align)?;
            let end = start.checked_add(count)?;
            if end > self.granules() {
                return None;
            }
            let used = next(self.used, start, true);
            if used >= end {
                fill(self.used, start..end, true);
                fill(self.first, start..start + 1, true);
                return Some(start);
            }
            from = used;
        }
    }

    /// Frees the chunk that begins at `start`. `false`, and nothing done, if none of
    /// `count` granules does.
    #[must_use]
    pub(super) fn give_back(&mut self, start: usize, count: usize) -> bool {
        if self.len_of_chunk(start) != Some(count) {
            return false;
        }
        fill(self.used, start..start + count, false);
        fill(self.first, start..start + 1, false);
        true
    }

    fn len_of_chunk(&self, start: usize) -> Option<usize> {
        let page = start.checked_div(self.page_granules)?;
        if !is_set(self.first, start) || is_set(self.gone, page) {
            return None;
        }
        let used = next(self.used, start, false);
        let until = self.first.get(..used.div_ceil(ENTRY_BITS))?;
        let end = next(until, start + 1, true).min(used);
        end.checked_sub(start)
    }

    /// Takes the first run of pages out of which nothing is in use, for good.
    pub(super) fn retire_pages(&mut self) -> Option<Range<usize>> {
        let mut from = 0;
        loop {
            let free = next(self.used, from, false);
            let first = free.div_ceil(self.page_granules);
            if free >= self.granules() {
                return None;
            }
            let used = next(self.used, free, true);
            let pages = first..used / self.page_granules;
            if !pages.is_empty() {
                let start = pages.start * self.page_granules;
                let end = pages.end * self.page_granules;
                fill(self.used, start..end, true);
                fill(self.first, start..start + 1, true);
                fill(self.gone, pages.clone(), true);
                return Some(pages);
            }
            from = used;
        }
    }

    /// Nothing is left but the books.
    pub(super) fn all_gone(&self) -> bool {
        next(self.gone, 0, false) >= self.granules() / self.page_granules
    }
}

/// Where the next bit of this value is, from `from` on; the end if there is none.
fn next(bits: &[u32], from: usize, value: bool) -> usize {
    let flip = if value { 0 } else { u32::MAX };
    let mut keep = u32::MAX << (from % ENTRY_BITS);
    for (at, entry) in bits.iter().enumerate().skip(from / ENTRY_BITS) {
        let found = (entry ^ flip) & keep;
        if found != 0 {
            return at * ENTRY_BITS + found.trailing_zeros() as usize;
        }
        keep = u32::MAX;
    }
    bits.len() * ENTRY_BITS
}

fn is_set(bits: &[u32], at: usize) -> bool {
    bits.get(at / ENTRY_BITS)
        .is_some_and(|entry| (entry >> (at % ENTRY_BITS)) & 1 == 1)
}

fn fill(bits: &mut [u32], range: Range<usize>, value: bool) {
    for (at, mask) in masks(range) {
        let Some(entry) = bits.get_mut(at) else {
            return;
        };
        if value {
            *entry |= mask;
        } else {
            *entry &= !mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Four pages of 64 granules.
    #[derive(Default)]
    struct Books {
        used: [u32; 8],
        first: [u32; 8],
        gone: [u32; 1],
    }

    impl Books {
        fn chunks(&mut self) -> Chunks<'_> {
            Chunks {
                used: &mut self.used,
                first: &mut self.first,
                gone: &mut self.gone,
                page_granules: 64,
            }
        }
    }

    #[test]
    fn chunks_are_taken_from_the_left_and_only_where_they_fit() {
        let mut books = Books::default();
        let mut chunks = books.chunks();
        assert_eq!(chunks.take(40, 1), Some(0));
        assert_eq!(chunks.take(1, 1), Some(40));
        assert_eq!(chunks.take(200, 1), Some(41));
        assert_eq!(chunks.take(16, 1), None);
        assert!(chunks.give_back(40, 1));
        assert_eq!(chunks.take(2, 1), Some(241));
        assert_eq!(chunks.take(1, 1), Some(40));
        assert_eq!(chunks.take(13, 1), Some(243));
        assert_eq!(chunks.take(1, 1), None);
    }

    #[test]
    fn a_chunk_begins_where_it_is_asked_to() {
        let mut books = Books::default();
        let mut chunks = books.chunks();
        assert_eq!(chunks.take(1, 1), Some(0));
        assert_eq!(chunks.take(3, 64), Some(64));
        assert_eq!(chunks.take(64, 64), Some(128));
        assert_eq!(chunks.take(65, 64), None);
        assert_eq!(chunks.take(63, 1), Some(1));
    }

    #[test]
    fn what_is_no_chunk_can_not_be_freed() {
        let mut books = Books::default();
        let mut chunks = books.chunks();
        assert_eq!(chunks.take(5, 1), Some(0));
        assert_eq!(chunks.take(7, 1), Some(5));
        for (start, count) in [
            (0, 4),
            (0, 6),
            (0, 12),
            (1, 4),
            (5, 8),
            (12, 1),
            (0, 0),
            (usize::MAX, 1),
        ] {
            assert!(!chunks.give_back(start, count), "{start} {count}");
        }
        assert!(chunks.give_back(0, 5));
        assert!(!chunks.give_back(0, 5), "twice");
        assert!(chunks.give_back(5, 7));
        assert_eq!(books.used, [0; 8]);
        assert_eq!(books.first, [0; 8]);
    }

    #[test]
    fn free_neighbours_are_one() {
        let mut books = Books::default();
        let mut chunks = books.chunks();
        for at in 0..256 {
            assert_eq!(chunks.take(1, 1), Some(at));
        }
        for at in [3, 1, 2] {
            assert!(chunks.give_back(at, 1));
        }
        assert_eq!(chunks.take(3, 1), Some(1));
    }

    #[test]
    fn whole_free_pages_go_and_nothing_else() {
        let mut books = Books::default();
        let mut chunks = books.chunks();
        assert_eq!(chunks.take(63, 1), Some(0));
        assert_eq!(chunks.take(1, 128), Some(128));
        assert_eq!(chunks.retire_pages(), Some(1..2));
        assert_eq!(chunks.retire_pages(), Some(3..4));
        assert_eq!(chunks.retire_pages(), None);
        assert!(!chunks.all_gone());

        assert!(!chunks.give_back(64, 64), "it is not ours any more");
        assert_eq!(chunks.take(64, 1), None, "nor can it be had again");
        assert_eq!(chunks.take(1, 1), Some(63));
        assert!(chunks.give_back(63, 1), "its end is the hole's beginning");

        assert!(chunks.give_back(0, 63));
        assert!(chunks.give_back(128, 1));
        assert_eq!(chunks.retire_pages(), Some(0..1));
        assert_eq!(chunks.retire_pages(), Some(2..3));
        assert!(chunks.all_gone());
    }

    /// Against a list of what is in use, for many steps.
    #[test]
    fn random_steps_agree_with_a_list() {
        let mut books = Books::default();
        let mut chunks = books.chunks();
        let mut list: Vec<(usize, usize)> = Vec::new();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below as u64).unwrap()
        };
        let mut taken = 0;
        for _ in 0..20_000 {
            if random(2) == 0 {
                let (count, align) = (1 + random(40), 1 << random(4));
                let free = |at: usize| {
                    at + count <= 256
                        && list
                            .iter()
                            .all(|(from, len)| at + count <= *from || from + len <= at)
                };
                let expected = (0..256).step_by(align).find(|at| free(*at));
                assert_eq!(chunks.take(count, align), expected);
                list.extend(expected.map(|at| (at, count)));
                taken += usize::from(expected.is_some());
            } else if !list.is_empty() {
                let (at, count) = list.swap_remove(random(list.len()));
                let wrong = 1 + random(60);
                assert_eq!(chunks.give_back(at, wrong), wrong == count);
                assert_eq!(chunks.give_back(at, count), wrong != count);
            }
        }
        assert!(taken > 1000, "{taken}");
    }
}

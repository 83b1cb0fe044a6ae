//! Which addresses are which pages.

use crate::error::BadLimits;
use crate::span::Span;

/// The pool: the same addresses in every task that is attached to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The address of its first byte; a multiple of `page_bytes`.
    pub start: u32,
    /// The size of a page, in bytes: a power of two, 64 to 65,536.
    pub page_bytes: u32,
    /// How many pages: at most 1,048,576, and all of them below 4 GiB.
    pub pages: u32,
}

impl Pool {
    /// No pool: no task can be attached.
    pub const NONE: Self = Self {
        start: 0,
        page_bytes: 4096,
        pages: 0,
    };

    /// Whether a kernel can keep books of it.
    pub(crate) fn check(self) -> Result<(), BadLimits> {
        let has_good_pages =
            self.page_bytes.is_power_of_two() && (64..=65_536).contains(&self.page_bytes);
        if !has_good_pages || self.pages > 1 << 20 || self.end() > 1 << 32 {
            return Err(BadLimits::Pool);
        }
        if self.start & self.page_bytes.wrapping_sub(1) != 0 {
            return Err(BadLimits::Pool);
        }
        Ok(())
    }

    /// The first address behind it.
    #[must_use]
    #[inline]
    pub const fn end(self) -> u64 {
        // Factors of 32 bits: neither the product nor the sum wraps.
        (self.start as u64).wrapping_add((self.pages as u64).wrapping_mul(self.page_bytes as u64))
    }

    /// All of it. Below 4 GiB, so it does not wrap.
    pub(crate) fn span(self) -> Span {
        Span::new(u64::from(self.start), self.bytes(self.pages)).unwrap_or(Span::NOWHERE)
    }

    /// Whether a range has an address in common with it. An empty range counts
    /// by its first address.
    #[must_use]
    #[inline(always)]
    pub const fn touches(self, span: Span) -> bool {
        span.start() < self.end()
            && (span.end() > self.start as u64 || span.start() >= self.start as u64)
    }

    /// Whether all of a range lies in it. An empty range may lie at its end.
    #[must_use]
    #[inline]
    pub const fn contains(self, span: Span) -> bool {
        span.start() >= self.start as u64 && span.end() <= self.end()
    }

    /// The pages that a range touches, `None` if it is empty or not all of it
    /// lies in the pool.
    #[must_use]
    pub fn run_of(self, span: Span) -> Option<Run> {
        if span.len() == 0 || !self.contains(span) {
            return None;
        }
        let first = self.page_at(span.start())?;
        let last = self.page_at(span.end().wrapping_sub(1))?;
        Run::between(first, last.wrapping_add(1))
    }

    /// The page that an address lies in.
    #[must_use]
    #[inline]
    pub fn page_at(self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(u64::from(self.start))?;
        let page = offset.checked_shr(self.page_bytes.trailing_zeros())?;
        u32::try_from(page).ok().filter(|page| *page < self.pages)
    }

    /// The address of a page's first byte.
    #[must_use]
    pub const fn address_of(self, page: u32) -> u64 {
        (self.start as u64).wrapping_add((page as u64).wrapping_mul(self.page_bytes as u64))
    }

    /// The length of so many pages, in bytes.
    #[must_use]
    pub const fn bytes(self, pages: u32) -> u64 {
        (pages as u64).wrapping_mul(self.page_bytes as u64)
    }
}

/// Neighbouring pages, by number; never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    first: u32,
    pages: u32,
}

impl Run {
    /// From page `first` to the one before `end`; `None` if that is none.
    #[must_use]
    pub const fn between(first: u32, end: u32) -> Option<Self> {
        match end.checked_sub(first) {
            None | Some(0) => None,
            Some(pages) => Some(Self { first, pages }),
        }
    }

    /// One page.
    pub(crate) const fn one(page: u32) -> Self {
        Self {
            first: page,
            pages: 1,
        }
    }

    /// The number of its first page.
    #[must_use]
    pub const fn first(self) -> u32 {
        self.first
    }

    /// How many pages it has: at least 1.
    #[must_use]
    pub const fn pages(self) -> u32 {
        self.pages
    }

    /// The number behind its last page.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.first.wrapping_add(self.pages)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pool, Run};
    use crate::span::Span;

    const POOL: Pool = Pool {
        start: 0x8000_0000,
        page_bytes: 4096,
        pages: 16,
    };

    fn run(start: u64, len: u64) -> Option<(u32, u32)> {
        let run = POOL.run_of(Span::new(start, len).unwrap())?;
        Some((run.first(), run.pages()))
    }

    #[test]
    fn a_range_acts_on_every_page_that_it_touches() {
        assert_eq!(run(0x8000_0000 + 100, 8), Some((0, 1)));
        assert_eq!(run(0x8000_0000 + 4095, 2), Some((0, 2)));
        assert_eq!(run(0x8000_0000, 16 * 4096), Some((0, 16)));
        assert_eq!(run(0x8000_0000, 16 * 4096 + 1), None);
        assert_eq!(run(0x7fff_ffff, 2), None);
        assert_eq!(run(0x8000_0000, 0), None);
        assert_eq!(POOL.page_at(POOL.end()), None);
        assert_eq!(Run::between(3, 3), None);
    }

    #[test]
    fn a_range_that_only_reaches_into_the_pool_touches_it() {
        let touches = |start, len| POOL.touches(Span::new(start, len).unwrap());
        assert!(touches(0x7fff_ffff, 2));
        assert!(touches(0x8000_0000, 0));
        assert!(!touches(0x7fff_ffff, 1));
        assert!(!touches(POOL.end(), 1));
        assert!(!Pool::NONE.touches(Span::new(0, 8).unwrap()));
    }
}

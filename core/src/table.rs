//! A table of fixed size whose entries are found by number.

use alloc::boxed::Box;

/// "No entry", in links between entries.
pub(crate) const NONE: u32 = u32::MAX;

/// Entries 0 to `len - 1`, all made when the kernel is made.
#[derive(Debug)]
pub(crate) struct Table<T>(Box<[T]>);

impl<T> Table<T> {
    /// A table of `len` entries, each made by `entry` from its number.
    pub(crate) fn new(len: u32, entry: impl FnMut(u32) -> T) -> Self {
        Self((0..len).map(entry).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.0.iter())
    }

    /// How many entries it has.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(NONE)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.0.get(number as usize)
    }

    /// The entries of some numbers, to be changed.
    pub(crate) fn some_mut(&mut self, numbers: core::ops::Range<u32>) -> &mut [T] {
        let numbers = numbers.start as usize..numbers.end as usize;
        self.0.get_mut(numbers).unwrap_or_default()
    }

    /// The entry of a number that a table has made. Numbers of entries never
    /// come from a guest, so one out of range is a bug of the kernel, and
    /// stopping is better than going on with a wrong entry.
    #[inline]
    #[allow(
        clippy::indexing_slicing,
        reason = "the one place that indexes: see above"
    )]
    pub(crate) fn at(&self, number: u32) -> &T {
        &self.0[number as usize]
    }

    /// The same, to be changed.
    #[inline]
    #[allow(clippy::indexing_slicing, reason = "the other half of that one place")]
    pub(crate) fn at_mut(&mut self, number: u32) -> &mut T {
        &mut self.0[number as usize]
    }
}

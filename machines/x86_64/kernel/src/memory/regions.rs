//! Ranges of physical memory that nobody uses yet.

use super::FRAME_BYTES;
use core::ops::Range;

/// How many there may be; machines have a handful.
const MOST: usize = 16;

/// Ranges of whole frames, none of which overlap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions {
    ranges: [Range<u64>; MOST],
}

impl Regions {
    /// Adds the whole frames of a range; false if there is no place for it.
    pub(crate) fn add(&mut self, range: Range<u64>) -> bool {
        let start = range.start.next_multiple_of(FRAME_BYTES);
        let end = range.end / FRAME_BYTES * FRAME_BYTES;
        if start >= end {
            return true;
        }
        let place = self.ranges.iter_mut().find(|range| range.is_empty());
        place.map(|place| *place = start..end).is_some()
    }

    /// Takes out every frame that a range touches; false if there is no place for the rest.
    pub(crate) fn remove(&mut self, gone: &Range<u64>) -> bool {
        for place in 0..MOST {
            let range = self.ranges[place].clone();
            if range.is_empty() || gone.end <= range.start || range.end <= gone.start {
                continue;
            }
            self.ranges[place] = 0..0;
            let before = range.start..gone.start.clamp(range.start, range.end);
            let after_end = gone.end.next_multiple_of(FRAME_BYTES);
            let after = after_end.clamp(range.start, range.end)..range.end;
            if !self.add(before) || !self.add(after) {
                return false;
            }
        }
        true
    }

    /// Takes so many bytes in one piece off the first range that has them: their first
    /// address.
    pub(crate) fn take(&mut self, bytes: u64) -> Option<u64> {
        let wanted = bytes.checked_next_multiple_of(FRAME_BYTES)?;
        let fits = |range: &&mut Range<u64>| range.end - range.start >= wanted;
        let range = self.ranges.iter_mut().find(fits)?;
        let first = range.start;
        range.start += wanted;
        Some(first)
    }

    /// Takes a frame off the end of the last range: low memory stays for what needs it.
    pub(crate) fn take_last_frame(&mut self) -> Option<u64> {
        let last = self.ranges.iter_mut().filter(|range| !range.is_empty());
        let range = last.max_by_key(|range| range.end)?;
        range.end -= FRAME_BYTES;
        Some(range.end)
    }

    /// Bytes in all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.iter().map(|range| range.end - range.start).sum()
    }

    /// The ranges.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.ranges.iter().filter(|range| !range.is_empty())
    }
}

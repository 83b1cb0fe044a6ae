//! Copies by page tables: each address is looked up, and the bytes are moved through the
//! direct map. No user address is ever dereferenced.

use super::{PoolFrames, Space};
use crate::memory::{FRAME_BYTES, move_bytes};
use usufruct_core::Span;

/// Memory as a task sees it, by one of two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Its own: what its page tables say.
    Own(Space),
    /// The pool's, which all see alike: what the core says, and it has been asked.
    Pool(PoolFrames),
}

impl View {
    #[inline(always)]
    fn place(self, address: u64, must_write: bool) -> Option<*mut u8> {
        match self {
            Self::Own(space) => space.place(address, must_write),
            Self::Pool(frames) => frames.place(address),
        }
    }

    /// Copies the task's bytes from `from` on; whether all of them are there. If not, some of
    /// `into` may have changed.
    pub(crate) fn load(self, from: u64, into: &mut [u8]) -> bool {
        let mut from = from;
        let mut rest = into;
        while !rest.is_empty() {
            let Some(place) = self.place(from, false) else {
                return false;
            };
            let (now, later) = rest.split_at_mut(in_page(from).min(rest.len()));
            // SAFETY: `place` is that many bytes in a frame of a live task or the pool; `now` is ours.
            unsafe { move_bytes(place, now.as_mut_ptr(), now.len(), false) };
            from += now.len() as u64;
            rest = later;
        }
        true
    }

    /// Stores to this span, which is as long, if all of it is the task's to store to; or
    /// nothing. Of the pool the core has been asked.
    pub(crate) fn store(self, span: Span, bytes: &[u8]) -> bool {
        // What lies in one page is looked up once.
        let is_sure = match self {
            Self::Own(space) => bytes.len() <= in_page(span.start()) || space.covers(span, true),
            Self::Pool(_) => true,
        };
        is_sure && self.move_in(span.start(), bytes, true)
    }

    /// Stores there, whoever may: it fills a task's pages before it runs. Whether all of it is
    /// there.
    pub(crate) fn fill(self, to: u64, bytes: &[u8]) -> bool {
        self.move_in(to, bytes, false)
    }

    fn move_in(self, to: u64, bytes: &[u8], must_write: bool) -> bool {
        let mut to = to;
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(place) = self.place(to, must_write) else {
                return false;
            };
            let (now, later) = rest.split_at(in_page(to).min(rest.len()));
            // SAFETY: as in `load`, the other way; `now` is only read.
            unsafe { move_bytes(now.as_ptr(), place, now.len(), false) };
            to += now.len() as u64;
            rest = later;
        }
        true
    }
}

/// Copies `bytes` bytes of one page to another, or inside one, as if through a buffer. Both
/// places come from `LowTables::place`, and so many bytes behind them are in their pages.
#[inline(always)]
pub(crate) fn copy_in_pages(from: *mut u8, to: *mut u8, bytes: u32) {
    let bytes = bytes as usize;
    // Memory is in the direct map once, so these addresses tell whether the two meet.
    let downwards = (to as usize).wrapping_sub(from as usize).wrapping_sub(1) < bytes;
    // SAFETY: each side is `bytes` bytes of one frame, of a live task or the pool: the core's
    // pin stands.
    unsafe { move_bytes(from, to, bytes, downwards) };
}

/// Copies `bytes` bytes between two views, or inside one, as if through a buffer. Both
/// sides cover them (`Space::covers`); where one does not, nothing moves any more.
pub(crate) fn copy(from: (View, u64), to: (View, u64), bytes: u64) -> bool {
    let (source, start) = from;
    let (target, to_start) = to;
    // No frame is in two places of one view, and none in two views, so only a copy within
    // one can meet itself: upwards it goes from its end, or it would read what it has written.
    let downwards = source == target && to_start > start;
    let mut moved = 0;
    while moved < bytes {
        let left = bytes - moved;
        let (offset, count) = if downwards {
            let count = left.min(up_to(start + left)).min(up_to(to_start + left));
            (left - count, count)
        } else {
            let room = |address| in_page(address + moved) as u64;
            (moved, left.min(room(start)).min(room(to_start)))
        };
        let read = source.place(start + offset, false);
        let written = target.place(to_start + offset, true);
        let (Some(read), Some(written)) = (read, written) else {
            return false;
        };
        // SAFETY: `count` bytes from either place on lie in one frame each, by the choice of
        // `count`. Both tasks' frames are theirs while the core's pin stands.
        unsafe { move_bytes(read, written, count as usize, downwards) };
        moved += count;
    }
    true
}

/// How many bytes there are from `address` to the end of its page.
fn in_page(address: u64) -> usize {
    (FRAME_BYTES - address % FRAME_BYTES) as usize
}

/// How many bytes of the page that ends at or holds the byte below `end` are below it.
fn up_to(end: u64) -> u64 {
    (end - 1) % FRAME_BYTES + 1
}

//! Copies by page tables: each address is looked up, and the bytes are moved through the
//! direct map. No user address is ever dereferenced.

use super::Space;
use super::frame::{FRAME_BYTES, move_bytes};

impl Space {
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
            // SAFETY: `place` is that many bytes in a live task's frame; `now` is ours.
            unsafe { move_bytes(place, now.as_mut_ptr(), now.len(), false) };
            from += now.len() as u64;
            rest = later;
        }
        true
    }

    /// Stores to the task's memory, whoever may write there: for filling a task's pages
    /// before it runs. Whether all of it is there.
    pub(crate) fn fill(self, to: u64, bytes: &[u8]) -> bool {
        let mut to = to;
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(place) = self.place(to, false) else {
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

/// Copies `bytes` bytes between two tasks, or inside one, as if through a buffer. Both
/// sides cover them (`Space::covers`); where one does not, nothing moves any more.
pub(crate) fn copy(from: (Space, u64), to: (Space, u64), bytes: u64) -> bool {
    let (source, start) = from;
    let (target, to_start) = to;
    // No frame is in two places, so only a copy within one space can meet itself: upwards
    // it goes from its end, or it would read what it has written.
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

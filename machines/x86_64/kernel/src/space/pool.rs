//! The pool: one run of frames, seen at the same addresses by every task that is attached.
//! Which of them a task may store to is a bit in its own page tables; the kernel itself goes
//! by the direct map, and only where the core has said that it may.

use crate::memory::{FRAME_BYTES, Frame, Regions, fill_bytes};
use core::sync::atomic::Ordering;
use usufruct_core::{Pool, Run};

/// Where tasks see it.
const START: u32 = 0x8000_0000;

/// The pool's frames, and who they are to tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolFrames {
    pool: Pool,
    /// Physical address of the first one.
    first: u64,
}

/// A pool of so many pages, as the core keeps its books.
pub(crate) fn pool_of(pages: u32) -> Pool {
    Pool {
        start: START,
        page_bytes: FRAME_BYTES as u32,
        pages,
    }
}

impl PoolFrames {
    /// Takes the pool's frames off free memory, all of zeros; `None` if there is not so much in
    /// one piece. A frame that has not been used is looked at and left alone: a host that
    /// lends the machine its memory does not have to find any for it yet.
    pub(crate) fn take(pool: Pool, memory: &mut Regions) -> Option<Self> {
        let first = memory.take(pool.bytes(pool.pages))?;
        let frames = Self { pool, first };
        let is_used = |frame: &Frame| {
            let words = frame.table().iter();
            words.fold(0, |all, word| all | word.load(Ordering::Relaxed)) != 0
        };
        let all = (0..pool.pages).map(|page| frames.frame(page));
        all.filter(is_used).for_each(Frame::clear);
        Some(frames)
    }

    /// As the core knows it.
    pub(super) fn pool(self) -> Pool {
        self.pool
    }

    /// The frame of a page, which is one of the pool's.
    pub(super) fn frame(self, page: u32) -> Frame {
        Frame::of_entry(self.first + self.pool.bytes(page))
    }

    /// Where the kernel sees an address of the pool.
    pub(super) fn place(self, address: u64) -> Option<*mut u8> {
        let frame = self.frame(self.pool.page_at(address)?);
        Some(frame.byte(address % FRAME_BYTES))
    }

    /// Fills pages with a byte.
    pub(crate) fn fill(self, run: Run, byte: u8) {
        for page in run.first()..run.end() {
            let place = self.frame(page).byte(0);
            // SAFETY: the core names pages of the pool only, and each is a whole frame.
            unsafe { fill_bytes(place, byte, FRAME_BYTES as usize) };
        }
    }

    /// Stores the length of these pages in their first four bytes, little end first.
    pub(crate) fn label(self, run: Run) {
        let length = self.pool.bytes(run.pages()) as u32;
        let place = self.frame(run.first()).byte(0).cast::<u32>();
        // SAFETY: as in `fill`; a frame begins on a multiple of 4. Tasks may look meanwhile:
        // no race of this program, for it is one instruction, and nobody's Rust reference.
        unsafe { place.write_volatile(length.to_le()) };
    }
}

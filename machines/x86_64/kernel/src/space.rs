//! Address spaces: a task's page tables. space/frame.rs has the memory that they are made
//! of, space/copy.rs the copies that go by them, space/published.rs where others find them.

mod copy;
mod frame;
mod published;

pub(crate) use copy::copy;
pub(crate) use frame::{FRAME_BYTES, FreeFrames, move_bytes};
pub(crate) use published::PublishedSpace;

use crate::start::DIRECT_MAP;
use core::sync::atomic::{AtomicU64, Ordering};
use frame::{ENTRIES, Frame};
use usufruct_core::Span;
use x86_64::PhysAddr;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::PhysFrame;

/// Bits of a page table's entry.
const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const NO_EXEC: u64 = 1 << 63;

/// Tasks have the addresses below. The last page stays free, so that no instruction of a
/// task ends where the next one would have an address that is none.
const SPACE_BYTES: u64 = (1 << 47) - FRAME_BYTES;
/// Entries of a root that are a task's; the last one of all is the kernel's.
const USER_ENTRIES: usize = ENTRIES / 2;
const KERNEL_ENTRY: usize = ENTRIES - 1;
/// A root is this many tables above a page.
const LEVELS: u32 = 4;

unsafe extern "C" {
    /// boot.s and kernel.ld: the page tables without a task.
    static kernel_root: [AtomicU64; ENTRIES];
}

/// What a task may do with a page. Never both write and execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    Read,
    Write,
    Execute,
}

impl Rights {
    fn bits(self) -> u64 {
        match self {
            Self::Read => NO_EXEC,
            Self::Write => WRITABLE | NO_EXEC,
            Self::Execute => 0,
        }
    }
}

/// An address space, named by its root table. It is not freed by being dropped: its task's
/// end does that, after the core's barrier, and until then it stays as it was built. So
/// processors walk it without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space(Frame);

impl Space {
    /// A space with nothing in it but the kernel; `None` if memory is used up.
    pub(crate) fn new(free: &mut FreeFrames) -> Option<Self> {
        let root = free.take()?;
        // SAFETY: a constant of that type in boot.s, mapped and never changed but by processors.
        let kernel = unsafe { &kernel_root };
        root.table()[KERNEL_ENTRY].store(
            kernel[KERNEL_ENTRY].load(Ordering::Relaxed),
            Ordering::Relaxed,
        );
        Some(Self(root))
    }

    /// Gives the page at `address` a frame of zeros, unless it has one. `None` if memory is
    /// used up, or the page has one with other rights, or is not for tasks.
    pub(crate) fn map(self, address: u64, rights: Rights, free: &mut FreeFrames) -> Option<()> {
        if address >= SPACE_BYTES {
            return None;
        }
        let mut table = self.0;
        for level in (1..LEVELS).rev() {
            let entry = &table.table()[index(address, level)];
            if entry.load(Ordering::Relaxed) & PRESENT == 0 {
                let next = free.take()?.address();
                entry.store(next | PRESENT | WRITABLE | USER, Ordering::Relaxed);
            }
            table = Frame::of_entry(entry.load(Ordering::Relaxed));
        }
        let entry = &table.table()[index(address, 0)];
        let now = entry.load(Ordering::Relaxed);
        if now & PRESENT == 0 {
            let frame = free.take()?.address();
            entry.store(frame | PRESENT | USER | rights.bits(), Ordering::Relaxed);
            return Some(());
        }
        (now & (WRITABLE | NO_EXEC) == rights.bits()).then_some(())
    }

    /// The frame behind an address, and its page's entry; `None` if the task has nothing there.
    fn look_up(self, address: u64) -> Option<(Frame, u64)> {
        if address >= SPACE_BYTES {
            return None;
        }
        let mut frame = self.0;
        let mut entry = 0;
        for level in (0..LEVELS).rev() {
            entry = frame.table()[index(address, level)].load(Ordering::Relaxed);
            if entry & (PRESENT | USER) != PRESENT | USER {
                return None;
            }
            frame = Frame::of_entry(entry);
        }
        Some((frame, entry))
    }

    /// Where the kernel sees `address`; `None` if the task has nothing there, or if it
    /// `must_write` and may not.
    fn place(self, address: u64, must_write: bool) -> Option<*mut u8> {
        let (frame, entry) = self.look_up(address)?;
        let is_allowed = !must_write || entry & WRITABLE != 0;
        is_allowed.then(|| frame.byte(address % FRAME_BYTES))
    }

    /// Whether all of `span` is the task's, and writable if it `must_write`. Of an empty
    /// span, its first address.
    pub(crate) fn covers(self, span: Span, must_write: bool) -> bool {
        let last = span.start() + span.len().saturating_sub(1);
        (span.start() / FRAME_BYTES..=last / FRAME_BYTES)
            .all(|page| self.place(page * FRAME_BYTES, must_write).is_some())
    }

    /// From here on this processor translates by these tables.
    pub(crate) fn activate(self) {
        load_root(self.0.address());
    }

    /// Gives back all of the space's frames. No processor runs or walks it any more; if this
    /// one has it loaded still, it no longer does.
    pub(crate) fn give_back(self, free: &mut FreeFrames) {
        leave();
        for entry in &self.0.table()[..USER_ENTRIES] {
            give_back_below(entry, LEVELS - 1, free);
        }
        free.give_back(self.0);
    }
}

/// Where an address looks in a table: `level` 0 is the one that names pages.
fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * level)) as usize % ENTRIES
}

fn give_back_below(entry: &AtomicU64, level: u32, free: &mut FreeFrames) {
    let named = entry.load(Ordering::Relaxed);
    if named & PRESENT == 0 {
        return;
    }
    let frame = Frame::of_entry(named);
    if level > 0 {
        for entry in frame.table() {
            give_back_below(entry, level - 1, free);
        }
    }
    free.give_back(frame);
}

/// From here on this processor has no task's memory.
pub(crate) fn leave() {
    load_root(&raw const kernel_root as u64 - DIRECT_MAP);
}

/// Loads the root at this physical address, unless it is loaded.
fn load_root(address: u64) {
    let root = PhysFrame::containing_address(PhysAddr::new(address));
    if Cr3::read().0 == root {
        return;
    }
    // SAFETY: every root maps the kernel alike, so nothing of the kernel moves. What a task
    // sees is its own root's matter. Entries of the old root are flushed by the processor,
    // for none is global.
    unsafe { Cr3::write(root, Cr3Flags::empty()) };
}

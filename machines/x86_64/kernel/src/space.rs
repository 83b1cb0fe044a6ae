//! Address spaces: a task's page tables. space/copy.rs has the copies that go by them,
//! space/published.rs and space/low.rs where others find them, space/pool.rs the pages that all of them have
//! in common.

mod copy;
mod low;
mod pool;
mod published;

pub(crate) use copy::{View, copy, copy_in_pages};
pub(crate) use low::LowTables;
pub(crate) use pool::{PoolFrames, pool_of};
pub(crate) use published::PublishedSpace;

use crate::memory::{
    ENTRIES, FRAME_BYTES, Frame, FreeFrames, NO_EXEC, PRESENT, Returned, USER, WRITABLE,
    kernel_root_at,
};
use core::sync::atomic::{AtomicU64, Ordering};
use usufruct_core::{Pool, Run, Span};
use x86_64::PhysAddr;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::PhysFrame;

/// A bit that processors leave to the kernel: the frame is the pool's, so it is not freed
/// with the space, and not this entry but the core says what the kernel may do there.
const OF_THE_POOL: u64 = 1 << 9;

/// Tasks have the addresses below. The last page stays free, so that no instruction of a
/// task ends where the next one would have an address that is none.
const SPACE_BYTES: u64 = (1 << 47) - FRAME_BYTES;
/// Entries of a root that are a task's; those behind are the kernel's.
const USER_ENTRIES: usize = ENTRIES / 2;
/// A root is this many tables above a page.
const LEVELS: u32 = 4;

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
/// end does that, after the core's barrier. Until then two things of it change, each by one
/// store: whether stores to a page of the pool go through, one bit; and pages of zeros come
/// where nothing was. So processors walk it without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space(Frame);

impl Space {
    /// A space with nothing in it but the kernel; `None` if memory is used up.
    pub(crate) fn new(free: &mut FreeFrames) -> Option<Self> {
        let root = free.take()?;
        let kernel = Frame::of_entry(kernel_root_at()).table();
        for (own, kernels) in root.table().iter().zip(kernel).skip(USER_ENTRIES) {
            own.store(kernels.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Some(Self(root))
    }

    /// Gives the page at `address` a frame of zeros, unless it has one. `None` if memory is
    /// used up, or the page has one with other rights, or is not for tasks.
    pub(crate) fn map(self, address: u64, rights: Rights, free: &mut FreeFrames) -> Option<()> {
        let entry = self.entry_for(address, free)?;
        let now = entry.load(Ordering::Relaxed);
        if now & PRESENT == 0 {
            let frame = free.take()?.address();
            entry.store(frame | PRESENT | USER | rights.bits(), Ordering::Relaxed);
            return Some(());
        }
        (now & (WRITABLE | NO_EXEC) == rights.bits()).then_some(())
    }

    /// Shows the pool, all of it to be read only. `None` if memory is used up, or something
    /// else is there.
    pub(crate) fn map_pool(self, frames: PoolFrames, free: &mut FreeFrames) -> Option<()> {
        let pool = frames.pool();
        for page in 0..pool.pages {
            let entry = self.entry_for(pool.address_of(page), free)?;
            if entry.load(Ordering::Relaxed) != 0 {
                return None;
            }
            let bits = PRESENT | USER | OF_THE_POOL | Rights::Read.bits();
            entry.store(frames.frame(page).address() | bits, Ordering::Relaxed);
        }
        Some(())
    }

    /// The entry of the page at `address`, with tables down to it.
    fn entry_for(self, address: u64, free: &mut FreeFrames) -> Option<&'static AtomicU64> {
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
        Some(&table.table()[index(address, 0)])
    }

    /// Lets stores to these pages of the pool through, or not, as far as the space shows the
    /// pool. Processors that have looked the entries up already do not notice: see
    /// `shoot_down`.
    #[inline(always)]
    pub(crate) fn protect(self, pool: Pool, run: Run, writable: bool) {
        if run.pages() > 1 {
            return self.protect_many(pool, run, writable);
        }
        let address = pool.address_of(run.first());
        if let Some(table) = self.table_of(address, 0) {
            let_stores_through(&table.table()[index(address, 0)], writable);
        }
    }

    /// Each table is looked for once.
    #[inline(never)]
    fn protect_many(self, pool: Pool, run: Run, writable: bool) {
        let mut page = run.first();
        while page < run.end() {
            let address = pool.address_of(page);
            let Some(table) = self.table_of(address, 0) else {
                return;
            };
            let here = index(address, 0);
            let count = (run.end() - page).min((ENTRIES - here) as u32);
            for entry in &table.table()[here..here + count as usize] {
                let_stores_through(entry, writable);
            }
            page += count;
        }
    }

    /// The table on the way to `address` whose entries are `level` levels above a page.
    #[inline(always)]
    fn table_of(self, address: u64, level: u32) -> Option<Frame> {
        let mut table = self.0;
        for above in (level + 1..LEVELS).rev() {
            table = table_at(&table.table()[index(address, above)])?;
        }
        Some(table)
    }

    /// Where the kernel sees `address` of the task's own memory; `None` if it has nothing
    /// there, or if it `must_write` and may not.
    #[inline(always)]
    fn place(self, address: u64, must_write: bool) -> Option<*mut u8> {
        if address >= SPACE_BYTES {
            return None;
        }
        let table = self.table_of(address, 1)?.table();
        place_below(&table[index(address, 1)], address, must_write)
    }

    /// Whether all of `span` is the task's own, and writable if it `must_write`. Of an empty
    /// span, its first address. The pool is not its own.
    pub(crate) fn covers(self, span: Span, must_write: bool) -> bool {
        let last = span.start() + span.len().saturating_sub(1);
        if last >= SPACE_BYTES {
            return false;
        }
        let wanted = Wanted::new(must_write);
        let (mut page, end) = (span.start() / FRAME_BYTES, last / FRAME_BYTES + 1);
        while page < end {
            // Each table is looked for once.
            let Some(table) = self.table_of(page * FRAME_BYTES, 0) else {
                return false;
            };
            let here = index(page * FRAME_BYTES, 0);
            let count = (end - page).min((ENTRIES - here) as u64);
            let mut entries = table.table()[here..here + count as usize].iter();
            if !entries.all(|entry| wanted.is_met(entry.load(Ordering::Relaxed))) {
                return false;
            }
            page += count;
        }
        true
    }

    /// Its name among all: the root's physical address, never 0.
    pub(crate) fn root(self) -> u64 {
        self.0.address()
    }

    /// All of the space's frames but the pool's. No processor runs it, has it loaded or walks
    /// it any more.
    pub(crate) fn take_apart(self) -> Returned {
        let mut frames = Returned::default();
        for entry in &self.0.table()[..USER_ENTRIES] {
            take_apart_below(entry, LEVELS - 1, &mut frames);
        }
        frames.add(self.0);
        frames
    }
}

#[inline(always)]
fn let_stores_through(entry: &AtomicU64, writable: bool) {
    if writable {
        entry.fetch_or(WRITABLE, Ordering::SeqCst);
    } else {
        entry.fetch_and(!WRITABLE, Ordering::SeqCst);
    }
}

/// The table that an entry above the last level names. What is present there is the task's:
/// nobody asks about addresses that are not for tasks.
#[inline(always)]
fn table_at(entry: &AtomicU64) -> Option<Frame> {
    let named = entry.load(Ordering::Relaxed);
    (named & PRESENT != 0).then(|| Frame::of_table(named))
}

/// Where the kernel sees `address`, by the entry that names its last table, if the task may
/// use it like that.
#[inline(always)]
fn place_below(last: &AtomicU64, address: u64, must_write: bool) -> Option<*mut u8> {
    let entry = table_at(last)?.table()[index(address, 0)].load(Ordering::Relaxed);
    let is_met = Wanted::new(must_write).is_met(entry);
    is_met.then(|| Frame::of_entry(entry).byte(address % FRAME_BYTES))
}

/// The bits of an entry by which a task may use a page of its own.
#[derive(Clone, Copy, Debug)]
struct Wanted(u64);

impl Wanted {
    #[inline(always)]
    fn new(must_write: bool) -> Self {
        Self(PRESENT | USER | if must_write { WRITABLE } else { 0 })
    }

    #[inline(always)]
    fn is_met(self, entry: u64) -> bool {
        entry & (self.0 | OF_THE_POOL) == self.0
    }
}

/// Where an address looks in a table: `level` 0 is the one that names pages.
#[inline(always)]
fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * level)) as usize % ENTRIES
}

fn take_apart_below(entry: &AtomicU64, level: u32, frames: &mut Returned) {
    let named = entry.load(Ordering::Relaxed);
    if named & PRESENT == 0 || (level == 0 && named & OF_THE_POOL != 0) {
        return;
    }
    let frame = Frame::of_entry(named);
    if level > 0 {
        for entry in frame.table() {
            take_apart_below(entry, level - 1, frames);
        }
    }
    frames.add(frame);
}

/// Translates by the root at this physical address, one of a `Space` or the kernel's own,
/// and forgets what was looked up by the one before.
pub(crate) fn load_root(address: u64) {
    let root = PhysFrame::containing_address(PhysAddr::new(address));
    // SAFETY: every root maps the kernel alike, so nothing of the kernel moves. What a task
    // sees is its own root's matter. Entries of the old root are flushed by the processor,
    // for none is global.
    unsafe { Cr3::write(root, Cr3Flags::empty()) };
}

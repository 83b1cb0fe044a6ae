//! The table for the lowest addresses of each task, where its program and its stack are: a
//! look through it is two levels shorter than one from the root, and most copies need no more.

use super::{Space, place_below};
use crate::memory::{ENTRIES, Frame, Table};
use alloc::boxed::Box;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Bits of an address that one entry of such a table is for.
const SHIFT: u32 = 21;
/// Who has no table has this one, with nothing in it.
static NOTHING: Table = [const { AtomicU64::new(0) }; ENTRIES];

/// One for the task at each of the core's indices.
#[derive(Debug)]
pub(crate) struct LowTables(Box<[AtomicPtr<Table>]>);

impl LowTables {
    /// For so many tasks.
    pub(crate) fn new(tasks: u32) -> Self {
        let none = (&raw const NOTHING).cast_mut();
        Self((0..tasks).map(|_| AtomicPtr::new(none)).collect())
    }

    /// From now on the task at this place has this space.
    pub(crate) fn publish(&self, index: usize, space: Space) {
        let low = space.table_of(0, 1).map_or(&NOTHING, Frame::table);
        self.store(index, low);
    }

    /// Before the space is given back.
    pub(crate) fn retract(&self, index: usize) {
        self.store(index, &NOTHING);
    }

    fn store(&self, index: usize, table: &'static Table) {
        let table = core::ptr::from_ref(table).cast_mut();
        self.0[index].store(table, Ordering::Release);
    }

    /// Where the kernel sees `address` of the memory of whoever is at this place; `None` if it
    /// has nothing there, or if it `must_write` and may not, or if it is not a low address.
    ///
    /// For copies that the core has approved: while its pin stands, the life that it has
    /// approved goes on, and nobody else's space is published here.
    #[inline(always)]
    pub(crate) fn place(&self, index: usize, address: u64, must_write: bool) -> Option<*mut u8> {
        let table = self.0.get(index)?.load(Ordering::Acquire);
        // SAFETY: `store` is given references that are good for ever, and nobody else stores
        // there; the entries are atomics.
        let table = unsafe { &*table };
        let last = table.get(usize::try_from(address).ok()? >> SHIFT)?;
        place_below(last, address, must_write)
    }
}

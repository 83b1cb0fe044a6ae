//! The pool, and each task's own view of it: what real hardware calls a mapping.

use crate::{Kind, Memory, Sim};
use usufruct_core::{Denied, NoMapping, Pool, Run, Sink, Span, TaskId, TaskKey, Thread, touch};

/// Looks at one store until it goes through: once for each page that it touches, and again for
/// a page that was protected meanwhile.
const LOOKS: u32 = 8;

/// Why a load or a store of a task did not go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not all memory of the task.
    Outside,
    /// Core's word: forbidden, or no mapping left for it.
    Denied(Denied),
}

/// Changes of mappings that core has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protections {
    /// Stores let through from then on.
    pub opened: u64,
    /// Stores that fault from then on.
    pub shut: u64,
    /// Reads that were to be ended.
    pub reads_cancelled: u64,
}

/// The offsets in the pool of some pages.
pub(crate) fn offsets(pool: Pool, run: Run) -> std::ops::Range<usize> {
    let at = |page| usize::try_from(pool.bytes(page)).expect("a pool of this machine fits");
    at(run.first())..at(run.end())
}

impl<S: Sink + Clone> Sim<S> {
    /// Where a range lies in the pool; `None` if it is not all there.
    pub(crate) fn in_pool(&self, from: u64, len: usize) -> Option<std::ops::Range<usize>> {
        let pool = self.pool;
        let span = Span::new(from, len as u64)?;
        if !pool.touches(span) || !pool.contains(span) {
            return None;
        }
        let start = usize::try_from(from - u64::from(pool.start)).ok()?;
        Some(start..start + len)
    }

    /// Loads as the task itself would.
    ///
    /// # Errors
    ///
    /// [`Fault::Outside`]
    pub fn load(&self, thread: &Thread, from: u64, into: &mut [u8]) -> Result<(), Fault> {
        let key = thread.key();
        match self.in_pool(from, into.len()) {
            Some(range) if key.is_attached() => {
                into.copy_from_slice(&self.pages.borrow()[range]);
            }
            Some(_) => return Err(Fault::Outside),
            None => {
                let bytes = self.take_bytes(key, from, into.len());
                into.copy_from_slice(&bytes.map_err(|_| Fault::Outside)?);
            }
        }
        Ok(())
    }

    /// Stores as the task itself would, by one instruction: all of it or nothing.
    ///
    /// # Errors
    ///
    /// The store faults; then the task is to be ended.
    pub fn store(&self, thread: &Thread, to: u64, bytes: &[u8]) -> Result<(), Fault> {
        let key = thread.key();
        let Some(range) = self.in_pool(to, bytes.len()) else {
            let stored = self.put_bytes(key, to, bytes);
            return stored.map_err(|_| Fault::Outside);
        };
        if !key.is_attached() {
            return Err(Fault::Outside);
        }
        for _ in 0..LOOKS {
            let Some(address) = self.faulting(key, to, bytes.len()) else {
                self.pages.borrow_mut()[range].copy_from_slice(bytes);
                return Ok(());
            };
            touch(self, key, address).map_err(Fault::Denied)?;
        }
        panic!("the kernel lets a store to {to:#x} through, and its mapping does not");
    }

    /// The first address of a store that the task's view does not let through.
    fn faulting(&self, task: TaskKey, to: u64, len: usize) -> Option<u64> {
        let memories = self.memories.borrow();
        let view = memories[task.index()].view_of(task);
        let is_shut = |address: &u64| {
            let page = self.pool.page_at(*address);
            page.is_none_or(|page| view.get(page as usize) != Some(&true))
        };
        (to..to + len as u64).find(is_shut)
    }

    /// What the kernel has in its books of a page: its owner, and those who may write it by name
    /// or have because everybody may.
    #[must_use]
    pub fn page_status(&self, page: u32) -> (Option<TaskId>, Vec<TaskId>) {
        let kernel = self.kernel.borrow();
        (kernel.page_owner(page), kernel.page_writers(page).collect())
    }

    /// The changes of mappings since this was asked last.
    #[must_use]
    pub fn take_protections(&self) -> Protections {
        self.protections.take()
    }

    pub(crate) fn set_view(
        &self,
        task: TaskKey,
        run: Run,
        writable: bool,
    ) -> Result<(), NoMapping> {
        let mut protections = self.protections.get();
        *if writable {
            &mut protections.opened
        } else {
            &mut protections.shut
        } += 1;
        self.protections.set(protections);
        let more = !writable && self.takes_more(Kind::Shut);
        let mut memories = self.memories.borrow_mut();
        let view = memories[task.index()].view_of_mut(task);
        if view.is_empty() {
            // Gone: that counts as done.
            return Ok(());
        }
        if more {
            view.fill(false);
        }
        view[run.first() as usize..run.end() as usize].fill(writable);
        Ok(())
    }
}

impl Memory {
    /// What stores this life's view of the pool lets through, page by page.
    fn view_of(&self, task: TaskKey) -> &[bool] {
        if self.of == Some(task) {
            &self.view
        } else {
            &[]
        }
    }

    fn view_of_mut(&mut self, task: TaskKey) -> &mut [bool] {
        if self.of == Some(task) {
            &mut self.view
        } else {
            &mut []
        }
    }
}

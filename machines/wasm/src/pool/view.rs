//! A task's view of the pool: mapped into the address space that its linear
//! memory has reserved, above the heap, where the memory protection alone decides.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::mm::{MapFlags, ProtFlags};
use usufruct_core::NoMapping;

use super::Pool;
use super::protect::{Shield, is_protected, protect_all};
use super::window::Window;
use crate::layout::POOL_START;

/// Views that could not be taken down. Their address space is never used again.
static LEAKED: AtomicU64 = AtomicU64::new(0);

/// How many views of this process have been leaked, for they could not be taken down.
#[must_use]
pub fn leaked_views() -> u64 {
    LEAKED.load(Ordering::Relaxed)
}

/// One task's view. Whoever changes its rights shares it with whoever runs the task.
#[derive(Debug)]
pub(crate) struct View {
    pool: Arc<Pool>,
    window: Window,
    mapping: Mutex<Mapping>,
}

/// What is mapped in a view's place.
#[derive(Debug)]
struct Mapping {
    /// `None` when no store of the task lands any more, whatever is asked for.
    shield: Option<Shield>,
    /// The view is in its place: it has not been taken down, or tried to be.
    is_there: bool,
}

impl View {
    /// Maps the pool into a linear memory, readable and no more.
    ///
    /// # Errors
    ///
    /// The operating system has no mapping for it; nothing has changed then.
    ///
    /// # Safety
    ///
    /// `base` is the start of a linear memory that has reserved 4 GiB of address
    /// space, and lets neither its heap nor anybody else into the upper half
    /// until the view is closed.
    pub(crate) unsafe fn open(pool: &Arc<Pool>, base: *mut u8) -> Result<Arc<Self>, NoMapping> {
        let start = base.wrapping_add(usize::try_from(POOL_START).map_err(|_| NoMapping)?);
        let memory = pool.memory();
        // SAFETY: the caller's word; a pool ends at or below 4 GiB.
        unsafe { memory.map_readable_at(start) }.map_err(|_| NoMapping)?;
        Ok(Arc::new(Self {
            window: Window {
                start,
                page_bytes: memory.bytes().page_bytes(),
                pages: memory.bytes().pages(),
            },
            mapping: Mutex::new(Mapping {
                shield: Some(pool.protector().shield()),
                is_there: true,
            }),
            pool: pool.clone(),
        }))
    }

    pub(crate) fn window(&self) -> Window {
        self.window
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    fn mapping(&self) -> MutexGuard<'_, Mapping> {
        self.mapping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the task's stores to `pages` through.
    ///
    /// # Errors
    ///
    /// The machine can not hold that; nothing has been allowed.
    pub(crate) fn allow(&self, pages: &Range<u32>) -> Result<(), NoMapping> {
        let mut mapping = self.mapping();
        let shield = mapping.shield.as_mut();
        shield.map_or(Ok(()), |shield| shield.allow(&self.window, pages))
    }

    /// The same for pages that the task may store to by right, and whose mapping
    /// had been protected too much: other pages of this view wait their turn.
    ///
    /// # Errors
    ///
    /// The operating system can not hold one run of pages.
    pub(crate) fn restore(&self, pages: &Range<u32>) -> Result<(), NoMapping> {
        let mut mapping = self.mapping();
        let shield = mapping.shield.as_mut();
        shield.map_or(Ok(()), |shield| shield.restore(&self.window, pages))
    }

    /// Stops the task's stores to `pages`: when this returns none lands any more.
    pub(crate) fn forbid(&self, pages: &Range<u32>) {
        if let Some(shield) = self.mapping().shield.as_mut() {
            shield.forbid(&self.window, pages);
        }
    }

    /// Stops all of the task's stores for good: it has ended, and its code may
    /// still be on a processor.
    pub(crate) fn shut(&self) {
        let mut mapping = self.mapping();
        if mapping.shield.take().is_some() {
            protect_all(&self.window);
        }
    }

    /// Shuts the view when its task's code runs no more, and leaves it in its place
    /// for another task's, its [`Self::successor`]. Whether that worked: then all of
    /// it may be read, and nothing of it stored to.
    #[must_use]
    pub(crate) fn retire(&self) -> bool {
        let mut mapping = self.mapping();
        // Late calls find no shield: nothing is allowed any more through this one.
        let shield = mapping.shield.take();
        let is_shut = mapping.is_there && is_protected(&self.window);
        drop(shield);
        is_shut
    }

    /// The view of the next task in this place, of the same pool: as if it had just
    /// been opened. `None` if this one has not been retired, or is there no more.
    pub(crate) fn successor(&self, pool: &Arc<Pool>) -> Option<Arc<Self>> {
        let mut mapping = self.mapping();
        let is_retired = mapping.is_there && mapping.shield.is_none();
        if !is_retired || !Arc::ptr_eq(pool, &self.pool) {
            return None;
        }
        mapping.is_there = false;
        Some(Arc::new(Self {
            window: self.window,
            mapping: Mutex::new(Mapping {
                shield: Some(pool.protector().shield()),
                is_there: true,
            }),
            pool: pool.clone(),
        }))
    }

    /// Takes the view down, when its task's code runs no more: the place is
    /// nothing but reserved address space again. Whether that worked; if not,
    /// the place must never be used again. The first call decides.
    #[must_use]
    pub(crate) fn close(&self) -> bool {
        let mut mapping = self.mapping();
        if !mapping.is_there {
            return true;
        }
        let (start, len_bytes) = self.window.span(&self.window.all());
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the view's own place, as it was before the view.
        let unmapped =
            unsafe { rustix::mm::mmap_anonymous(start, len_bytes, ProtFlags::empty(), flags) };
        let is_gone = unmapped.is_ok();
        if !is_gone {
            LEAKED.fetch_add(1, Ordering::Relaxed);
        }
        // Gone or leaked, no guest's code ever stores through it again.
        *mapping = Mapping {
            shield: None,
            is_there: false,
        };
        is_gone
    }
}

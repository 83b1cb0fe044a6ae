//! The pool of pages: one memory that every attached task sees at the same
//! address, where the processor's memory protection decides on each store.
//!
//! ```text
//!   memory.rs   one file in memory (huge.rs)
//!   bytes.rs    its bytes, in the kernel's own mapping
//!   view.rs     a task's mapping, inside its linear memory's address space (window.rs)
//!   views.rs    whose view is which
//!   guard.rs    the Store and the view: who goes first
//!   protect/    which pages of a view may be stored to (runs.rs, mappings.rs)
//!   fault.rs    a store that was stopped, told from other faults
//!   self_test.rs  is all that is assumed of the engine and the kernel true?
//! ```
//!
//! # What holds
//!
//! - A view is outside `memory.size`: the engine never touches it, neither by
//!   `memory.grow` nor by its own copies. Heaps end below it.
//! - The kernel never stores through a view, but through its own mapping.
//! - A view's lock is held for a change of its mapping only; the kernel's lock is
//!   never taken meanwhile.
//! - No view outlives its Store, and no Store's address space is used again
//!   before its view is gone.

mod bytes;
mod fault;
mod guard;
mod huge;
#[cfg(test)]
mod lives;
mod mappings;
mod memory;
mod protect;
mod runs;
mod self_test;
#[cfg(test)]
mod tests;
mod view;
mod views;
mod window;

use std::sync::Arc;

use usufruct_core::Pool as Place;

use crate::layout::POOL_START;

pub(crate) use self::bytes::PoolBytes;
pub(crate) use self::fault::{Verdict, judge_stores};
pub(crate) use self::guard::Guarded;
pub use self::huge::HugePages;
pub use self::memory::PoolError;
use self::memory::{PoolMemory, host_page_bytes};
pub use self::protect::Protection;
use self::protect::Protector;
pub(crate) use self::self_test::run as test_assumptions;
pub(crate) use self::view::View;
pub use self::view::leaked_views;
pub(crate) use self::views::Views;

/// The size of a page of the pool, in bytes: the host's.
///
/// # Errors
///
/// [`PoolError::PageSize`]: it is too large.
pub fn page_bytes() -> Result<u32, PoolError> {
    host_page_bytes()
}

/// The largest pool, in bytes: it ends at 4 GiB.
pub(crate) const MOST_POOL_BYTES: u64 = POOL_START;

#[allow(clippy::cast_possible_truncation, reason = "it is 2 GiB")]
const START: u32 = POOL_START as u32;

/// One system's pool.
#[derive(Debug)]
pub(crate) struct Pool {
    memory: PoolMemory,
    protector: Protector,
}

impl Pool {
    /// A pool of `bytes`, rounded up to pages. Make it after an engine, whose
    /// handler of signals it may need.
    ///
    /// # Errors
    ///
    /// A size that can not be; whatever the operating system refuses.
    pub(crate) fn new(bytes: u64, way: Protection) -> Result<Arc<Self>, PoolError> {
        let page_bytes = u64::from(host_page_bytes()?);
        let most_bytes = MOST_POOL_BYTES;
        if bytes == 0 || bytes > most_bytes {
            return Err(PoolError::Size { bytes, most_bytes });
        }
        let pages = u32::try_from(bytes.div_ceil(page_bytes))
            .map_err(|_| PoolError::Size { bytes, most_bytes })?;
        let memory = PoolMemory::new(pages)?;
        let protector = Protector::new(way, memory.huge())?;
        Ok(Arc::new(Self { memory, protector }))
    }

    #[cfg(test)]
    fn with(pages: u32, protector: Protector) -> Arc<Self> {
        let memory = PoolMemory::new(pages).unwrap();
        Arc::new(Self { memory, protector })
    }

    fn memory(&self) -> &PoolMemory {
        &self.memory
    }

    /// Its bytes, in the kernel's own mapping.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &PoolBytes {
        self.memory.bytes()
    }

    /// Where its huge pages come from.
    pub(crate) fn huge(&self) -> HugePages {
        self.memory.huge()
    }

    /// Where tasks see it.
    pub(crate) fn place(&self) -> Place {
        Place {
            start: START,
            page_bytes: self.bytes().page_bytes(),
            pages: self.bytes().pages(),
        }
    }

    fn protector(&self) -> &Protector {
        &self.protector
    }

    /// Which way was chosen.
    pub(crate) fn way(&self) -> Protection {
        self.protector.way()
    }
}

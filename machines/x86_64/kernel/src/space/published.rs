//! A task's address space where all processors find it without a lock.

use super::Space;
use super::frame::Frame;
use core::sync::atomic::{AtomicU64, Ordering};

/// Holds the space of one task after another; at most one at a time.
#[derive(Debug, Default)]
pub(crate) struct PublishedSpace {
    /// The root's physical address; 0: none.
    root: AtomicU64,
    /// Whose it is: which of all lives of tasks.
    life: AtomicU64,
}

impl PublishedSpace {
    /// From now on this life has this space.
    pub(crate) fn publish(&self, life: u64, space: Space) {
        self.life.store(life, Ordering::Relaxed);
        self.root.store(space.0.address(), Ordering::Release);
    }

    /// The space of this life, from its publication to its end.
    pub(crate) fn of(&self, life: u64) -> Option<Space> {
        let root = self.root.load(Ordering::Acquire);
        let is_its_own = root != 0 && self.life.load(Ordering::Relaxed) == life;
        is_its_own.then(|| Space(Frame::of_entry(root)))
    }

    /// Ends the publication for this life. What was found before is still in use as long as
    /// the core's barrier says.
    pub(crate) fn retract(&self, life: u64) -> Option<Space> {
        let space = self.of(life)?;
        self.root.store(0, Ordering::Relaxed);
        Some(space)
    }
}

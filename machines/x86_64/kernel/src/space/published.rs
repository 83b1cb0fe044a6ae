//! A task's address space where all processors find it without a lock.

use super::Space;
use crate::memory::Frame;
use core::sync::atomic::{AtomicU64, Ordering};
use spin::Mutex;

/// Holds the space of one task after another; at most one at a time.
#[derive(Debug, Default)]
pub(crate) struct PublishedSpace {
    /// The root's physical address; 0: none.
    root: AtomicU64,
    /// Whose it is: which of all lives of tasks.
    life: AtomicU64,
    /// Held while the space is changed, or given up: who changes a space is under no barrier
    /// of the core's, so it must not go meanwhile.
    change: Mutex<()>,
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

    /// The space of whoever is at this place, for a copy that the core has approved: while its
    /// pin stands, the life that it has approved goes on, and nobody else's space is here.
    pub(crate) fn approved(&self) -> Option<Space> {
        let root = self.root.load(Ordering::Acquire);
        (root != 0).then(|| Space(Frame::of_entry(root)))
    }

    /// Does something to the space of this life that takes no barrier's notice; `None` if it
    /// is gone.
    #[inline(always)]
    pub(crate) fn change<R>(&self, life: u64, act: impl FnOnce(Space) -> R) -> Option<R> {
        let _stays = self.change.lock();
        self.of(life).map(act)
    }

    /// Ends the publication for this life. What was found before is still in use as long as
    /// the core's barrier says.
    pub(crate) fn retract(&self, life: u64) -> Option<Space> {
        let _unchanged = self.change.lock();
        let space = self.of(life)?;
        self.root.store(0, Ordering::Relaxed);
        Some(space)
    }
}

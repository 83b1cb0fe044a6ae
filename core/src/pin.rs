//! The data plane: published grants that copies read in parallel, and the pins
//! by which a revoker waits for them.
//!
//! ```text
//!   copier (one per processor)              revoker
//!   1 announce the pin   -- fence           1 close the record, or end the life
//!   2 record open, id right, lives on?      2 heavy fence
//!   3 read the fields, copy one chunk       3 wait until every pin seen has changed
//!   4 clear the pin                         4 change the fields; open again
//! ```
//!
//! Either the copier sees the record closed (or the life ended), or the revoker
//! sees the pin: the two fences forbid "neither". Hence: **a record's fields
//! change only while it is closed and no pin that saw it open is left.** So
//! relaxed loads behind a validated pin are enough, and an id that was right
//! under the pin stays right until it is cleared.
//!
//! - A copy writes one cache line, its processor's own.
//! - Where a machine can make all processors execute a fence, a copier leaves its own out after
//!   many copies through one object; `habit.rs` has the rule.
//! - A pin lasts one chunk and never crosses a suspension, a lock or a fault;
//!   that bounds how long a revoker waits. The round in it makes each pin a
//!   different number, so a revoker waits for the copy that it saw, and nobody
//!   can keep it waiting by pinning again.
//! - Revokers hold no lock while they wait, and may be several at once: each
//!   waits for the pins that stood after its own close.
//! - Pins belong to processors, not to tasks: a copy never suspends, so there
//!   are never more. A revoker looks at all of them, whoever copies.
//! - The end of a task is one store: its life becomes 0, and with it end both
//!   what it may do through objects lent to it and what others may do through
//!   its own; it waits for the pins on these and for no others. The records are closed later, a batch at a time, with a wait of
//!   their own before a slot is used again.

mod copier;
mod habit;
mod transfer;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use crate::id::{SmoId, TaskKey};
use crate::limits::Limits;
use crate::machine::Fences;
use crate::page::{Pool, Published};
use crate::rights::Permissions;
use crate::span::Span;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

pub use copier::Copier;
pub(crate) use copier::{Pinned, Refused};
use habit::Biases;
pub use transfer::Transfer;

/// The longest copy under one pin, in bytes; hence how long a revoker may have to wait.
pub const CHUNK_BYTES: u32 = 64 << 10;

/// One object as copies see it, on a cache line of its own, so that opening it
/// does not disturb readers of its neighbour.
#[repr(align(64))]
struct Record {
    /// Which of all openings of all records this is, counted from 1; 0: closed.
    tenure: AtomicU64,
    target_life: AtomicU64,
    owner_life: AtomicU64,
    start: AtomicU64,
    id: AtomicU32,
    owner_index: AtomicU32,
    len: AtomicU32,
    permissions: AtomicU32,
}

/// One processor's pin, and what it is biased to. On a pair of cache lines of its own, for
/// processors prefetch in pairs.
#[repr(align(128))]
struct Pin {
    /// `round << 32 | slot + 1`, low half 0 when idle.
    word: AtomicU64,
    biases: Biases,
}

impl Pin {
    fn idle() -> Self {
        Self {
            word: AtomicU64::new(0),
            biases: Biases::none(),
        }
    }
}

/// What the control plane publishes for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: SmoId,
    pub(crate) owner: TaskKey,
    pub(crate) target: TaskKey,
    /// In the owner's address space; its length fits 31 bits.
    pub(crate) span: Span,
    pub(crate) permissions: Permissions,
}

/// Whose pins a revoker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The copies through the object in this slot.
    Slot(u32),
    /// The copies through this task's objects, and through those lent to it.
    Task(TaskKey),
    /// The copies that look at rights to pages: every one that touches the pool.
    Pages,
}

/// Everything that both planes see: the records, the lives and the pins.
pub struct Plane {
    records: Arc<[Record]>,
    /// The life of the task at each index, or 0.
    lives: Arc<[AtomicU64]>,
    pins: Box<[Arc<Pin>]>,
    pub(crate) pages: Published,
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records.len();
        write!(
            f,
            "Plane({records} records, {} processors)",
            self.pins.len()
        )
    }
}

impl Plane {
    /// `slots` is a power of two.
    pub(crate) fn new(slots: u32, limits: &Limits) -> Self {
        let record = |_| Record {
            tenure: AtomicU64::new(0),
            target_life: AtomicU64::new(0),
            owner_life: AtomicU64::new(0),
            start: AtomicU64::new(0),
            id: AtomicU32::new(0),
            owner_index: AtomicU32::new(0),
            len: AtomicU32::new(0),
            permissions: AtomicU32::new(0),
        };
        Self {
            records: (0..slots).map(record).collect(),
            lives: (0..limits.tasks).map(|_| AtomicU64::new(0)).collect(),
            pins: (0..limits.processors)
                .map(|_| Arc::new(Pin::idle()))
                .collect(),
            pages: Published::new(limits.pool),
        }
    }

    /// Where the pool is.
    #[must_use]
    #[inline(always)]
    pub fn pool(&self) -> Pool {
        self.pages.pool
    }

    /// One for each processor.
    pub(crate) fn copiers(&self) -> Box<[Copier]> {
        let copier = |own| Copier::new(self, own);
        self.pins.iter().map(copier).collect()
    }

    /// Opens a closed and drained record. Under the control lock.
    pub(crate) fn open(&self, slot: u32, grant: &Grant, tenure: u64) {
        let Some(record) = self.records.get(slot as usize) else {
            return;
        };
        record
            .target_life
            .store(grant.target.life, Ordering::Relaxed);
        record.owner_life.store(grant.owner.life, Ordering::Relaxed);
        record.start.store(grant.span.start(), Ordering::Relaxed);
        record.id.store(grant.id.bits(), Ordering::Relaxed);
        record
            .owner_index
            .store(grant.owner.index, Ordering::Relaxed);
        record
            .len
            .store(low_half(grant.span.len()), Ordering::Relaxed);
        record
            .permissions
            .store(grant.permissions.bits(), Ordering::Relaxed);
        record.tenure.store(tenure, Ordering::Release);
    }

    /// From here on new copies through this record fail. Those under way are
    /// over when [`Self::drain`] returns. Under the control lock.
    pub(crate) fn close(&self, slot: u32) {
        if let Some(record) = self.records.get(slot as usize) {
            record.tenure.store(0, Ordering::Relaxed);
        }
    }

    /// Begins a task's life (its number), or ends it (0). Under the control lock.
    pub(crate) fn set_life(&self, index: u32, life: u64) {
        if let Some(word) = self.lives.get(index as usize) {
            word.store(life, Ordering::Release);
        }
    }

    /// Whether this very life goes on.
    pub(crate) fn lives(&self, task: TaskKey) -> bool {
        is_alive(&self.lives, task)
    }

    /// The life published for a task's place, for the comparison with the books.
    pub(crate) fn life_at(&self, index: u32) -> u64 {
        self.lives
            .get(index as usize)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// What a record says, for the comparison with the books: `None` if closed.
    pub(crate) fn published(&self, slot: u32) -> Option<(u32, u64, u64, Span, u32)> {
        let record = self.records.get(slot as usize)?;
        if record.tenure.load(Ordering::Acquire) == 0 {
            return None;
        }
        let len = u64::from(record.len.load(Ordering::Relaxed));
        Some((
            record.id.load(Ordering::Relaxed),
            record.owner_life.load(Ordering::Relaxed),
            record.target_life.load(Ordering::Relaxed),
            Span::new(record.start.load(Ordering::Relaxed), len)?,
            record.permissions.load(Ordering::Relaxed),
        ))
    }

    /// The barrier of every revocation: returns when the copies in `scope` that
    /// began before the refusal was published are over. Without the lock.
    pub fn drain<F: Fences>(&self, scope: Scope, fences: &F) {
        fences.heavy();
        let mut is_fenced_everywhere = !F::BIASES;
        for pin in &self.pins {
            if !is_fenced_everywhere && self.is_biased(&pin.biases, scope) {
                fences.fence_everywhere();
                is_fenced_everywhere = true;
            }
            let seen = pin.word.load(Ordering::Acquire);
            let concerns_us = match scope {
                Scope::Slot(slot) => low_half(seen) == pin_of(slot),
                Scope::Task(task) => self.is_about(low_half(seen), task),
                Scope::Pages => low_half(seen) != 0,
            };
            let mut looks = 0_u32;
            while concerns_us && pin.word.load(Ordering::Acquire) == seen {
                fences.pause(looks);
                looks = looks.saturating_add(1);
            }
        }
    }

    /// Whether there may be light pins in `scope`.
    fn is_biased(&self, biases: &Biases, scope: Scope) -> bool {
        match scope {
            Scope::Slot(slot) => biases.has(slot, pin_of(slot)),
            Scope::Task(task) => biases.any(|pinned| self.is_about(pinned, task)),
            Scope::Pages => false,
        }
    }

    /// Whether `pinned`, a slot's low half of a pin, is an object of the task's or lent to it. A
    /// record that a pin saw open is as it was then for as long as the pin stands: if it is
    /// another's now, somebody has waited for that pin.
    fn is_about(&self, pinned: u32, task: TaskKey) -> bool {
        let slot = pinned.checked_sub(1);
        let record = slot.and_then(|slot| self.records.get(slot as usize));
        record.is_some_and(|record| {
            let lives = [&record.owner_life, &record.target_life];
            lives
                .iter()
                .any(|life| life.load(Ordering::Relaxed) == task.life)
        })
    }
}

#[inline(always)]
fn is_alive(lives: &[AtomicU64], task: TaskKey) -> bool {
    lives
        .get(task.index())
        .is_some_and(|life| life.load(Ordering::SeqCst) == task.life)
}

/// The low half of a pin on `slot`: never 0.
#[inline(always)]
fn pin_of(slot: u32) -> u32 {
    slot.wrapping_add(1)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the low half is what is asked for"
)]
#[inline(always)]
const fn low_half(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests;

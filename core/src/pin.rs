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
//!   its own. The records are closed later, a batch at a time, with a wait of
//!   their own before a slot is used again.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use crate::copy::{CopyRequest, Direction};
use crate::id::{SmoId, TaskKey};
use crate::limits::Limits;
use crate::machine::Fences;
use crate::page::{Pool, Published};
use crate::rights::Permissions;
use crate::span::Span;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

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

/// One processor's pin: `round << 32 | slot + 1`, low half 0 when idle. On a
/// pair of cache lines of its own, for processors prefetch in pairs.
#[repr(align(128))]
struct Pin(AtomicU64);

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
    /// Every copy that is under way.
    All,
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
                .map(|_| Arc::new(Pin(AtomicU64::new(0))))
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
        let copier = |own: &Arc<Pin>| Copier {
            records: self.records.clone(),
            lives: self.lives.clone(),
            own: own.clone(),
            round: 0,
            pool: self.pages.pool,
        };
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
    pub fn drain(&self, scope: Scope, fences: &impl Fences) {
        fences.heavy();
        for pin in &self.pins {
            let seen = pin.0.load(Ordering::Acquire);
            let concerns_us = match scope {
                Scope::Slot(slot) => low_half(seen) == pin_of(slot),
                Scope::All => low_half(seen) != 0,
            };
            let mut looks = 0_u32;
            while concerns_us && pin.0.load(Ordering::Acquire) == seen {
                fences.pause(looks);
                looks = looks.saturating_add(1);
            }
        }
    }
}

/// A processor's right to copy. It is not `Clone`, and copying borrows it
/// mutably, for there is one pin.
pub struct Copier {
    records: Arc<[Record]>,
    lives: Arc<[AtomicU64]>,
    own: Arc<Pin>,
    round: u32,
    pub(crate) pool: Pool,
}

impl fmt::Debug for Copier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Copier(round {})", self.round)
    }
}

/// While this lives, the record stays as it was: for one chunk, on its processor.
struct Guard<'copier> {
    pin: &'copier AtomicU64,
    idle: u64,
    stays_on_its_processor: PhantomData<*const ()>,
}

impl Drop for Guard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.pin.store(self.idle, Ordering::Release);
    }
}

/// What a validated pin stands on.
pub(crate) struct Pinned<'copier> {
    pub(crate) owner: TaskKey,
    /// The object's range in the owner's address space.
    pub(crate) start: u64,
    pub(crate) len: u32,
    guard: Guard<'copier>,
}

impl<'copier> Pinned<'copier> {
    /// What the request names, in the owner's address space.
    #[inline(always)]
    pub(crate) fn part(&self, request: &CopyRequest) -> Option<Span> {
        let offset = u64::from(request.offset.cast_unsigned());
        Span::new(
            self.start.wrapping_add(offset),
            u64::from(request.size.cast_unsigned()),
        )
    }

    /// Approves one chunk: the `len` bytes that come next when `done` of the
    /// request have moved. The request has been checked as a whole, so none of
    /// these sums wraps.
    #[inline(always)]
    pub(crate) fn approve(
        self,
        caller: TaskKey,
        request: &CopyRequest,
        done: u32,
        len: u32,
    ) -> Transfer<'copier> {
        let owners = self
            .start
            .wrapping_add(u64::from(request.offset.cast_unsigned()));
        let moves_up = match request.direction {
            Direction::Read => request.buffer > owners,
            Direction::Write => owners > request.buffer,
        };
        // Within one address space a copy upwards goes from its end, or it
        // would read what it has written: as if through a buffer.
        let at = if moves_up {
            request
                .size
                .cast_unsigned()
                .wrapping_sub(done)
                .wrapping_sub(len)
        } else {
            done
        };
        Transfer {
            owner: self.owner,
            owner_start: owners.wrapping_add(u64::from(at)),
            caller,
            caller_start: request.buffer.wrapping_add(u64::from(at)),
            len,
            _guard: self.guard,
        }
    }
}

/// Why a pin did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The caller's own life has ended.
    CallerEnding,
    /// No open record of this id: the books say why.
    Closed,
    NotTarget,
    MissingRight,
    OutOfObject,
}

impl Copier {
    /// Pins the object and looks whether `caller` may copy the whole of what it
    /// asks for, in the order of the contract's section 2.
    // Inlined, for a guard returned through memory costs as much as the fence.
    #[inline(always)]
    pub(crate) fn pin(
        &mut self,
        fences: &impl Fences,
        caller: TaskKey,
        id: SmoId,
        request: &CopyRequest,
    ) -> Result<Pinned<'_>, Refused> {
        let pinned = self.pin_object(fences, caller, id)?;
        let needed = match request.direction {
            Direction::Read => Permissions::READ,
            Direction::Write => Permissions::WRITE,
        };
        let (pinned, permissions) = pinned;
        if permissions & needed.bits() == 0 {
            return Err(Refused::MissingRight);
        }
        // Negative numbers are large ones here, and larger than any object.
        let offset = request.offset.cast_unsigned();
        let size = request.size.cast_unsigned();
        if offset > pinned.len || size > pinned.len.wrapping_sub(offset) {
            return Err(Refused::OutOfObject);
        }
        Ok(pinned)
    }

    /// The same for whatever only the target may do: the object, and its permissions.
    #[inline(always)]
    pub(crate) fn pin_object(
        &mut self,
        fences: &impl Fences,
        caller: TaskKey,
        id: SmoId,
    ) -> Result<(Pinned<'_>, u32), Refused> {
        // The number of records is a power of two, so the mask is the slot and in range.
        let slot = (id.bits() as usize) & self.records.len().wrapping_sub(1);
        let record = self.records.get(slot).ok_or(Refused::Closed)?;
        self.round = self.round.wrapping_add(1);
        let idle = u64::from(self.round) << 32;
        let pin = idle | u64::from(pin_of(low_half(slot as u64)));
        fences.announce(&self.own.0, pin);
        // From here on every return clears the pin.
        let guard = Guard {
            pin: &self.own.0,
            idle,
            stays_on_its_processor: PhantomData,
        };
        // SeqCst: `announce` may be one SeqCst swap without a fence.
        if record.tenure.load(Ordering::SeqCst) == 0 {
            return Err(Refused::Closed);
        }
        if record.id.load(Ordering::Relaxed) != id.bits() {
            return Err(Refused::Closed);
        }
        if !is_alive(&self.lives, caller) {
            return Err(Refused::CallerEnding);
        }
        let owner = TaskKey {
            index: record.owner_index.load(Ordering::Relaxed),
            life: record.owner_life.load(Ordering::Relaxed),
        };
        if !is_alive(&self.lives, owner) {
            return Err(Refused::Closed);
        }
        if record.target_life.load(Ordering::Relaxed) != caller.life {
            return Err(Refused::NotTarget);
        }
        let start = record.start.load(Ordering::Relaxed);
        let len = record.len.load(Ordering::Relaxed);
        let permissions = record.permissions.load(Ordering::Relaxed);
        Ok((
            Pinned {
                owner,
                start,
                len,
                guard,
            },
            permissions,
        ))
    }
}

/// One approved copy of one chunk, between an object's owner and its target.
///
/// Only the core makes one, and only after it has checked the rights under a
/// pin that stands as long as this value; so holding a `Transfer` is the proof,
/// and dropping it lets revokers go on. It is not `Clone`: one approval, one
/// copy. It does not prove that the memory is there.
#[must_use]
pub struct Transfer<'copier> {
    owner: TaskKey,
    owner_start: u64,
    caller: TaskKey,
    caller_start: u64,
    len: u32,
    _guard: Guard<'copier>,
}

impl fmt::Debug for Transfer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (owner, caller) = (self.owner, self.caller);
        let (from, to) = (self.owner_start, self.caller_start);
        write!(
            f,
            "Transfer({owner:?} at {from:#x}, {caller:?} at {to:#x}, {} bytes)",
            self.len
        )
    }
}

impl Transfer<'_> {
    /// The task whose object it is.
    #[must_use]
    #[inline(always)]
    pub fn owner(&self) -> TaskKey {
        self.owner
    }

    /// The first address of the chunk in the owner's memory.
    #[must_use]
    #[inline(always)]
    pub fn owner_start(&self) -> u64 {
        self.owner_start
    }

    /// The task that called.
    #[must_use]
    #[inline(always)]
    pub fn caller(&self) -> TaskKey {
        self.caller
    }

    /// The first address of the chunk in the caller's memory.
    #[must_use]
    #[inline(always)]
    pub fn caller_start(&self) -> u64 {
        self.caller_start
    }

    /// Whose memory it stores to, and where.
    pub(crate) fn stores(&self, direction: Direction) -> (TaskKey, Span) {
        let (task, start) = match direction {
            Direction::Read => (self.caller, self.caller_start),
            Direction::Write => (self.owner, self.owner_start),
        };
        // Part of a range that has been checked: it does not wrap.
        let span = Span::new(start, u64::from(self.len));
        (task, span.unwrap_or(Span::NOWHERE))
    }

    /// How many bytes to move: at most [`CHUNK_BYTES`].
    #[must_use]
    #[inline(always)]
    pub fn len_bytes(&self) -> u32 {
        self.len
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

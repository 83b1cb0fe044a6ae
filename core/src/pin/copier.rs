//! Whoever copies: pins an object, and looks whether it may.

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use super::habit::Habits;
use super::{Pin, Plane, Record, Transfer, is_alive, low_half};
use crate::copy::{CopyRequest, Direction};
use crate::id::TaskKey;
use crate::machine::Fences;
use crate::rights::Permissions;
use crate::span::Span;
use crate::sync::{AtomicU64, Ordering};

/// A processor's right to copy. It is not `Clone`, and copying borrows it
/// mutably, for there is one pin.
pub struct Copier {
    records: Arc<[Record]>,
    lives: Arc<[AtomicU64]>,
    own: Arc<Pin>,
    round: u32,
    habits: Habits,
}

impl Copier {
    pub(super) fn new(plane: &Plane, own: &Arc<Pin>) -> Self {
        Self {
            records: plane.records.clone(),
            lives: plane.lives.clone(),
            own: own.clone(),
            round: 0,
            habits: Habits::NONE,
        }
    }
}

impl fmt::Debug for Copier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Copier(round {})", self.round)
    }
}

/// While this lives, the record stays as it was: for one chunk, on its processor.
pub(super) struct Guard<'copier> {
    pin: &'copier AtomicU64,
    idle: u64,
    stays_on_its_processor: PhantomData<*const ()>,
}

impl<'copier> Guard<'copier> {
    #[inline(always)]
    fn new(pin: &'copier AtomicU64, idle: u64) -> Self {
        Self {
            pin,
            idle,
            stays_on_its_processor: PhantomData,
        }
    }
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
    permissions: u32,
    guard: Guard<'copier>,
}

impl<'copier> Pinned<'copier> {
    /// Whether the whole of a copy is allowed.
    #[inline(always)]
    fn for_copy(self, request: &CopyRequest) -> Result<Self, Refused> {
        let needed = match request.direction {
            Direction::Read => Permissions::READ,
            Direction::Write => Permissions::WRITE,
        };
        if self.permissions & needed.bits() == 0 {
            return Err(Refused::MissingRight);
        }
        // Negative numbers are large ones here, and larger than any object; sums of two numbers
        // of 32 bits do not wrap.
        let end = u64::from(request.offset.cast_unsigned())
            .wrapping_add(u64::from(request.size.cast_unsigned()));
        if end > u64::from(self.len) {
            return Err(Refused::OutOfObject);
        }
        Ok(self)
    }

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
        request: &CopyRequest,
    ) -> Result<Pinned<'_>, Refused> {
        self.pin_fenced::<_, false>(fences, caller, request.smo, |pinned| {
            pinned.for_copy(request)
        })
    }

    /// The same, and the copy counts: after a streak of them through one object the pins are
    /// light.
    #[inline(always)]
    pub(crate) fn pin_by_habit(
        &mut self,
        fences: &impl Fences,
        caller: TaskKey,
        request: &CopyRequest,
    ) -> Result<Pinned<'_>, Refused> {
        self.pin_fenced::<_, true>(fences, caller, request.smo, |pinned| {
            pinned.for_copy(request)
        })
    }

    /// The same without the fence, if this processor is biased to this very object. Of the pool
    /// nothing may be touched under such a pin.
    #[inline(always)]
    pub(crate) fn pin_lightly(
        &mut self,
        fences: &impl Fences,
        caller: TaskKey,
        request: &CopyRequest,
    ) -> Option<Pinned<'_>> {
        let (id, slot) = self.named(request.smo);
        let record = self.records.get(slot)?;
        let tenure = self.habits.light(slot, id)?;
        let (pin, idle) = next_pin(&mut self.round, slot);
        let word = &self.own.word;
        fences.announce_lightly(word, pin);
        let guard = Guard::new(word, idle);
        if record.tenure.load(Ordering::SeqCst) != tenure {
            return None;
        }
        let pinned = record.look(&self.lives, caller, guard).ok()?;
        pinned.for_copy(request).ok()
    }

    /// The same for whatever only the target may do. A number that is no id is no object's.
    #[inline(always)]
    pub(crate) fn pin_object(
        &mut self,
        fences: &impl Fences,
        caller: TaskKey,
        raw: i32,
    ) -> Result<Pinned<'_>, Refused> {
        self.pin_fenced::<_, false>(fences, caller, raw, Ok)
    }

    /// What has been copied through this object so far is no habit: its copies can not be light.
    #[cold]
    pub(crate) fn unlearn(&mut self, raw: i32) {
        let (_, slot) = self.named(raw);
        self.habits.end(slot, &self.own.biases);
    }

    /// The processor turns to another task: see `habit.rs`.
    #[inline]
    pub fn rest(&mut self) {
        self.habits.rest(&self.own.biases);
    }

    /// An id's bits, and its slot: the number of records is a power of two, so the mask is in
    /// range.
    #[inline(always)]
    fn named(&self, raw: i32) -> (u32, usize) {
        let id = raw.cast_unsigned();
        (id, (id as usize) & self.records.len().wrapping_sub(1))
    }

    #[inline(always)]
    fn pin_fenced<'copier, F: Fences, const COUNTS: bool>(
        &'copier mut self,
        fences: &F,
        caller: TaskKey,
        raw: i32,
        check: impl FnOnce(Pinned<'copier>) -> Result<Pinned<'copier>, Refused>,
    ) -> Result<Pinned<'copier>, Refused> {
        let (id, slot) = self.named(raw);
        let own = &*self.own;
        let record = self.records.get(slot).ok_or(Refused::Closed)?;
        let (pin, idle) = next_pin(&mut self.round, slot);
        let counts = F::BIASES && COUNTS;
        if counts {
            self.habits.prepare((slot, id), low_half(pin), &own.biases);
        }
        fences.announce(&own.word, pin);
        // From here on every return clears the pin.
        let guard = Guard::new(&own.word, idle);
        // SeqCst: `announce` may be one SeqCst swap without a fence.
        let tenure = record.tenure.load(Ordering::SeqCst);
        if tenure == 0 {
            return Err(Refused::Closed);
        }
        if record.id.load(Ordering::Relaxed) != id {
            return Err(Refused::Closed);
        }
        let pinned = check(record.look(&self.lives, caller, guard)?)?;
        if counts {
            let streak = fences.streak();
            self.habits.count((slot, id), tenure, streak, &own.biases);
        }
        Ok(pinned)
    }
}

/// A pin that no other is the same as, and what it becomes when it is cleared.
#[inline(always)]
fn next_pin(round: &mut u32, slot: usize) -> (u64, u64) {
    *round = round.wrapping_add(1);
    let idle = u64::from(*round) << 32;
    // `pin_of` the slot in the low half; one sum, for it is a single instruction.
    (idle.wrapping_add(slot as u64).wrapping_add(1), idle)
}

impl Record {
    /// Behind a pin that saw this record open: what it says, if both lives go on and `caller` is
    /// its target.
    #[inline(always)]
    fn look<'copier>(
        &self,
        lives: &[AtomicU64],
        caller: TaskKey,
        guard: Guard<'copier>,
    ) -> Result<Pinned<'copier>, Refused> {
        if !is_alive(lives, caller) {
            return Err(Refused::CallerEnding);
        }
        let owner = TaskKey {
            index: self.owner_index.load(Ordering::Relaxed),
            life: self.owner_life.load(Ordering::Relaxed),
        };
        if !is_alive(lives, owner) {
            return Err(Refused::Closed);
        }
        if self.target_life.load(Ordering::Relaxed) != caller.life {
            return Err(Refused::NotTarget);
        }
        Ok(Pinned {
            owner,
            start: self.start.load(Ordering::Relaxed),
            len: self.len.load(Ordering::Relaxed),
            permissions: self.permissions.load(Ordering::Relaxed),
            guard,
        })
    }
}

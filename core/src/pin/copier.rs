//! Whoever copies: pins an object, and looks whether it may.

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use super::{Pin, Plane, Record, Transfer, is_alive};
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
}

impl Copier {
    pub(super) fn new(plane: &Plane, own: &Arc<Pin>) -> Self {
        Self {
            records: plane.records.clone(),
            lives: plane.lives.clone(),
            own: own.clone(),
            round: 0,
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
        request: &CopyRequest,
    ) -> Result<Pinned<'_>, Refused> {
        let pinned = self.pin_object(fences, caller, request.smo)?;
        let needed = match request.direction {
            Direction::Read => Permissions::READ,
            Direction::Write => Permissions::WRITE,
        };
        let (pinned, permissions) = pinned;
        if permissions & needed.bits() == 0 {
            return Err(Refused::MissingRight);
        }
        // Negative numbers are large ones here, and larger than any object; sums of two numbers
        // of 32 bits do not wrap.
        let end = u64::from(request.offset.cast_unsigned())
            .wrapping_add(u64::from(request.size.cast_unsigned()));
        if end > u64::from(pinned.len) {
            return Err(Refused::OutOfObject);
        }
        Ok(pinned)
    }

    /// The same for whatever only the target may do: the object, and its permissions. A number
    /// that is no id is no object's.
    #[inline(always)]
    pub(crate) fn pin_object(
        &mut self,
        fences: &impl Fences,
        caller: TaskKey,
        raw: i32,
    ) -> Result<(Pinned<'_>, u32), Refused> {
        // The number of records is a power of two, so the mask is the slot and in range.
        let (records, lives) = (&*self.records, &*self.lives);
        let bits = raw.cast_unsigned();
        let slot = (bits as usize) & records.len().wrapping_sub(1);
        let record = records.get(slot).ok_or(Refused::Closed)?;
        self.round = self.round.wrapping_add(1);
        let idle = u64::from(self.round) << 32;
        // `pin_of` the slot in the low half; one sum, for it is a single instruction.
        let pin = idle.wrapping_add(slot as u64).wrapping_add(1);
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
        if record.id.load(Ordering::Relaxed) != bits {
            return Err(Refused::Closed);
        }
        if !is_alive(lives, caller) {
            return Err(Refused::CallerEnding);
        }
        let owner = TaskKey {
            index: record.owner_index.load(Ordering::Relaxed),
            life: record.owner_life.load(Ordering::Relaxed),
        };
        if !is_alive(lives, owner) {
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

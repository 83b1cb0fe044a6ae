//! What a copier may move, once it is allowed to.

use core::fmt;

use super::copier::Guard;
use crate::copy::Direction;
use crate::id::TaskKey;
use crate::span::Span;

/// One approved copy of one chunk, between an object's owner and its target.
///
/// Only the core makes one, and only after it has checked the rights under a
/// pin that stands as long as this value; so holding a `Transfer` is the proof,
/// and dropping it lets revokers go on. It is not `Clone`: one approval, one
/// copy. It does not prove that the memory is there.
#[must_use]
pub struct Transfer<'copier> {
    pub(super) owner: TaskKey,
    pub(super) owner_start: u64,
    pub(super) caller: TaskKey,
    pub(super) caller_start: u64,
    pub(super) len: u32,
    pub(super) _guard: Guard<'copier>,
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

    /// Whether both ends are ranges that do not wrap, and have nothing in common with this one.
    #[inline(always)]
    pub(crate) fn is_outside(&self, range: Span) -> bool {
        let is_outside = |start| {
            let span = Span::new(start, u64::from(self.len));
            span.is_some_and(|span| !span.meets(range))
        };
        is_outside(self.caller_start) && is_outside(self.owner_start)
    }

    /// How many bytes to move: at most [`CHUNK_BYTES`](crate::CHUNK_BYTES).
    #[must_use]
    #[inline(always)]
    pub fn len_bytes(&self) -> u32 {
        self.len
    }
}

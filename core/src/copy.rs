//! `read_mem` and `write_mem`: the calls of the data plane, chunk by chunk.

use crate::door::{finish, int};
use crate::error::{CopyFault, Denied};
use crate::id::{SmoId, TaskKey};
use crate::machine::{Access, Machine};
use crate::pin::{CHUNK_BYTES, Copier, Pinned, Refused, Transfer};
use crate::span::Span;
use crate::thread::Thread;
use usufruct_abi::Number;

/// How much a machine that wants to preempt large copies moves in one call, in
/// bytes: small enough for a fraction of a millisecond.
pub const BURST_BYTES: u32 = 256 << 10;

/// Which way the bytes move, as the caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `read_mem`: from the owner's memory to the caller's.
    Read,
    /// `write_mem`: from the caller's memory to the owner's.
    Write,
}

/// Which part of a copy this call moves; the rights are checked for all of it
/// each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bytes that earlier calls have moved.
    pub done: u32,
    /// Bytes that this call moves at most.
    pub most: u32,
}

impl Window {
    /// The whole copy in one call.
    pub const WHOLE: Self = Self {
        done: 0,
        most: u32::MAX,
    };
}

/// The words of `read_mem` and `write_mem`, unchecked: every number in it may be a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRequest {
    /// Read or write.
    pub direction: Direction,
    /// The object's id.
    pub smo: i32,
    /// Bytes from the object's begin.
    pub offset: i32,
    /// Bytes to copy.
    pub size: i32,
    /// `dest` or `src` in the caller's memory.
    pub buffer: u64,
    /// Which part to move now.
    pub window: Window,
}

impl CopyRequest {
    /// The words of a call, for all of the copy at once.
    #[must_use]
    #[inline(always)]
    pub const fn from_words(direction: Direction, words: [u64; 4]) -> Self {
        let [smo, offset, size, buffer] = words;
        Self {
            direction,
            smo: int(smo),
            offset: int(offset),
            size: int(size),
            buffer,
            window: Window::WHOLE,
        }
    }

    /// The call and its words, for whoever reports them.
    fn words(&self) -> (Number, [u64; 4]) {
        let number = match self.direction {
            Direction::Read => Number::ReadMem,
            Direction::Write => Number::WriteMem,
        };
        let word = |int: i32| u64::from(int.cast_unsigned());
        (
            number,
            [
                word(self.smo),
                word(self.offset),
                word(self.size),
                self.buffer,
            ],
        )
    }
}

/// Serves `read_mem` or `write_mem`: 0, or -1 with the reason in `last_error`.
///
/// All of the request is checked before any byte moves; then the chunks of the
/// window move, each under a pin of its own. (Sartoris, "Using SMOs")
#[inline]
pub fn copy<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &mut Thread,
    request: &CopyRequest,
) -> i32 {
    match move_at_once(machine, copier, thread.key, request) {
        Some(Ok(())) => {
            thread.succeed();
            0
        }
        Some(Err(denied)) => finish(machine, thread, request.words(), Err(denied)),
        None => copy_in_chunks(machine, copier, thread, request),
    }
}

fn move_at_once<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    caller: TaskKey,
    request: &CopyRequest,
) -> Option<Result<(), Denied>> {
    let id = SmoId::from_raw(request.smo)?;
    let size = size_at_once(request)?;
    let pinned = copier.pin(machine.fences(), caller, request).ok()?;
    let chunk = pinned.approve(caller, request, 0, size);
    let is_plain = chunk.is_outside(machine.plane().pool().span());
    is_plain.then(|| carry_out(machine, request.direction, &chunk, id))
}

/// The fast path of [`copy`], for machines that keep their calls' words in
/// registers: whether the copy was allowed, of one chunk, and is done. If not,
/// nothing has moved and nobody has been told: [`copy`] decides.
#[inline(always)]
#[must_use]
pub fn copy_at_once<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &mut Thread,
    request: &CopyRequest,
) -> bool {
    // Before it is known, for who is refused is told so by `copy`: then the thread need not be
    // remembered on the way.
    thread.succeed();
    let Some(size) = size_at_once(request) else {
        return false;
    };
    let caller = thread.key;
    let Ok(pinned) = copier.pin_by_habit(machine.fences(), caller, request) else {
        return false;
    };
    let chunk = pinned.approve(caller, request, 0, size);
    machine.copy_at_once(&chunk, request.direction)
}

/// The same for a copy that is a habit of this processor's, and no other: for machines that bias
/// (`core/src/pin/habit.rs`), in front of [`copy_at_once`], which makes it one.
#[inline(always)]
#[must_use]
pub fn copy_by_habit<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &mut Thread,
    request: &CopyRequest,
) -> bool {
    thread.succeed();
    let Some(size) = size_at_once(request) else {
        return false;
    };
    let caller = thread.key;
    let Some(pinned) = copier.pin_lightly(machine.fences(), caller, request) else {
        return false;
    };
    let chunk = pinned.approve(caller, request, 0, size);
    let is_done = machine.copy_at_once(&chunk, request.direction);
    drop(chunk);
    if !is_done {
        // It ends in the pool, or beyond what is there.
        copier.unlearn(request.smo);
    }
    is_done
}

/// How long a copy is that moves in one straight line: all of it in one chunk, and not an empty
/// one.
// No need to ask for both memories first: a chunk moves whole or not at all.
#[inline(always)]
fn size_at_once(request: &CopyRequest) -> Option<u32> {
    let size = request.size.cast_unsigned();
    let Window { done, most } = request.window;
    let is_one_chunk = done == 0 && size <= most && size.wrapping_sub(1) < CHUNK_BYTES;
    is_one_chunk.then_some(size)
}

/// All other copies: large ones, and those that are refused.
#[cold]
#[inline(never)]
fn copy_in_chunks<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &mut Thread,
    request: &CopyRequest,
) -> i32 {
    let moved = copy_window(machine, copier, thread, request);
    finish(machine, thread, request.words(), moved.map(|()| 0))
}

/// Moves the window, or says what forbids it. Nothing has moved when the first
/// pin does not hold; when a later one does not, the right was taken away in
/// between, and what moved before stays.
fn copy_window<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &Thread,
    request: &CopyRequest,
) -> Result<(), Denied> {
    let id = SmoId::from_raw(request.smo).ok_or(Denied::NotAnId(request.smo))?;
    let Window { done, most } = request.window;
    let end = done.saturating_add(most).min(request.size.cast_unsigned());
    let mut done = done;
    let mut is_checked = false;
    // Pages are looked at in slices, each under a pin of its own like a chunk,
    // all of them before the first byte moves. Later bursts, and a request of one
    // chunk, look at what they move.
    let size = request.size.cast_unsigned();
    let mut looked_at = if done > 0 || size <= CHUNK_BYTES {
        size
    } else {
        0
    };
    loop {
        match copier.pin(machine.fences(), thread.key, request) {
            Ok(pinned) => {
                if !is_checked {
                    check_both_sides(machine, thread.key, &pinned, request, id)?;
                    is_checked = true;
                }
                if looked_at < size {
                    let len = size.wrapping_sub(looked_at).min(CHUNK_BYTES);
                    let slice = pinned.approve(thread.key, request, looked_at, len);
                    let stores = slice.stores(request.direction);
                    check_pages(machine, request.direction, stores, id)?;
                    looked_at = if machine.plane().pool().touches(stores.1) {
                        looked_at.saturating_add(len)
                    } else {
                        size
                    };
                    continue;
                }
                let len = end.saturating_sub(done).min(CHUNK_BYTES);
                if len > 0 {
                    let chunk = pinned.approve(thread.key, request, done, len);
                    let stores = chunk.stores(request.direction);
                    check_pages(machine, request.direction, stores, id)?;
                    carry_out(machine, request.direction, &chunk, id)?;
                }
                done = done.saturating_add(len);
                if done >= end {
                    return Ok(());
                }
            }
            Err(refused) => {
                explain(machine, thread, id, refused)?;
                // A change of the object is under way that leaves us its target.
                machine.yield_now();
            }
        }
    }
}

/// The checks of the contract's order before section 4, for the whole request:
/// the caller's memory, then the owner's.
#[inline(always)]
fn check_both_sides<M: Machine>(
    machine: &M,
    caller: TaskKey,
    pinned: &Pinned<'_>,
    request: &CopyRequest,
    id: SmoId,
) -> Result<(), Denied> {
    let size = u64::from(request.size.cast_unsigned());
    let buffer = Span::new(request.buffer, size).ok_or(Denied::CallerMemory)?;
    let (owners_access, callers_access) = match request.direction {
        Direction::Read => (Access::Load, Access::Store),
        Direction::Write => (Access::Store, Access::Load),
    };
    if !reaches(machine, caller, buffer, callers_access) {
        return Err(Denied::CallerMemory);
    }
    let owners = pinned.part(request).ok_or(Denied::OwnerMemory(id))?;
    if size > 0 && !reaches(machine, pinned.owner, owners, owners_access) {
        return Err(Denied::OwnerMemory(id));
    }
    Ok(())
}

/// Whether a range is memory that the task sees: in the pool, which is the
/// core's to say, or its own.
#[inline(always)]
pub(crate) fn reaches<M: Machine>(machine: &M, task: TaskKey, span: Span, access: Access) -> bool {
    let pool = machine.plane().pool();
    if pool.touches(span) {
        task.is_attached() && pool.contains(span)
    } else {
        machine.reaches(task, span, access)
    }
}

/// Section 4: a task in whose memory the copy stores, the owner's or the
/// caller's, may write every page that it touches. Under the pin.
fn check_pages<M: Machine>(
    machine: &M,
    direction: Direction,
    (task, stores): (TaskKey, Span),
    id: SmoId,
) -> Result<(), Denied> {
    let plane = machine.plane();
    if !plane.pool().touches(stores) || plane.pages.may_store(task, stores) {
        return Ok(());
    }
    Err(match direction {
        Direction::Read => Denied::CallerMayNotWrite,
        Direction::Write => Denied::OwnerMayNotWrite(id),
    })
}

#[inline(always)]
fn carry_out<M: Machine>(
    machine: &M,
    direction: Direction,
    chunk: &Transfer<'_>,
    id: SmoId,
) -> Result<(), Denied> {
    let moved = match direction {
        Direction::Read => machine.copy_from_task(chunk),
        Direction::Write => machine.copy_to_task(chunk),
    };
    moved.map_err(|fault| match fault {
        CopyFault::Caller => Denied::CallerMemory,
        CopyFault::Owner => Denied::OwnerMemory(id),
    })
}

/// Why the pin did not hold. `Ok` if it is worth another try.
#[cold]
pub(crate) fn explain<M: Machine>(
    machine: &M,
    thread: &Thread,
    id: SmoId,
    refused: Refused,
) -> Result<(), Denied> {
    match refused {
        Refused::CallerEnding => Err(Denied::CallerEnding),
        Refused::NotTarget => Err(Denied::NotTarget(id)),
        Refused::MissingRight => Err(Denied::MissingRight(id)),
        Refused::OutOfObject => Err(Denied::OutOfObject(id)),
        Refused::Closed => machine.with_kernel(|kernel| kernel.explain_closed(thread.key, id)),
    }
}

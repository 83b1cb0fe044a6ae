//! One WASI call, with a small memory of its own.
//!
//! `wasmtime-wasi` works on Rust slices, and to make one of a task's memory
//! would be a data race: other tasks' copies may be loading or storing there. So
//! it never sees a task's memory. What a call takes is copied out before, into
//! the call's own memory; what it answers is copied back afterwards, by the same
//! border that core's calls use. Nothing of the task is held while a call waits.

use usufruct_core::{Access, Machine as _, Span};
use wasmtime::{Caller, Result};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::types::Errno;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::GuestMemory;

use crate::state::Guest;

/// What wasmtime-wasi may allocate for one call: more than any call here can
/// ask for, whose sizes are checked before.
const FUEL_BYTES: usize = 1 << 20;

/// What is as wide as this and begins at a multiple of it is aligned for anything.
const ALIGNMENT: u32 = 8;

/// A path's bytes, at most: what Linux takes.
const PATH_BYTES: u32 = 4096;

/// Why a call ends before it has done anything.
pub(super) enum Stop {
    /// The task is told.
    Errno(Errno),
    /// The task ends.
    Trap(wasmtime::Error),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(trap: wasmtime::Error) -> Self {
        Self::Trap(trap)
    }
}

/// The word that a call answers.
pub(super) fn answer(outcome: Result<i32, Stop>) -> Result<i32> {
    match outcome {
        Ok(word) => Ok(word),
        Err(Stop::Errno(errno)) => Ok(errno as i32),
        Err(Stop::Trap(trap)) => Err(trap),
    }
}

/// A range of the task's memory that has been checked, and its place in the
/// call's own.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) address: u32,
    pub(super) at: u32,
    pub(super) len: u32,
}

/// One call under way.
pub(super) struct Call<'call> {
    pub(super) guest: &'call mut Guest,
    /// Copied out of the task before the call.
    pub(super) arguments: Vec<Place>,
    /// Copied back after the call, if it succeeds.
    results: Vec<Place>,
    /// Bytes of the call's own memory that have a use.
    pub(super) len: u32,
    /// The call's own memory, and where in it an aligned address is.
    memory: Vec<u8>,
    start: usize,
}

impl<'call> Call<'call> {
    pub(super) fn of(caller: &'call mut Caller<'_, Guest>) -> Self {
        Guest::look_at_memory(caller);
        let guest = caller.data_mut();
        guest.wasi().set_hostcall_fuel(FUEL_BYTES);
        Self {
            guest,
            arguments: Vec::new(),
            results: Vec::new(),
            len: 0,
            memory: Vec::new(),
            start: 0,
        }
    }

    /// Whether a call may load or store these bytes for the task, which are no
    /// stream's buffer (`buffers.rs`): never in the pool. Of no bytes, always.
    pub(super) fn may(&mut self, access: Access, address: u32, len: u32) -> Result<(), Errno> {
        if len == 0 {
            return Ok(());
        }
        let (border, thread) = self.guest.border();
        let span = Span::new(u64::from(address), u64::from(len)).ok_or(Errno::Fault)?;
        if border.reaches(thread.key(), span, access) {
            Ok(())
        } else {
            Err(Errno::Fault)
        }
    }

    /// Room in the call's own memory; answers where.
    pub(super) fn own(&mut self, len: u32) -> Result<u32, Errno> {
        let at = self.len.next_multiple_of(ALIGNMENT);
        self.len = at.checked_add(len).ok_or(Errno::Nomem)?;
        Ok(at)
    }

    /// An argument: `len` bytes of the task's at `address`.
    pub(super) fn load(&mut self, address: i32, len: u32) -> Result<i32, Errno> {
        let (address, at) = (address.cast_unsigned(), self.own(len)?);
        self.may(Access::Load, address, len)?;
        self.arguments.push(Place { address, at, len });
        Ok(at.cast_signed())
    }

    /// An argument that is a path.
    pub(super) fn path(&mut self, address: i32, len: i32) -> Result<i32, Errno> {
        let len = len.cast_unsigned();
        self.may(Access::Load, address.cast_unsigned(), len)?;
        if len > PATH_BYTES {
            return Err(Errno::Nametoolong);
        }
        self.load(address, len)
    }

    /// A result of exactly `len` bytes, for the task's `address`.
    pub(super) fn store(&mut self, address: i32, len: u32) -> Result<i32, Errno> {
        let place = self.room(address, len.cast_signed(), len)?;
        self.results.push(place);
        Ok(place.at.cast_signed())
    }

    /// Room for a result whose length the call will tell: up to `len` bytes for
    /// the task's `address`, of which `most` are used at most.
    pub(super) fn room(&mut self, address: i32, len: i32, most: u32) -> Result<Place, Errno> {
        let (address, len) = (address.cast_unsigned(), len.cast_unsigned());
        self.may(Access::Store, address, len)?;
        let len = len.min(most);
        let at = self.own(len)?;
        Ok(Place { address, at, len })
    }

    /// All places are known: copies the arguments out of the task.
    pub(super) fn begin(&mut self) -> Result<(), Errno> {
        self.memory = vec![0; (self.len + ALIGNMENT) as usize];
        self.start = self.memory.as_ptr().align_offset(ALIGNMENT as usize);
        let arguments = std::mem::take(&mut self.arguments);
        match self.note(Access::Load, &arguments) {
            None => self.copy_arguments(&arguments),
            Some(noted) => noted.hold(|| {
                if !noted.may_be() {
                    return Err(Errno::Fault);
                }
                self.copy_arguments(&arguments)
            }),
        }
    }

    fn copy_arguments(&mut self, arguments: &[Place]) -> Result<(), Errno> {
        let mut memory = std::mem::take(&mut self.memory);
        for place in arguments {
            let own = range(&mut memory, self.start, place.at, place.len)?;
            self.copy_out(place.address, own)?;
        }
        self.memory = memory;
        Ok(())
    }

    /// What wasmtime-wasi works on.
    pub(super) fn wasi(&mut self) -> (&mut WasiP1Ctx, GuestMemory<'_>) {
        let memory = self.memory.get_mut(self.start..).unwrap_or_default();
        (self.guest.wasi(), GuestMemory::Unshared(memory))
    }

    /// The call is over: if it has succeeded, copies the results back.
    pub(super) fn end(&mut self, errno: i32) -> Result<i32, Stop> {
        if errno == Errno::Success as i32 {
            for place in std::mem::take(&mut self.results) {
                self.copy_back(place, place.len)?;
            }
        }
        Ok(errno)
    }

    /// Stores the first `len` bytes of a place for the task.
    pub(super) fn copy_back(&mut self, place: Place, len: u32) -> Result<(), Errno> {
        let len = len.min(place.len);
        let own = range(&mut self.memory, self.start, place.at, len)?;
        let (border, thread) = self.guest.border();
        border
            .store(thread.key(), u64::from(place.address), own)
            .map_err(|_| Errno::Fault)
    }

    pub(super) fn copy_out(&mut self, address: u32, into: &mut [u8]) -> Result<(), Errno> {
        let (border, thread) = self.guest.border();
        border
            .load(thread.key(), u64::from(address), into)
            .map_err(|_| Errno::Fault)
    }

    /// A number of the call's own memory.
    pub(super) fn word(&mut self, at: i32) -> u32 {
        let own = range(&mut self.memory, self.start, at.cast_unsigned(), 4);
        own.map_or(0, |bytes| word_of(bytes, 0))
    }

    /// Sets a number of the call's own memory.
    pub(super) fn set_word(&mut self, at: u32, word: u32) -> Result<(), Errno> {
        range(&mut self.memory, self.start, at, 4)?.copy_from_slice(&word.to_le_bytes());
        Ok(())
    }
}

/// Bytes of a call's own memory.
fn range(memory: &mut [u8], start: usize, at: u32, len: u32) -> Result<&mut [u8], Errno> {
    let begin = start + at as usize;
    memory
        .get_mut(begin..begin + len as usize)
        .ok_or(Errno::Fault)
}

pub(super) fn word_of(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_le_bytes)
}

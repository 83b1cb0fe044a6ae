//! A program in an address space of its own.

use crate::context::Context;
use crate::memory::{FRAME_BYTES, FreeFrames};
use crate::space::{PoolFrames, Rights, Space, View};
use elf::ElfBytes;
use elf::abi::{PF_W, PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use elf::segment::ProgramHeader;

/// Where a task's stack ends, and how many bytes it has. Below it and above it is nothing.
const STACK_END: u64 = 0x20_0000;
const STACK_BYTES: u64 = 64 << 10;

/// Why a program can not be loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BadProgram {
    /// Not an ELF file of this kind, or cut short.
    NotElf,
    /// A segment overlaps another of different rights, or lies where tasks have no addresses.
    Misplaced,
    /// No frame is free, or the last one was used for this.
    NoMemory,
}

impl BadProgram {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::NotElf => "the program is no ELF file, or cut short",
            Self::Misplaced => "the program has segments where a task has no addresses",
            Self::NoMemory => "no memory is left for the program",
        }
    }
}

/// The address space that `program` (an ELF file) runs in, with the pool if it is to see it,
/// and its first registers.
pub(crate) fn load(
    program: &[u8],
    pool: Option<PoolFrames>,
    free: &mut FreeFrames,
) -> Result<(Space, Context), BadProgram> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(program).map_err(|_| BadProgram::NotElf)?;
    let space = Space::new(free).ok_or(BadProgram::NoMemory)?;
    let filled = fill(space, &file, free).and_then(|()| match pool {
        Some(_) if free.len() == 0 => Err(BadProgram::NoMemory),
        Some(frames) => space.map_pool(frames, free).ok_or(BadProgram::Misplaced),
        None => Ok(()),
    });
    match filled {
        Ok(()) => Ok((space, Context::new(file.ehdr.e_entry, STACK_END))),
        Err(bad) => {
            space.give_back(free);
            Err(bad)
        }
    }
}

fn fill(
    space: Space,
    file: &ElfBytes<'_, LittleEndian>,
    free: &mut FreeFrames,
) -> Result<(), BadProgram> {
    let segments = file.segments().ok_or(BadProgram::NotElf)?;
    for segment in segments.iter().filter(|segment| segment.p_type == PT_LOAD) {
        let bytes = file
            .segment_data(&segment)
            .map_err(|_| BadProgram::NotElf)?;
        map_all(
            space,
            segment.p_vaddr,
            segment.p_memsz,
            rights_of(&segment),
            free,
        )?;
        if bytes.len() as u64 > segment.p_memsz || !View::Own(space).fill(segment.p_vaddr, bytes) {
            return Err(BadProgram::NotElf);
        }
    }
    map_all(
        space,
        STACK_END - STACK_BYTES,
        STACK_BYTES,
        Rights::Write,
        free,
    )
}

/// Never write and execute: a segment that asks for both may write.
fn rights_of(segment: &ProgramHeader) -> Rights {
    match segment.p_flags {
        flags if flags & PF_W != 0 => Rights::Write,
        flags if flags & PF_X != 0 => Rights::Execute,
        _ => Rights::Read,
    }
}

fn map_all(
    space: Space,
    start: u64,
    bytes: u64,
    rights: Rights,
    free: &mut FreeFrames,
) -> Result<(), BadProgram> {
    let end = start.checked_add(bytes).ok_or(BadProgram::Misplaced)?;
    for page in start / FRAME_BYTES..end.div_ceil(FRAME_BYTES) {
        if free.len() == 0 {
            return Err(BadProgram::NoMemory);
        }
        space
            .map(page * FRAME_BYTES, rights, free)
            .ok_or(BadProgram::Misplaced)?;
    }
    Ok(())
}

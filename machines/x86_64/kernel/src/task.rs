//! A program in an address space of its own.

use crate::context::Context;
use crate::memory::{FRAME_BYTES, FreeFrames};
use crate::space::{PoolFrames, Rights, Space, View};
use core::ops::Range;
use elf::ElfBytes;
use elf::abi::{PF_W, PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use elf::segment::ProgramHeader;

/// Where a task's stack ends. Below it, and between it and the program but for the strings, is
/// nothing.
const STACK_END: u64 = 0x20_0000;
/// Where a task finds its arguments and its environment, and where they end at most: a page
/// before the first program's.
pub(crate) const STRINGS_AT: u64 = STACK_END;
pub(crate) const STRINGS_END: u64 = PROGRAM_START - FRAME_BYTES;
const PROGRAM_START: u64 = 0x40_0000;
/// Where private memory ends, a page before the pool's place: as on other machines.
pub(crate) const PRIVATE_END: u64 = 0x8000_0000 - FRAME_BYTES;

/// What a program may have besides its own segments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) stack_bytes: u64,
    /// Pages of memory, all in all.
    pub(crate) pages: u64,
}

impl Allowance {
    /// What the tests' programs need.
    pub(crate) const SMALL: Self = Self {
        stack_bytes: 64 << 10,
        pages: u64::MAX,
    };
}

/// A program in its address space.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) space: Space,
    /// The registers that it begins with.
    pub(crate) context: Context,
    /// Where its heap may begin: the first page behind its segments.
    pub(crate) end: u64,
    /// Pages that it has, at most.
    pub(crate) pages: u64,
}

/// Why a program can not be loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BadProgram {
    /// Not an ELF file of this kind, or cut short.
    NotElf,
    /// A segment overlaps another of different rights, or lies where tasks have no addresses.
    Misplaced,
    /// It takes more than its allowance.
    TooLarge,
    /// No frame is free, or the last one was used for this.
    NoMemory,
}

impl BadProgram {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::NotElf => "the program is no ELF file, or cut short",
            Self::Misplaced => "the program has segments where a task has no addresses",
            Self::TooLarge => "the program and its stack take more memory than the task may have",
            Self::NoMemory => "no memory is left for the program",
        }
    }
}

/// The address space that `program` (an ELF file) runs in, with the pool if it is to see it,
/// and its first registers.
pub(crate) fn load(
    program: &[u8],
    allowance: Allowance,
    pool: Option<PoolFrames>,
    free: &mut FreeFrames,
) -> Result<Loaded, BadProgram> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(program).map_err(|_| BadProgram::NotElf)?;
    let entry = file.ehdr.e_entry;
    // An address that is none would fault in the kernel, on the way to ring 3.
    if !(PROGRAM_START..PRIVATE_END).contains(&entry) {
        return Err(BadProgram::Misplaced);
    }
    let space = Space::new(free).ok_or(BadProgram::NoMemory)?;
    let filled = fill(space, &file, allowance, free).and_then(|filled| match pool {
        Some(_) if free.len() == 0 => Err(BadProgram::NoMemory),
        Some(frames) => {
            let mapped = space.map_pool(frames, free);
            mapped.map(|()| filled).ok_or(BadProgram::Misplaced)
        }
        None => Ok(filled),
    });
    match filled {
        Ok((end, pages)) => Ok(Loaded {
            space,
            context: Context::new(entry, STACK_END),
            end,
            pages,
        }),
        Err(bad) => {
            free.give_back(space.take_apart());
            Err(bad)
        }
    }
}

/// Maps stack and segments: where they end, and how many pages that took.
fn fill(
    space: Space,
    file: &ElfBytes<'_, LittleEndian>,
    allowance: Allowance,
    free: &mut FreeFrames,
) -> Result<(u64, u64), BadProgram> {
    let Allowance { stack_bytes, pages } = allowance;
    let mut left = pages;
    let stack = STACK_END - stack_bytes..STACK_END;
    map_all(space, stack, Rights::Write, (&mut left, free))?;
    let mut end = PROGRAM_START;
    let segments = file.segments().ok_or(BadProgram::NotElf)?;
    for segment in segments.iter().filter(|segment| segment.p_type == PT_LOAD) {
        let bytes = file
            .segment_data(&segment)
            .map_err(|_| BadProgram::NotElf)?;
        let segment_end = segment.p_vaddr.checked_add(segment.p_memsz);
        let place = segment.p_vaddr..segment_end.ok_or(BadProgram::Misplaced)?;
        if place.start < PROGRAM_START || place.end > PRIVATE_END {
            return Err(BadProgram::Misplaced);
        }
        end = end.max(place.end);
        map_all(space, place, rights_of(&segment), (&mut left, free))?;
        if bytes.len() as u64 > segment.p_memsz || !View::Own(space).fill(segment.p_vaddr, bytes) {
            return Err(BadProgram::NotElf);
        }
    }
    Ok((end.next_multiple_of(FRAME_BYTES), pages - left))
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
    bytes: Range<u64>,
    rights: Rights,
    (left, free): (&mut u64, &mut FreeFrames),
) -> Result<(), BadProgram> {
    for page in bytes.start / FRAME_BYTES..bytes.end.div_ceil(FRAME_BYTES) {
        if free.len() == 0 {
            return Err(BadProgram::NoMemory);
        }
        *left = left.checked_sub(1).ok_or(BadProgram::TooLarge)?;
        space
            .map(page * FRAME_BYTES, rights, free)
            .ok_or(BadProgram::Misplaced)?;
    }
    Ok(())
}

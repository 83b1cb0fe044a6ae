//! What a task does with its own memory, as methods of a [`World`].

use crate::rig::Rig;
use crate::world::{Task, World};
use usufruct_probe_core::{DATA_BYTES, Operation};

/// Bytes that tell their place: no two stretches of more than a few bytes are equal, and
/// another seed gives others.
#[must_use]
pub fn pattern(seed: u64, bytes: u64) -> Vec<u8> {
    let mix = |place: u64| {
        let word = (place ^ seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word.to_be_bytes()[0] | 1
    };
    (0..bytes).map(mix).collect()
}

/// The hash that [`World::checksum`] gives of these bytes: 64-bit FNV-1a.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    let one = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, one)
}

/// A number that is an index or a length.
///
/// # Panics
///
/// If it can be neither.
pub fn index(number: impl TryInto<usize>) -> usize {
    number
        .try_into()
        .unwrap_or_else(|_| panic!("a negative index"))
}

impl<R: Rig> World<R> {
    /// The task stores bytes to its arena.
    pub fn poke(&mut self, task: Task, offset: u64, bytes: &[u8]) {
        for (part, offset) in bytes.chunks(DATA_BYTES).zip((offset..).step_by(DATA_BYTES)) {
            let address = self.at(task, offset).cast_unsigned();
            self.command(task, Operation::Store, [address, 0, 0, 0], part);
        }
    }

    /// The task loads bytes from its arena.
    pub fn peek(&mut self, task: Task, offset: u64, bytes: u64) -> Vec<u8> {
        let mut seen = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let part = left.min(DATA_BYTES as u64);
            let address = self.at(task, offset + (bytes - left)).cast_unsigned();
            seen.extend(
                self.command(task, Operation::Load, [address, part, 0, 0], &[])
                    .data,
            );
            left -= part;
        }
        seen
    }

    /// The task fills a part of its arena with one byte.
    pub fn fill(&mut self, task: Task, offset: u64, bytes: u64, byte: u8) {
        let address = self.at(task, offset).cast_unsigned();
        self.command(task, Operation::Fill, [address, bytes, byte.into(), 0], &[]);
    }

    /// The task copies a part of its arena, as if through a buffer.
    pub fn copy_within(&mut self, task: Task, from: u64, to: u64, bytes: u64) {
        let address = |offset| self.at(task, offset).cast_unsigned();
        let words = [address(to), address(from), bytes, 0];
        self.command(task, Operation::Copy, words, &[]);
    }

    /// The task's hash of a part of its arena.
    pub fn checksum(&mut self, task: Task, offset: u64, bytes: u64) -> u64 {
        let address = self.at(task, offset).cast_unsigned();
        self.command(task, Operation::Checksum, [address, bytes, 0, 0], &[])
            .value
    }

    /// The offset, from the arena's start, of the first address that is not the task's memory.
    pub fn end_offset(&self, task: Task) -> u64 {
        let region = self.region(task);
        region.end - region.arena
    }

    /// The first address that is not the task's memory.
    pub fn end(&self, task: Task) -> i64 {
        self.at(task, self.end_offset(task))
    }
}

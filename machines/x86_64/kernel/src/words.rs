//! A line about the end of a task, made without an allocator.

use core::fmt::{self, Write};

/// The longest line, in bytes; what is longer is cut.
const MOST_BYTES: usize = 800;

/// What happened, in words; none if nothing is to be said.
#[derive(Debug)]
pub(crate) struct Words {
    bytes: [u8; MOST_BYTES],
    length: usize,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            bytes: [0; MOST_BYTES],
            length: 0,
        }
    }
}

impl Words {
    pub(crate) fn of(message: fmt::Arguments<'_>) -> Self {
        let mut words = Self::default();
        // It is cut, and does not fail.
        let _ = words.write_fmt(message);
        words
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let count = text.len().min(room.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes()
            .utf8_chunks()
            .try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

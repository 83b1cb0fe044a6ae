//! Files, whole or in pieces.

use alloc::vec::Vec;
use core::fmt;

use super::machine;

/// A file that is open. It is closed when the value is dropped.
#[derive(Debug)]
pub struct File(machine::Stream);

impl File {
    /// Opens a file to read it from its beginning.
    ///
    /// # Errors
    ///
    /// There is none, or it is not to be read.
    pub fn open(path: &str) -> Result<Self, FileError> {
        machine::Stream::open(path).map(Self)
    }

    /// Begins a new file, instead of the one that is there.
    ///
    /// # Errors
    ///
    /// There is no folder for it that may be written to.
    pub fn create(path: &str) -> Result<Self, FileError> {
        machine::Stream::create(path).map(Self)
    }

    /// Reads what comes next: how many bytes, 0 at the end.
    ///
    /// # Errors
    ///
    /// What the machine says; a read into a page that was taken away meanwhile among it.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, FileError> {
        self.0.read(into)
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// What the machine says; a first part may have been written.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.0.write_all(bytes)
    }
}

/// The bytes of a file, but no more than `most`.
///
/// # Errors
///
/// As for [`File::open`] and [`File::read`]; or there is no memory for it.
pub fn read_file(path: &str, most: usize) -> Result<Vec<u8>, FileError> {
    /// As much as is set aside at first where a file's size is not known, in bytes.
    const PIECE: usize = 64 << 10;
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    let mut known = 0;
    // The size is only a hint. One byte more, for the read that finds the end.
    let mut more = file.0.size().map_or(PIECE, |size| size.saturating_add(1));
    while known < most {
        if known == bytes.len() {
            let more = more.min(most - known);
            bytes
                .try_reserve_exact(more)
                .map_err(|_| FileError::NO_MEMORY)?;
            bytes.resize(known + more, 0);
        }
        let read = file.read(bytes.get_mut(known..).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        known += read;
        more = known.max(PIECE);
    }
    bytes.truncate(known);
    Ok(bytes)
}

/// Writes a file. The old one stays until the new one is complete, where files can be renamed:
/// not on bare machines.
///
/// # Errors
///
/// As for [`File::create`] and [`File::write_all`].
pub fn replace_file(path: &str, contents: &[u8]) -> Result<(), FileError> {
    machine::replace_file(path, contents)
}

/// Why a file can not be read or written: an error of WASI's, by its number, on all machines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileError(i32);

impl FileError {
    const NO_MEMORY: Self = Self(48);

    /// The error of this number (`errno` of WASI preview 1).
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    const fn words(self) -> &'static str {
        match self.0 {
            2 | 63 | 69 | 76 => "this task may not",
            11 => "the page that it should go to was taken away",
            20 => "it is there already",
            21 => "its bytes are not in memory that this task may use so",
            29 => "the machine could not do it",
            31 => "it is a folder",
            44 | 54 => "there is no such file",
            48 => "there is no memory for it",
            51 => "there is no room for it",
            _ => "the machine refuses",
        }
    }
}

impl fmt::Debug for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (WASI error {})", self.words(), self.0)
    }
}

impl core::error::Error for FileError {}

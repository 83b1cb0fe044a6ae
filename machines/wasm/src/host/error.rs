//! Why the host does not get what it asks for: one sentence each, with the way out.

use std::io;

use thiserror::Error;
use usufruct_abi::Error as Code;
use usufruct_core::Denied;

/// Why something that the host asked for was not done. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The kernel refuses it, as it would refuse a task.
    #[error("the kernel refuses it: {0}")]
    Denied(#[from] Denied),
    /// The kernel refuses a copy, and says no more than a task would hear.
    #[error("the kernel refuses the copy: {}", in_words(*.0))]
    Copy(Code),
    /// Bytes outside a buffer or a block of pages.
    #[error(
        "the {len} bytes from {offset} on are not all in this block of {size_bytes} bytes; ask its `len`"
    )]
    OutOfRange {
        /// Where they begin.
        offset: usize,
        /// How many they are.
        len: usize,
        /// What there is.
        size_bytes: usize,
    },
    /// A buffer or a block of nothing, or of more than an address can reach.
    #[error("a block of {len} bytes can not be; it has 1 byte to 2 GiB - 64 KiB")]
    Length {
        /// What was asked for.
        len: usize,
    },
    /// An atomic number that does not begin at a multiple of its size.
    #[error("{offset} is no multiple of {alignment}, and an atomic number begins at one")]
    Alignment {
        /// What was asked for.
        offset: usize,
        /// What it must be a multiple of.
        alignment: usize,
    },
    /// The buffers have used up the host's address space, or the operating
    /// system's memory.
    #[error(
        "there is no room for a buffer of {len} bytes: {error}; drop buffers, and their shares"
    )]
    NoRoom {
        /// What was asked for.
        len: usize,
        /// What the operating system says.
        error: io::Error,
    },
    /// There are no pages here.
    #[error("this system has no pool of pages; give it one when it is made")]
    NoPool,
    /// The pages are in the hand of another value of the host's.
    #[error("the host holds these pages already: one value stands for a page at a time")]
    AlreadyHeld,
    /// The system was made for a test that takes its walls away.
    #[error("this system does not keep its promises, for a test: pages can not be frozen")]
    Unprotected,
}

/// What a code of the first document means here.
fn in_words(code: Code) -> &'static str {
    match code {
        Code::InvalidId => "this number can not be an object's id",
        Code::InvalidSmo => "no live object has this id",
        Code::NotSmoTarget => "the object was shared with another task, or passed on",
        Code::NoPermission => {
            "the object was shared without that right, or its owner may not write there itself"
        }
        Code::InvalidSize => "the range reaches out of the object",
        Code::InvalidPtr => "the memory behind the object is gone",
        _ => code.name(),
    }
}

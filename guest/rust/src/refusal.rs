//! From the kernel's words to Rust results.

use usufruct_abi::Error;

use crate::raw;

/// An answer of 0 or more, or the reason why the call was refused.
pub(crate) fn answer(word: i32) -> Result<i32, Error> {
    if word < 0 { Err(last()) } else { Ok(word) }
}

/// The same, where success says nothing but that.
pub(crate) fn done(word: i32) -> Result<(), Error> {
    answer(word).map(drop)
}

fn last() -> Error {
    // A number that this library does not know comes from a newer kernel. The
    // call was refused all the same; the vaguest refusal is the honest one.
    Error::from_code(raw::last_error()).unwrap_or(Error::NoPermission)
}

/// A size or offset as the kernel's word. Larger ones can not lie in any object.
pub(crate) fn word(bytes: usize) -> Result<i32, Error> {
    i32::try_from(bytes).map_err(|_| Error::InvalidSize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_beyond_the_word_is_refused_and_not_cut() {
        assert_eq!(word(0x7fff_ffff), Ok(i32::MAX));
        assert_eq!(word(0x8000_0000), Err(Error::InvalidSize));
        assert_eq!(word(usize::MAX), Err(Error::InvalidSize));
    }
}

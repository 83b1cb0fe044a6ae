//! Pages that another task says it has given, or lets one write.

use core::ptr::{NonNull, with_exposed_provenance_mut};

use super::held::{Held, size_word};
use super::{Foreign, Frozen, PageError, Pages, page_bytes};

/// Pages that a letter names. Nothing is believed yet.
///
/// The giver may still be able to write them, and others whom it let. So before one looks,
/// all of them are fenced off: when that has returned, nobody else can change the pages.
/// Then there is a slice, and not before.
///
/// ```compile_fail
/// # use usufruct_guest::page::Received;
/// fn look(pages: &Received) -> u8 {
///     pages[0]
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    address: usize,
    bytes: usize,
}

impl Received {
    /// The pages at this address; `bytes` is rounded up to whole pages.
    #[must_use]
    pub fn new(address: usize, bytes: usize) -> Self {
        Self { address, bytes }
    }

    /// The pages whose [`Pages::words`] a message says.
    ///
    /// # Errors
    ///
    /// [`PageError::BadSize`]: the words can be no pages'.
    pub fn from_words([address, size]: [i32; 2]) -> Result<Self, PageError> {
        let address = usize::try_from(address.cast_unsigned());
        let bytes = usize::try_from(size);
        match (address, bytes) {
            (Ok(address), Ok(bytes)) if size_word(bytes).is_some() => Ok(Self { address, bytes }),
            _ => Err(PageError::BadSize),
        }
    }

    /// Takes delivery: nobody else may write them from here on, and this task may.
    ///
    /// # Errors
    ///
    /// [`PageError::NotOwned`]: they are not whole pages, or nobody has given them to this
    /// task. [`PageError::InUse`]: this program has some of them already.
    /// [`PageError::NoMemory`]: the machine can not hold this task's right to write; the
    /// pages have gone back to the pool ([`Received::accept_to_read`] needs none).
    /// [`PageError::BadSize`]: no size of pages. [`PageError::NoPool`]: this task has none.
    pub fn accept(self) -> Result<Pages, PageError> {
        Ok(self.accept_to_read()?.thaw()?)
    }

    /// The same, without the right to write, which is one change of the pages less.
    ///
    /// # Errors
    ///
    /// As for [`Received::accept`], but for [`PageError::NoMemory`].
    pub fn accept_to_read(self) -> Result<Frozen, PageError> {
        Frozen::of_delivery(self.hold()?)
    }

    /// Uses them where they are and leaves them to their owner.
    ///
    /// # Errors
    ///
    /// As for [`Received::accept_to_read`]; also [`PageError::NotForeign`]: some are not of
    /// the pool, or are this task's own.
    pub fn visit(self) -> Result<Foreign, PageError> {
        Foreign::named(self.hold()?)
    }

    fn hold(self) -> Result<Held, PageError> {
        let bytes = size_word(self.bytes).ok_or(PageError::BadSize)?;
        let page = page_bytes()?;
        let at = with_exposed_provenance_mut(self.address);
        let at = NonNull::new(at).ok_or(PageError::NotOwned)?;
        let bytes = usize::try_from(bytes).map_err(|_| PageError::BadSize)?;
        Held::claim(at, bytes.next_multiple_of(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_can_be_no_pages_are_none() {
        for size in [0, -1, i32::MIN, i32::MAX] {
            let words = [0x8000_0000_u32.cast_signed(), size];
            assert_eq!(Received::from_words(words), Err(PageError::BadSize));
        }
    }

    #[test]
    fn an_address_above_two_gib_survives_the_way_through_words() {
        let words = [0xffff_f000_u32.cast_signed(), 4096];
        let received = Received::from_words(words).unwrap();
        assert_eq!(received, Received::new(0xffff_f000, 4096));
    }

    #[test]
    fn where_there_is_no_pool_nothing_can_be_accepted() {
        let received = Received::new(0x8000_0000, 4096);
        assert_eq!(received.accept().unwrap_err(), PageError::NoPool);
        assert_eq!(received.accept_to_read().unwrap_err(), PageError::NoPool);
        assert_eq!(received.visit().unwrap_err(), PageError::NoPool);
    }
}

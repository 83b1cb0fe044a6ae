//! A run of whole pages that this program has a value for, and what the value does at
//! its end.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE};

use super::{PageError, page_bytes, raw, registry};
use crate::current_task;

/// The most bytes that one value can stand for: a size of the kernel's that stays one
/// when it is rounded up to pages.
pub(super) const MOST_BYTES: usize = 0x7fff_0000;

/// In `ControlMem`: the system, or everybody.
pub(super) const ALL: i32 = 0;

/// What happens to the pages when their value is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing. The value has not shown yet that it may do anything.
    Nothing,
    /// They go back to the pool.
    Free,
    /// This task may not write them any more.
    LetGo,
}

/// A run of whole pages of the pool. No other value of this program stands for any of
/// them.
///
/// It does not prove that the pages are this task's, nor that they are of the pool.
pub(super) struct Held {
    at: NonNull<u8>,
    /// A multiple of the page size, 1 page to [`MOST_BYTES`]. `at + bytes` does not
    /// wrap, not even to 0.
    bytes: usize,
    end: End,
}

// SAFETY: it is an address and a size. Pages belong to the task, and all threads of a task
// have the same rights.
unsafe impl Send for Held {}
// SAFETY: the same. What may be stored to needs `&mut`.
unsafe impl Sync for Held {}

impl Held {
    /// Enters whole pages into the program's record.
    pub(super) fn claim(at: NonNull<u8>, bytes: usize) -> Result<Self, PageError> {
        let page = page_bytes()?;
        let address = at.addr().get();
        if !address.is_multiple_of(page) || !bytes.is_multiple_of(page) {
            return Err(PageError::NotOwned);
        }
        if !(1..=MOST_BYTES).contains(&bytes) || address.checked_add(bytes).is_none() {
            return Err(PageError::BadSize);
        }
        if !registry::claim(address, bytes) {
            return Err(PageError::InUse);
        }
        Ok(Self::recorded(at, bytes, End::Nothing))
    }

    /// # Correctness
    ///
    /// The record has these pages, for this value and for no other.
    fn recorded(at: NonNull<u8>, bytes: usize, end: End) -> Self {
        Self { at, bytes, end }
    }

    /// Takes new pages from the pool. They are zeros, and this task's alone.
    pub(super) fn alloc(bytes: usize) -> Result<Self, PageError> {
        let size = size_word(bytes).ok_or(PageError::BadSize)?;
        let _recorded_at_once = registry::alone();
        let Some(at) = NonNull::new(raw::AllocMemBlocks(size, 0)) else {
            page_bytes()?;
            return Err(PageError::NoMemory);
        };
        let label = at.cast::<i32>();
        // SAFETY: the kernel has just given these pages to this task. The first word says
        // how many bytes they have.
        let given = unsafe { label.read_volatile() };
        // SAFETY: the same.
        unsafe { label.write_volatile(0) };
        let given = usize::try_from(given).unwrap_or(0);
        match Self::claim(at, given) {
            Ok(held) => Ok(held.with(End::Free)),
            Err(error) => {
                // SAFETY: no value stands for the pages, and nobody else knows of them.
                let _ = unsafe { raw::ControlMem(at.as_ptr(), size, MEMC_GIVE, ALL) };
                // Pages that end where addresses end can be no slice.
                Err(match error {
                    PageError::BadSize => PageError::NoMemory,
                    error => error,
                })
            }
        }
    }

    /// Parts with the pages behind those that hold `bytes` bytes. `None`: there are none.
    pub(super) fn split_off(&mut self, bytes: usize) -> Result<Option<Self>, PageError> {
        let kept = bytes.next_multiple_of(page_bytes()?);
        if bytes == 0 || bytes > self.bytes {
            return Err(PageError::BadSize);
        }
        if kept == self.bytes {
            return Ok(None);
        }
        // SAFETY: `kept` is less than the size of these pages.
        let at = unsafe { self.at.add(kept) };
        let rest = Self::recorded(at, self.bytes - kept, self.end);
        self.bytes = kept;
        Ok(Some(rest))
    }

    /// The same pages, with another end.
    pub(super) fn with(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// Forgets the value, and leaves its pages in the record.
    pub(super) fn into_raw(self) -> (NonNull<u8>, usize) {
        let this = ManuallyDrop::new(self);
        (this.at, this.bytes)
    }

    /// Makes a value again, whose drop frees the pages.
    ///
    /// # Safety
    ///
    /// They are whole pages out of one [`Held::into_raw`] of an allocation, no other
    /// value was made of them since, and nothing in this program uses them any more.
    pub(super) unsafe fn from_raw(at: NonNull<u8>, bytes: usize) -> Self {
        Self::recorded(at, bytes, End::Free)
    }

    /// Asks the kernel for a change of these pages, all or none.
    pub(super) fn control(&self, command: i32, task: i32) -> Result<(), PageError> {
        // SAFETY: the callers are the values of this module. Each changes nothing that its
        // own kind promises, or becomes another kind by it.
        let answer = unsafe { raw::ControlMem(self.at.as_ptr(), self.size(), command, task) };
        if answer == 0 {
            Ok(())
        } else {
            Err(PageError::from_answer(answer))
        }
    }

    pub(super) fn at(&self) -> NonNull<u8> {
        self.at
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Address and size, as words of a message.
    pub(super) fn words(&self) -> [i32; 2] {
        // The record ends at 4 GiB, so no bit is lost.
        let address = u32::try_from(self.at.addr().get()).unwrap_or(0);
        [address.cast_signed(), self.size()]
    }

    fn size(&self) -> i32 {
        size_word(self.bytes).expect("a value has a size that the kernel knows")
    }
}

/// A size that the kernel knows, and knows rounded up to pages.
pub(super) fn size_word(bytes: usize) -> Option<i32> {
    let known = (1..=MOST_BYTES).contains(&bytes);
    i32::try_from(bytes).ok().filter(|_| known)
}

impl Drop for Held {
    fn drop(&mut self) {
        // They take rights away, which never fails for an owner.
        let _ = match self.end {
            End::Nothing => Ok(()),
            End::Free => self.control(MEMC_GIVE, ALL),
            End::LetGo => self.control(MEMC_NOWRITE, current_task().word()),
        };
        // Not before: until then the pages could be accepted, and a slice made of them.
        registry::release(self.at.addr().get(), self.bytes);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}, {} bytes", self.at, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_one_that_rounding_to_pages_leaves_positive() {
        assert_eq!(size_word(0), None);
        assert_eq!(size_word(1), Some(1));
        assert_eq!(size_word(MOST_BYTES), Some(0x7fff_0000));
        assert_eq!(size_word(MOST_BYTES + 1), None);
        assert_eq!(size_word(usize::MAX), None);
        let rounded = MOST_BYTES.next_multiple_of(1 << 16);
        assert!(i32::try_from(rounded).is_ok());
    }

    #[test]
    fn where_there_is_no_pool_there_is_nothing_to_hold() {
        assert_eq!(Held::alloc(4096).unwrap_err(), PageError::NoPool);
        assert_eq!(Held::alloc(0).unwrap_err(), PageError::BadSize);
        let claimed = Held::claim(NonNull::dangling(), 4096);
        assert_eq!(claimed.unwrap_err(), PageError::NoPool);
    }
}

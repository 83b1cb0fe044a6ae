//! Shared memory objects: lending bytes, and using lent ones.
//!
//! # Why there are three ways to lend
//!
//! An object outlives a value that is forgotten instead of dropped. What that may
//! do to the program decides how bytes can be lent:
//!
//! - **To be read** ([`Shared::readable`]): the worst is that others go on reading
//!   whatever these addresses hold later. That is a leak of secrets, not of memory
//!   safety, so a borrow is enough.
//! - **To be written, for good or until claimed** ([`Shared::writable`]): stores could
//!   land in memory that meanwhile serves something else. So the bytes must be
//!   `'static`, and atomic, since they change while this program may look at them.
//! - **To be written, for a while** ([`lend_mut`]): the bytes stay borrowed by a
//!   function that claims the object before it returns, whatever happens inside.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;
use core::sync::atomic::AtomicU8;

use usufruct_abi::{Error, READ_PERM, WRITE_PERM};

use crate::refusal::{answer, done, word};
use crate::{TaskId, raw};

/// Names one life of one shared memory object. Owning an id gives no right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SmoId(NonZeroU32);

impl SmoId {
    /// The id that a word of a message names. `None`: 0 and negative numbers are
    /// never ids.
    #[must_use]
    pub fn from_word(word: i32) -> Option<Self> {
        u32::try_from(word).ok().and_then(NonZeroU32::new).map(Self)
    }

    /// The id as a word of a message.
    #[must_use]
    pub fn word(self) -> i32 {
        self.0.get().cast_signed()
    }
}

impl fmt::Debug for SmoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "smo{}", self.0)
    }
}

/// What the target of a writable object may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Write, and not read.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    fn perms(self) -> i32 {
        match self {
            Self::Write => WRITE_PERM,
            Self::ReadWrite => READ_PERM | WRITE_PERM,
        }
    }
}

/// Bytes of this task that another task may use, until this value is claimed or
/// dropped.
///
/// The target may pass the object on; the owner keeps the right to claim it. When
/// the claim is done, no byte moves through it any more.
///
/// A value that is forgotten (`core::mem::forget`) leaves the object standing until
/// the task ends. Of [`Shared::readable`] others can then read whatever these addresses
/// hold later: a leak of secrets, not of memory safety.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "dropping it takes the bytes back at once"]
pub struct Shared<'bytes> {
    id: SmoId,
    lent: PhantomData<&'bytes [u8]>,
}

impl<'bytes> Shared<'bytes> {
    /// Lends `bytes` to `target`, to be read.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSize`]: empty, or more than 2 GiB. [`Error::InvalidTsk`]: no such
    /// live task. [`Error::TooManySmos`]: this task's quota is used up.
    /// [`Error::NoMem`]: the kernel's table is full.
    pub fn readable(target: TaskId, bytes: &'bytes [u8]) -> Result<Self, Error> {
        // SAFETY: without WRITE_PERM nobody stores to the bytes.
        unsafe { Self::new(target, bytes.as_ptr(), bytes.len(), READ_PERM) }
    }

    /// Takes the bytes back. Dropping the value does the same and can not say
    /// whether it worked.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSmo`] if something claimed the object under this value.
    pub fn claim(self) -> Result<(), Error> {
        let claimed = done(raw::claim_mem(self.id.word()));
        core::mem::forget(self);
        claimed
    }

    /// The id to tell the target.
    #[must_use]
    pub fn id(&self) -> SmoId {
        self.id
    }

    /// # Safety
    ///
    /// With `WRITE_PERM`: for as long as the object may stand, the bytes stay
    /// allocated, and this program touches them through atomics only, or not at all.
    unsafe fn new(target: TaskId, at: *const u8, len: usize, perms: i32) -> Result<Self, Error> {
        let size = word(len)?;
        // SAFETY: the caller keeps the condition of `share_mem`, which is the same.
        let id = answer(unsafe { raw::share_mem(target.word(), at, size, perms) })?;
        let id = SmoId::from_word(id).ok_or(Error::InvalidId)?;
        Ok(Self {
            id,
            lent: PhantomData,
        })
    }
}

impl Shared<'static> {
    /// Lends `bytes` to `target`, to be written. This program may look at them (and
    /// store to them) all the while.
    ///
    /// Copies by the kernel are not atomic as a whole: each byte is old or new.
    ///
    /// # Errors
    ///
    /// As for [`Shared::readable`].
    pub fn writable(
        target: TaskId,
        bytes: &'static [AtomicU8],
        access: Access,
    ) -> Result<Self, Error> {
        // SAFETY:
        // 1. `'static`: the bytes stay allocated for as long as the program runs, also
        //    if the value is forgotten.
        // 2. An `AtomicU8` is one byte that safe code can touch only atomically, or
        //    through `&mut`, which a live `&'static` rules out.
        // 3. The pointer may be stored through: `AtomicU8` is `UnsafeCell` inside.
        unsafe { Self::new(target, bytes.as_ptr().cast(), bytes.len(), access.perms()) }
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        // It fails only if the object is gone already, which is what is wanted.
        let _ = raw::claim_mem(self.id.word());
    }
}

/// Lends `bytes` to `target` to be written, for as long as `meanwhile` runs.
///
/// `meanwhile` gets the object's id to tell the target, and typically waits for its
/// answer. When this function returns, the object is claimed: the bytes are the
/// caller's alone again and stay as they are.
///
/// # Errors
///
/// As for [`Shared::readable`]; `meanwhile` has not run then.
///
/// ```no_run
/// use usufruct_guest::{Access, Error, Port, TaskId, lend_mut, send};
///
/// fn fill(from: TaskId, answers: &Port, buffer: &mut [u8]) -> Result<(), Error> {
///     lend_mut(from, Access::Write, buffer, |id| {
///         send(from, 0, [id.word(), 0, 0, 0])?;
///         answers.wait().map(drop)
///     })?
/// }
/// ```
pub fn lend_mut<R>(
    target: TaskId,
    access: Access,
    bytes: &mut [u8],
    meanwhile: impl FnOnce(SmoId) -> R,
) -> Result<R, Error> {
    let at = bytes.as_mut_ptr();
    // SAFETY:
    // 1. `bytes` is borrowed exclusively until this function returns, and it touches
    //    them no more; `meanwhile` can not reach them.
    // 2. `shared` is a local that nobody else can forget, so its drop claims the object
    //    before the function is left, on unwinding too. A claim is a barrier.
    // 3. The pointer comes from the exclusive borrow, so it may be stored through.
    let shared = unsafe { Shared::new(target, at, bytes.len(), access.perms()) }?;
    Ok(meanwhile(shared.id()))
}

/// An object of another task that this task may use, or believes so: the kernel
/// checks each call.
///
/// The owner can take it back at any moment, and may change the bytes while they
/// are read: check what you have copied, not what you are about to copy.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    id: SmoId,
}

impl Received {
    /// The object of that id. Nothing is checked yet.
    #[must_use]
    pub fn new(id: SmoId) -> Self {
        Self { id }
    }

    /// Which object it is.
    #[must_use]
    pub fn id(&self) -> SmoId {
        self.id
    }

    /// How large the object is, in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSmo`]: there is no such object (any more).
    /// [`Error::NotSmoTarget`]: it is lent to somebody else.
    pub fn size(&self) -> Result<usize, Error> {
        let size = answer(raw::mem_size(self.id.word()))?;
        usize::try_from(size).map_err(|_| Error::InvalidSize)
    }

    /// Fills `buffer` with the bytes that begin `offset` bytes into the object.
    ///
    /// # Errors
    ///
    /// As for [`Received::size`]; also [`Error::NoPermission`]: it may not be read;
    /// [`Error::InvalidSize`]: the range reaches out of it; [`Error::InvalidPtr`]: the
    /// owner's memory is no longer there. Nothing was copied then, except that a copy
    /// during which the object was taken away may have moved a first part.
    pub fn read_at(&self, offset: usize, buffer: &mut [u8]) -> Result<(), Error> {
        let (offset, size) = (word(offset)?, word(buffer.len())?);
        // SAFETY: `buffer` is a live, exclusive borrow of `size` bytes.
        done(unsafe { raw::read_mem(self.id.word(), offset, size, buffer.as_mut_ptr()) })
    }

    /// Stores `bytes` into the object, `offset` bytes from its beginning.
    ///
    /// # Errors
    ///
    /// As for [`Received::read_at`].
    pub fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<(), Error> {
        let (offset, size) = (word(offset)?, word(bytes.len())?);
        // SAFETY:
        // 1. `bytes` is a live borrow of `size` bytes.
        // 2. If this task shares the object with itself, the bytes that are stored to
        //    are lent by `Shared::writable` or `lend_mut`, whose conditions allow it.
        done(unsafe { raw::write_mem(self.id.word(), offset, size, bytes.as_ptr()) })
    }

    /// Makes `heir` the target in this task's place. Range and rights stay the same;
    /// this task has lost access when the call returns.
    ///
    /// # Errors
    ///
    /// As for [`Received::size`]; also [`Error::InvalidTsk`]: the heir is not alive.
    /// Nothing has changed then, and [`Received::new`] makes the value anew.
    pub fn pass_to(self, heir: TaskId) -> Result<(), Error> {
        done(raw::pass_mem(self.id.word(), heir.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perms_are_the_words_of_the_contract() {
        assert_eq!(Access::Write.perms(), 4);
        assert_eq!(Access::ReadWrite.perms(), 6);
    }

    #[test]
    fn words_that_name_nothing_are_no_ids() {
        assert_eq!(SmoId::from_word(0), None);
        assert_eq!(SmoId::from_word(-7), None);
        assert_eq!(SmoId::from_word(i32::MAX).map(SmoId::word), Some(i32::MAX));
    }
}

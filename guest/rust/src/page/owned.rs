//! Pages that this task owns.

use core::ops::{Deref, DerefMut};

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE};

use super::foreign::{load_u64, read_at, store_u64, write_at};
use super::held::{ALL, End, Held};
use super::{Foreign, PageError, Refused};
use crate::{TaskId, current_task};

/// Whole pages that this task owns and may write, and nobody else may.
///
/// So they are a slice. Everybody may read them: secrets belong elsewhere. Dropped, they
/// go back to the pool, zeroed.
#[derive(Debug)]
#[must_use = "dropping them gives them back to the pool"]
pub struct Pages {
    held: Held,
}

impl Pages {
    /// Takes pages from the pool: as many as hold `bytes` bytes, all zeros.
    ///
    /// # Errors
    ///
    /// [`PageError::NoPool`]: this task has none. [`PageError::BadSize`]: `bytes` is 0, or
    /// not much under 2 GiB or more. [`PageError::NoMemory`]: no run of free pages is long
    /// enough, or the quota is used up. [`PageError::InUse`]: this program still has a
    /// [`Foreign`] for pages that have gone through the pool since.
    pub fn alloc(bytes: usize) -> Result<Self, PageError> {
        Held::alloc(bytes).map(|held| Self { held })
    }

    /// Keeps as many pages as hold the first `bytes` bytes, and gives the others back to
    /// the pool.
    ///
    /// # Errors
    ///
    /// [`PageError::BadSize`]: `bytes` is 0, or more than there are.
    pub fn truncate(&mut self, bytes: usize) -> Result<(), PageError> {
        self.held.split_off(bytes).map(drop)
    }

    /// Lets another task write them too.
    ///
    /// # Errors
    ///
    /// [`PageError::NoSuchTask`]: it is not alive, or has no pool. [`PageError::NoMemory`]:
    /// the machine can not hold the right.
    pub fn grant(self, to: TaskId) -> Result<Lent, Refused<Self>> {
        self.become_lent(to.word())
    }

    /// Lets every task write them, also those that start later.
    ///
    /// # Errors
    ///
    /// [`PageError::NoMemory`]: the machine can not hold the right.
    pub fn grant_to_all(self) -> Result<Lent, Refused<Self>> {
        self.become_lent(ALL)
    }

    fn become_lent(self, to: i32) -> Result<Lent, Refused<Self>> {
        match self.held.control(MEMC_OKWRITE, to) {
            Ok(()) => Ok(Lent { held: self.held }),
            Err(error) => Err(Refused { pages: self, error }),
        }
    }

    /// Write-protects them, from this task as well.
    pub fn freeze(self) -> Frozen {
        freeze(self.held)
    }

    /// Makes another task their owner. This one may write them until it lets go.
    ///
    /// The new owner's value is [`super::Received`]; [`Pages::words`] tell it where.
    ///
    /// # Errors
    ///
    /// [`PageError::NoSuchTask`]: it is not alive, or has no pool. [`PageError::NoMemory`]:
    /// its quota is used up, or the machine can not hold the right.
    pub fn give(self, heir: TaskId) -> Result<Foreign, Refused<Self>> {
        give(self.held, heir).map_err(|(held, error)| Refused {
            pages: Self { held },
            error,
        })
    }

    /// Address and size, as words of a message for [`super::Received::from_words`].
    #[must_use]
    pub fn words(&self) -> [i32; 2] {
        self.held.words()
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY:
        // 1. The pages are this task's, so they stay where they are until `held` ends, which
        //    this borrow outlives not. They are of the pool, so they can be read, and any
        //    bytes are `u8`s.
        // 2. No other task may write them: they come new from the pool, or after a
        //    NOWRITE 0 that has returned. Of this task, no other value stands for them
        //    (`registry.rs`), and this one can be written through `&mut` only.
        // 3. `Held` keeps the size below 2 GiB and its end from wrapping.
        unsafe { core::slice::from_raw_parts(self.held.at().as_ptr(), self.held.bytes()) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY:
        // 1. As for `deref`.
        // 2. This task may write them: they come new from the pool, or after an OKWRITE for
        //    this task. Only the owner could take that away again.
        unsafe { core::slice::from_raw_parts_mut(self.held.at().as_ptr(), self.held.bytes()) }
    }
}

/// Whole pages that this task owns and others may write too, at any moment.
///
/// So there is no slice, but copies: each byte is old or new. Dropped, the pages go back to
/// the pool, and nobody may write them any more.
///
/// ```compile_fail
/// # use usufruct_guest::page::Lent;
/// fn look(pages: &Lent) -> u8 {
///     pages[0]
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping them gives them back to the pool"]
pub struct Lent {
    held: Held,
}

impl Lent {
    /// Lets one more task write them.
    ///
    /// # Errors
    ///
    /// As for [`Pages::grant`].
    pub fn grant(&mut self, to: TaskId) -> Result<(), PageError> {
        self.held.control(MEMC_OKWRITE, to.word())
    }

    /// Lets every task write them, also those that start later.
    ///
    /// # Errors
    ///
    /// As for [`Pages::grant_to_all`].
    pub fn grant_to_all(&mut self) -> Result<(), PageError> {
        self.held.control(MEMC_OKWRITE, ALL)
    }

    /// Takes that from one task. When this returns, no store of its lands any more.
    ///
    /// A task may name itself; then [`Lent::write_at`] is refused until it grants itself
    /// again.
    ///
    /// # Errors
    ///
    /// [`PageError::NoSuchTask`]: it is not alive, so it had lost the right already.
    pub fn revoke(&mut self, from: TaskId) -> Result<(), PageError> {
        self.held.control(MEMC_NOWRITE, from.word())
    }

    /// Takes that from everybody else. When this returns, no store of theirs lands any
    /// more: the pages are what they are.
    ///
    /// # Errors
    ///
    /// [`PageError::NoMemory`]: the machine can not give this task its own right back, which
    /// went with the others. The pages are frozen.
    pub fn reclaim(self) -> Result<Pages, Refused<Frozen>> {
        self.freeze().thaw()
    }

    /// Takes that from everybody, this task included.
    pub fn freeze(self) -> Frozen {
        freeze(self.held)
    }

    /// Makes another task their owner. Whoever may write them now, may do so then, but for
    /// a grant to everybody, which ends.
    ///
    /// # Errors
    ///
    /// As for [`Pages::give`].
    pub fn give(self, heir: TaskId) -> Result<Foreign, Refused<Self>> {
        give(self.held, heir).map_err(|(held, error)| Refused {
            pages: Self { held },
            error,
        })
    }

    /// Fills `buffer` with the bytes that begin `offset` bytes into the pages.
    ///
    /// # Errors
    ///
    /// [`PageError::BadSize`]: the range reaches out of the pages.
    pub fn read_at(&self, offset: usize, buffer: &mut [u8]) -> Result<(), PageError> {
        read_at(&self.held, offset, buffer)
    }

    /// Stores `bytes`, `offset` bytes from the beginning of the pages.
    ///
    /// # Errors
    ///
    /// As for [`Lent::read_at`]; also [`PageError::NotWritable`]: this task has revoked its
    /// own right.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<(), PageError> {
        write_at(&mut self.held, offset, bytes)
    }

    /// The number of eight bytes at `offset`, in one piece: [`Foreign::load_u64`] says what
    /// order it keeps.
    ///
    /// # Errors
    ///
    /// As for [`Lent::read_at`]; [`PageError::Misaligned`]: `offset` is no multiple of 8.
    pub fn load_u64(&self, offset: usize) -> Result<u64, PageError> {
        load_u64(&self.held, offset)
    }

    /// Stores a number of eight bytes in one piece, after all that this task stored before.
    ///
    /// # Errors
    ///
    /// As for [`Lent::load_u64`]; also [`PageError::NotWritable`]: this task has revoked its
    /// own right.
    pub fn store_u64(&mut self, offset: usize, number: u64) -> Result<(), PageError> {
        store_u64(&mut self.held, offset, number)
    }

    /// Address and size, as words of a message for [`super::Received::from_words`].
    #[must_use]
    pub fn words(&self) -> [i32; 2] {
        self.held.words()
    }

    /// How many bytes the pages have.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one page")]
    pub fn len(&self) -> usize {
        self.held.bytes()
    }
}

/// Whole pages that this task owns and nobody may write, not even itself.
///
/// So they are a slice that can be read, and does not change whoever looks. Dropped, they
/// go back to the pool.
///
/// ```compile_fail
/// # use usufruct_guest::page::Frozen;
/// fn change(pages: &mut Frozen) {
///     pages[0] = 1;
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping them gives them back to the pool"]
pub struct Frozen {
    held: Held,
}

impl Frozen {
    /// Lets this task write them again.
    ///
    /// # Errors
    ///
    /// [`PageError::NoMemory`]: the machine can not hold the right.
    pub fn thaw(self) -> Result<Pages, Refused<Self>> {
        match self.held.control(MEMC_OKWRITE, current_task().word()) {
            Ok(()) => Ok(Pages { held: self.held }),
            Err(error) => Err(Refused { pages: self, error }),
        }
    }

    /// Makes another task their owner, who may write them; this one may not.
    ///
    /// # Errors
    ///
    /// As for [`Pages::give`].
    pub fn give(self, heir: TaskId) -> Result<Foreign, Refused<Self>> {
        give(self.held, heir).map_err(|(held, error)| Refused {
            pages: Self { held },
            error,
        })
    }

    /// Address and size, as words of a message for [`super::Received::from_words`].
    #[must_use]
    pub fn words(&self) -> [i32; 2] {
        self.held.words()
    }

    /// Fences pages that this task has been given.
    pub(super) fn of_delivery(held: Held) -> Result<Self, PageError> {
        held.control(MEMC_NOWRITE, ALL)?;
        let held = held.with(End::Free);
        Ok(Self { held })
    }
}

impl Deref for Frozen {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as for `Pages`; and this task may not write them either, and does not.
        unsafe { core::slice::from_raw_parts(self.held.at().as_ptr(), self.held.bytes()) }
    }
}

fn freeze(held: Held) -> Frozen {
    let frozen = held.control(MEMC_NOWRITE, ALL);
    frozen.expect("an owner can always take the right to write its pages");
    Frozen { held }
}

fn give(held: Held, heir: TaskId) -> Result<Foreign, (Held, PageError)> {
    match held.control(MEMC_GIVE, heir.word()) {
        Ok(()) => Ok(Foreign::given(held)),
        Err(error) => Err((held, error)),
    }
}

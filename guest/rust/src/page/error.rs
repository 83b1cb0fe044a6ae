//! Why something could not be done with pages, and what to do then.

use core::fmt;

use usufruct_abi::PortfolioError;

/// Why something could not be done with pages. Nothing has changed then, unless the
/// function says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageError {
    /// This task has no pool. Its system must have one, and attach it.
    NoPool,
    /// No bytes, more than one call can name, or more than there are.
    BadSize,
    /// No pages are left, a quota is used up, or the kernel's tables are full. Give
    /// something back and try again. (NOMEM, or NULL)
    NoMemory,
    /// No live task has this id, or it has no pool. Forget the id. (BADITEM)
    NoSuchTask,
    /// These are no whole pages of the pool, or this task does not own all of them.
    /// (ER_BadPtr)
    NotOwned,
    /// This program has a value for some of these pages already. Drop it first.
    InUse,
    /// These pages may not be written. Ask their owner.
    NotWritable,
    /// A number of eight bytes begins at a multiple of eight.
    Misaligned,
    /// These are no pages of other tasks. Those that this task owns can be accepted.
    NotForeign,
}

impl PageError {
    /// What an answer of the kernel other than 0 means.
    pub(super) fn from_answer(answer: i32) -> Self {
        let known = PortfolioError::from_code(answer);
        // A number that this library does not know comes from a newer kernel. The call
        // was refused all the same; the vaguest refusal is the honest one.
        match known.unwrap_or(PortfolioError::BadPtr) {
            PortfolioError::BadItem => Self::NoSuchTask,
            PortfolioError::NoMem => Self::NoMemory,
            PortfolioError::BadPtr
            | PortfolioError::Aborted
            | PortfolioError::ParamError
            | PortfolioError::BadMemCmd => Self::NotOwned,
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPool => {
                "this task has no pages: run its system with a pool, and attach the task to it"
            }
            Self::BadSize => "the size is 0, or larger than the pages are or one call can name",
            Self::NoMemory => {
                "no pages are left for this, or a quota is used up: give some back and try again"
            }
            Self::NoSuchTask => "no task with this id is alive and has the pool: forget the id",
            Self::NotOwned => "these are not whole pages of the pool that this task owns",
            Self::InUse => "the program has a value for some of these pages: drop it first",
            Self::NotWritable => "this task may not write these pages: ask their owner for it",
            Self::Misaligned => "a number of eight bytes begins at a multiple of eight",
            Self::NotForeign => "these are no pages of another task: accept them if they are given",
        })
    }
}

impl core::error::Error for PageError {}

/// Something that could not be done with pages, and the pages as they are now.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused<T> {
    /// The pages. Dropping them gives them back to the pool.
    pub pages: T,
    /// Why.
    pub error: PageError,
}

/// Drops the pages.
impl<T> From<Refused<T>> for PageError {
    fn from(refused: Refused<T>) -> Self {
        refused.error
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Refused<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_kernel_have_their_meaning() {
        let meaning = |error: PortfolioError| PageError::from_answer(error.code());
        assert_eq!(meaning(PortfolioError::BadItem), PageError::NoSuchTask);
        assert_eq!(meaning(PortfolioError::NoMem), PageError::NoMemory);
        assert_eq!(meaning(PortfolioError::BadPtr), PageError::NotOwned);
        assert_eq!(PageError::from_answer(-1), PageError::NotOwned);
    }
}

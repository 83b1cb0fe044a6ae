//! What keeps a task from storing to pages: one of two ways, chosen at start.
//!
//! | | `mprotect` | userfaultfd write protection |
//! |---|---|---|
//! | granting a page | interrupts the task's processor if it runs | interrupts nobody |
//! | taking a page | interrupts the task's processor | the same |
//! | scattered pages | each run is a mapping, of which a process may have 65,530 | cost nothing |
//! | memory | nothing | 8 bytes for each page of the pool, in each task that may store to one |
//! | huge pages | stay whole where runs are whole | are split in every view that is stored to |
//! | needs | nothing | Linux 5.19, and that the kernel and the container let us; takes SIGBUS |
//!
//! Taking never fails. A view that can not be split is protected more than was
//! asked for, and the store that misses a page then asks core, which knows
//! better, to have it back.

mod mprotect;
mod userfault;

use std::fmt;
use std::ops::Range;
use std::process::abort;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::mm::MprotectFlags;
use usufruct_core::NoMapping;

use self::userfault::Userfault;
use super::huge::HugePages;
use super::mappings::Mappings;
use super::memory::PoolError;
use super::window::Window;

/// How pages are kept from being stored to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// By userfaultfd where the kernel gives it and the pool has no huge pages
    /// (it would split them), else by `mprotect`.
    #[default]
    Auto,
    /// By `mprotect`: everywhere, with a limit on how scattered rights can be.
    Mprotect,
    /// By userfaultfd write protection, which the kernel may refuse. The
    /// process's SIGBUS is taken for it.
    Userfault,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Mprotect => "mprotect",
            Self::Userfault => "userfaultfd",
        })
    }
}

/// The way that was chosen, with what all views share.
#[derive(Debug)]
pub(super) enum Protector {
    Mprotect(Arc<Mappings>),
    Userfault(Arc<Userfault>),
}

impl Protector {
    /// # Errors
    ///
    /// [`PoolError::Userfault`], if that was asked for and is not to be had.
    pub(super) fn new(way: Protection, huge: HugePages) -> Result<Self, PoolError> {
        let mprotect = || Self::Mprotect(Arc::new(Mappings::of_this_process()));
        match way {
            Protection::Mprotect => Ok(mprotect()),
            Protection::Auto if huge.are_there() => Ok(mprotect()),
            Protection::Auto => Ok(Userfault::open().map_or_else(|_| mprotect(), Self::userfault)),
            Protection::Userfault => Userfault::open()
                .map(Self::userfault)
                .map_err(|error| PoolError::Userfault { error }),
        }
    }

    fn userfault(userfault: Userfault) -> Self {
        Self::Userfault(Arc::new(userfault))
    }

    pub(super) fn way(&self) -> Protection {
        match self {
            Self::Mprotect(_) => Protection::Mprotect,
            Self::Userfault(_) => Protection::Userfault,
        }
    }

    /// The protection of a view that is mapped and may only be read.
    pub(super) fn shield(&self) -> Shield {
        match self {
            Self::Mprotect(mappings) => Shield::Mprotect(mprotect::Shield::new(mappings.clone())),
            Self::Userfault(userfault) => {
                Shield::Userfault(userfault::Shield::new(userfault.clone()))
            }
        }
    }
}

/// The protection of one view.
#[derive(Debug)]
pub(super) enum Shield {
    Mprotect(mprotect::Shield),
    Userfault(userfault::Shield),
}

impl Shield {
    /// Lets stores to `pages` through.
    ///
    /// # Errors
    ///
    /// The machine can not hold that. Then none of `pages` that could not be
    /// stored to before can be now; some that could may have to be restored.
    pub(super) fn allow(&mut self, window: &Window, pages: &Range<u32>) -> Result<(), NoMapping> {
        match self {
            Self::Mprotect(shield) => shield.allow(window, pages),
            Self::Userfault(shield) => shield.allow(window, pages),
        }
    }

    /// The same for a page that the task may store to by right, and that had
    /// been protected too much: others make room for it.
    ///
    /// # Errors
    ///
    /// The operating system can not hold even that.
    pub(super) fn restore(&mut self, window: &Window, pages: &Range<u32>) -> Result<(), NoMapping> {
        match self {
            Self::Mprotect(shield) => shield.restore(window, pages),
            Self::Userfault(shield) => shield.allow(window, pages),
        }
    }

    /// Stops stores to `pages`: when this returns none lands any more. More
    /// pages than these may be protected afterwards.
    pub(super) fn forbid(&mut self, window: &Window, pages: &Range<u32>) {
        match self {
            Self::Mprotect(shield) => shield.forbid(window, pages),
            Self::Userfault(shield) => shield.forbid(window, pages),
        }
    }
}

/// Changes the mapping of pages of a view.
fn change(window: &Window, pages: &Range<u32>, access: MprotectFlags) -> Result<(), Errno> {
    let (start, len_bytes) = window.span(pages);
    // SAFETY: the range lies in the view, which is mapped while its shield is
    // used. Only guests look at it, and for them core has decided.
    unsafe { rustix::mm::mprotect(start, len_bytes, access) }
}

/// Makes a whole view readable only; whether that worked.
pub(super) fn is_protected(window: &Window) -> bool {
    change(window, &window.all(), MprotectFlags::READ).is_ok()
}

/// Makes a whole view readable only. This splits no mapping, so there is
/// nothing that it could want for; and if it fails all the same, nobody may go
/// on in this process.
pub(super) fn protect_all(window: &Window) {
    if let Err(error) = change(window, &window.all(), MprotectFlags::READ) {
        eprintln!(
            "usufruct: a task's pages can not be protected ({error}); the process ends, for stores could land where they may not"
        );
        abort();
    }
}

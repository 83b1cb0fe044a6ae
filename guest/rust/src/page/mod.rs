//! Pages: memory at the same address in every task, handed over without a copy.
//!
//! Every task may read every page; only who is allowed may store there. So what a value
//! of this module lets one do follows from who else may store:
//!
//! ```text
//!   Pages     yours, and nobody else may write    &[u8], &mut [u8]
//!     | grant             ^ reclaim
//!     v                   |
//!   Lent      yours, and others may write         copies in and out
//!     | freeze            ^ thaw, then grant
//!     v                   |
//!   Frozen    yours, and nobody may write         &[u8]
//!     | give (the other two can be given as well)
//!     v
//!   Foreign   another task's                      copies out; copies in, while it lets you
//!     | let_go, or drop
//!     v
//!   gone      and at its new owner:   Received -- accept --> Pages
//! ```
//!
//! ```text
//!   owned.rs      Pages, Lent, Frozen: pages that this task owns
//!   delivery.rs   Received: pages that another task says it has given
//!   unclaimed.rs  pages that were given to this task and that nobody accepts
//!   foreign.rs    Foreign: pages of others, and those that one has given away
//!   held.rs       what they share: one value for each page, and its end
//!   registry.rs   which pages this program has values for
//!   heap.rs       small blocks in pages; arena.rs and chunks.rs keep its books
//! ```
//!
//! # One value for each page
//!
//! The kernel knows which task owns a page, and not which value in the task stands for
//! it. A hostile giver may say twice that it has given the same pages, or name pages
//! that this task had before. Two values for one page would be two `&mut [u8]` of the
//! same bytes, so this module keeps a record of the pages that the program has values
//! for, and refuses a second with [`PageError::InUse`]. A value that is forgotten
//! (`core::mem::forget`) keeps its pages in the record for good; that is all.
//!
//! # Unwanted gifts
//!
//! Anybody who owns pages can give them to this task, without asking. They count towards
//! its quota, so a hostile giver can use that up; [`discard_unclaimed`] sends back to the
//! pool what the program has no value for.
//!
//! # Example
//!
//! One program fills pages and gives them away:
//!
//! ```no_run
//! use usufruct_guest::page::{PageError, Pages};
//! use usufruct_guest::{TaskId, send};
//!
//! fn deliver(to: TaskId, bytes: &[u8]) -> Result<(), PageError> {
//!     let mut pages = Pages::alloc(bytes.len())?;
//!     pages[..bytes.len()].copy_from_slice(bytes);
//!     let [address, size] = pages.words();
//!     pages.give(to)?.let_go();
//!     let _ = send(to, 0, [address, size, 0, 0]);
//!     Ok(())
//! }
//! ```
//!
//! and the other one takes delivery, and looks at them where they lie:
//!
//! ```no_run
//! use usufruct_guest::page::{PageError, Received};
//! use usufruct_guest::Message;
//!
//! fn sum(message: &Message) -> Result<u64, PageError> {
//!     let [address, size, ..] = message.words;
//!     let pages = Received::from_words([address, size])?.accept_to_read()?;
//!     Ok(pages.iter().map(|byte| u64::from(*byte)).sum())
//! }
//! ```

mod arena;
mod chunks;
mod delivery;
mod error;
mod foreign;
mod heap;
mod held;
mod owned;
mod registry;
mod unclaimed;

pub use delivery::Received;
pub use error::{PageError, Refused};
pub use foreign::Foreign;
pub use heap::{Block, Heap, Pool, Supply};
pub use owned::{Frozen, Lent, Pages};
pub use unclaimed::discard_unclaimed;

pub use crate::raw::page::MemInfo;

use crate::raw::page as raw;

/// The size of a page, in bytes.
///
/// # Errors
///
/// [`PageError::NoPool`]: this task is attached to no pool, or to one whose pages are
/// smaller than this library can keep apart (4 KiB).
pub fn page_bytes() -> Result<usize, PageError> {
    let bytes = usize::try_from(raw::GetPageSize(0)).unwrap_or(0);
    if bytes >= registry::GRAIN_BYTES && bytes.is_power_of_two() {
        Ok(bytes)
    } else {
        Err(PageError::NoPool)
    }
}

/// How much memory the pool has left, for all tasks and for this one, in bytes. All
/// zero for a task that is attached to no pool.
#[must_use]
pub fn available() -> MemInfo {
    let mut info = MemInfo::default();
    // SAFETY: `info` is a live variable.
    unsafe { raw::AvailMem(&raw mut info, 0) };
    info
}

//! Who may store to which page, as the copies on all processors read it.
//!
//! A page's holdings are a list. Readers walk it under a pin and take no lock;
//! a record that leaves the list keeps its link, and is used again only after
//! the barrier that waits for those pins. So whoever stands on it still finds
//! the way back into the list.

use alloc::boxed::Box;

use crate::id::TaskKey;
use crate::page::holding::holdings_for;
use crate::page::pool::Pool;
use crate::span::Span;
use crate::sync::{AtomicU32, Ordering};
use crate::table::NONE;

/// What a task may do to a page that it holds; none of these: it owns it, or is
/// about to be granted something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights(u32);

impl Rights {
    pub(crate) const NONE: Self = Self(0);
    /// It may write, by its own name.
    pub(crate) const NAMED: Self = Self(1);
    /// Its mapping may let stores through. Without a name, it took that up
    /// because everybody may write.
    pub(crate) const MAPPED: Self = Self(2);
    /// It may not write, though everybody may.
    pub(crate) const REFUSED: Self = Self(4);
    const BITS: u32 = 3;

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is left of it when the grant to everybody is over.
    pub(crate) const fn by_name(self) -> Self {
        if self.has(Self::NAMED) {
            self.only(Self(Self::NAMED.0 | Self::MAPPED.0))
        } else {
            Self::NONE
        }
    }

    /// Whether it may write, by its name or because it took that up.
    pub(crate) const fn writes(self) -> bool {
        self.has(Self(Self::NAMED.0 | Self::MAPPED.0))
    }
}

/// Everybody may write who is not refused.
const EVERYBODY: u32 = 1;
/// Some took that up of whom there is no record.
const UNLISTED: u32 = 2;

#[derive(Debug)]
struct Page {
    /// The first of its holdings.
    first: AtomicU32,
    /// [`EVERYBODY`] and [`UNLISTED`], or neither.
    everybody: AtomicU32,
}

#[derive(Debug)]
struct Holder {
    /// The task's index, and its rights in the lowest bits.
    word: AtomicU32,
    /// The page's next holding.
    next: AtomicU32,
}

/// The holdings of all pages.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) pool: Pool,
    pages: Box<[Page]>,
    holders: Box<[Holder]>,
}

impl Published {
    pub(crate) fn new(pool: Pool) -> Self {
        let page = |_| Page {
            first: AtomicU32::new(NONE),
            everybody: AtomicU32::new(0),
        };
        let holder = |_| Holder {
            word: AtomicU32::new(0),
            next: AtomicU32::new(NONE),
        };
        Self {
            pool,
            pages: (0..pool.pages).map(page).collect(),
            holders: (0..holdings_for(pool)).map(holder).collect(),
        }
    }

    /// Whether `task` may store to every page of `span`, which lies in the pool.
    /// Under a pin, with a life that has been looked at; or under the control lock.
    pub(crate) fn may_store(&self, task: TaskKey, span: Span) -> bool {
        if span.len() == 0 {
            return true;
        }
        let Some(run) = self.pool.run_of(span) else {
            return false;
        };
        task.is_attached() && (run.first()..run.end()).all(|page| self.may_write(task, page))
    }

    /// Whether an attached task may write a page.
    #[inline]
    pub(crate) fn may_write(&self, task: TaskKey, page: u32) -> bool {
        match self.holding(page, task.index) {
            Some((_, rights)) if rights.has(Rights::REFUSED) => false,
            Some((_, rights)) if rights.writes() => true,
            Some(_) | None if self.is_for_everybody(page) => true,
            // Who was named before the grant to everybody ended is found by now.
            Some(_) | None => {
                let held = self.holding(page, task.index);
                held.is_some_and(|(_, rights)| rights.writes())
            }
        }
    }

    /// Whether everybody may write a page.
    #[inline]
    pub(crate) fn is_for_everybody(&self, page: u32) -> bool {
        let page = self.pages.get(page as usize);
        page.is_some_and(|page| page.everybody.load(Ordering::SeqCst) & EVERYBODY != 0)
    }

    /// Whether no grant to everybody has left anything on a page.
    #[inline]
    pub(crate) fn is_plain(&self, page: u32) -> bool {
        let page = self.pages.get(page as usize);
        page.is_none_or(|page| page.everybody.load(Ordering::Relaxed) == 0)
    }

    /// What a task holds of a page.
    #[inline]
    pub(crate) fn holding(&self, page: u32, task: u32) -> Option<(u32, Rights)> {
        self.holdings(page)
            .find(|(_, holder, _)| *holder == task)
            .map(|(holding, _, rights)| (holding, rights))
    }

    /// All holdings of a page: the record, the task and its rights.
    #[inline]
    pub(crate) fn holdings(&self, page: u32) -> impl Iterator<Item = (u32, u32, Rights)> {
        // SeqCst: these loads come after the pin, which may be one SeqCst swap
        // without a fence.
        let first = self.pages.get(page as usize);
        let mut at = first.map_or(NONE, |page| page.first.load(Ordering::SeqCst));
        core::iter::from_fn(move || {
            let holder = self.holders.get(at as usize)?;
            let word = holder.word.load(Ordering::SeqCst);
            let found = (at, word >> Rights::BITS, rights_in(word));
            at = holder.next.load(Ordering::SeqCst);
            Some(found)
        })
    }

    /// Lets everybody write. Under the control lock, as all that follow.
    pub(crate) fn set_everybody(&self, page: u32) {
        self.change_everybody(page, |word| word | EVERYBODY);
    }

    pub(crate) fn end_everybody(&self, page: u32) {
        self.change_everybody(page, |word| word & !EVERYBODY);
    }

    /// Notes that the table can not hold who has taken it up.
    pub(crate) fn take_up_unlisted(&self, page: u32) {
        self.change_everybody(page, |word| word | UNLISTED);
    }

    /// Whether some have taken it up of whom there is no record.
    pub(crate) fn has_unlisted(&self, page: u32) -> bool {
        let page = self.pages.get(page as usize);
        page.is_some_and(|page| page.everybody.load(Ordering::Relaxed) & UNLISTED != 0)
    }

    /// Notes in an empty record that its task may be one of those.
    pub(crate) fn list(&self, page: u32, holding: u32) {
        if self.has_unlisted(page) && self.rights(holding) == Rights::NONE {
            self.set_rights(holding, Rights::MAPPED);
        }
    }

    /// Whether a grant to everybody is over, and it is not known who took it up.
    pub(crate) fn is_to_be_swept(&self, page: u32) -> bool {
        let page = self.pages.get(page as usize);
        page.is_some_and(|page| page.everybody.load(Ordering::Relaxed) == UNLISTED)
    }

    pub(crate) fn forget_unlisted(&self, page: u32) {
        self.change_everybody(page, |word| word & !UNLISTED);
    }

    fn change_everybody(&self, page: u32, change: impl FnOnce(u32) -> u32) {
        if let Some(page) = self.pages.get(page as usize) {
            let word = page.everybody.load(Ordering::Relaxed);
            page.everybody.store(change(word), Ordering::Release);
        }
    }

    #[inline]
    pub(crate) fn rights(&self, holding: u32) -> Rights {
        let holder = self.holders.get(holding as usize);
        holder.map_or(Rights::NONE, |holder| {
            rights_in(holder.word.load(Ordering::Relaxed))
        })
    }

    #[inline]
    pub(crate) fn set_rights(&self, holding: u32, rights: Rights) {
        if let Some(holder) = self.holders.get(holding as usize) {
            let task = holder.word.load(Ordering::Relaxed) >> Rights::BITS;
            holder
                .word
                .store((task << Rights::BITS) | rights.0, Ordering::Release);
        }
    }

    /// Puts a record that no reader can stand on at the head of a page's list.
    #[inline]
    pub(crate) fn insert(&self, page: u32, holding: u32, task: u32, rights: Rights) {
        let (Some(page), Some(holder)) = (
            self.pages.get(page as usize),
            self.holders.get(holding as usize),
        ) else {
            return;
        };
        let word = (task << Rights::BITS) | rights.0;
        holder.word.store(word, Ordering::Relaxed);
        holder
            .next
            .store(page.first.load(Ordering::Relaxed), Ordering::Relaxed);
        page.first.store(holding, Ordering::Release);
    }

    /// Makes an empty record another task's. Readers may stand on it: they find it empty, and
    /// one's or the other's.
    pub(crate) fn hand_on(&self, holding: u32, task: u32) {
        if let Some(holder) = self.holders.get(holding as usize) {
            holder.word.store(task << Rights::BITS, Ordering::Release);
        }
    }

    /// Takes a record out of a page's list. Readers may stand on it until the
    /// next barrier.
    #[inline]
    pub(crate) fn remove(&self, page: u32, holding: u32) {
        let (Some(page), Some(removed)) = (
            self.pages.get(page as usize),
            self.holders.get(holding as usize),
        ) else {
            return;
        };
        let next = removed.next.load(Ordering::Relaxed);
        let mut link = &page.first;
        while let Some(holder) = self.holders.get(link.load(Ordering::Relaxed) as usize) {
            if core::ptr::eq(holder, removed) {
                link.store(next, Ordering::Release);
                return;
            }
            link = &holder.next;
        }
    }
}

#[inline]
fn rights_in(word: u32) -> Rights {
    Rights(word & ((1 << Rights::BITS) - 1))
}

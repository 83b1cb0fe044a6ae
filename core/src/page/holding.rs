//! One record for each (page, task): its back, which readers do not see.

use crate::error::Denied;
use crate::kernel::Kernel;
use crate::page::free::FreePages;
use crate::page::pool::{Pool, Run};
use crate::page::published::Rights;
use crate::pin::Plane;
use crate::sink::Sink;
use crate::table::{NONE, Table};
use crate::task::Task;

/// Holdings that every page is sure of: its owner's and one other, so that a
/// page can be given away whatever the rest of the table is used for.
pub(crate) const SURE_HOLDINGS: u32 = 2;

/// How many holdings a pool has: what its pages are sure of, and a quarter of a
/// page more to share. With this, the tables take less than 64 bytes a page.
pub(crate) fn holdings_for(pool: Pool) -> u32 {
    let sure = pool.pages.saturating_mul(SURE_HOLDINGS);
    sure.saturating_add(pool.pages / 4)
}

/// One page's books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageState {
    /// The owner's index; nobody's: [`NONE`].
    pub(crate) owner: u32,
    /// How many tasks hold it.
    pub(crate) holders: u32,
}

/// The back of one holding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    pub(crate) page: u32,
    /// Neighbours in the task's list; `next` also links free records and chains.
    pub(crate) next: u32,
    pub(crate) previous: u32,
}

/// Everything about pages that only the control plane knows.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) states: Table<PageState>,
    /// Set for pages in the middle of a change: others wait their turn.
    pub(crate) changing: Table<bool>,
    /// Set for pages that no call makes writable, or another's.
    pub(crate) frozen: Table<bool>,
    pub(crate) holdings: Table<Holding>,
    pub(crate) free: FreePages,
    first_free: u32,
    pub(crate) free_holdings: u32,
    /// Records that readers may still stand on: free after a barrier under way.
    chained: u32,
    /// Records that pages are sure of and do not use now.
    pub(crate) unheld: u32,
    /// Free pages that tasks are promised and have not taken.
    pub(crate) reserved: u32,
}

/// Records that have left their lists and wait for a barrier. Not `Clone`: they
/// are put back once.
#[derive(Debug)]
pub(crate) struct Chain {
    first: u32,
    last: u32,
    len: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
            len: 0,
        }
    }
}

impl Chain {
    /// The chain that this record has been let go into, and no other.
    pub(crate) fn of_one(holding: u32) -> Self {
        Self {
            first: holding,
            last: holding,
            len: 1,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Why there is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHolding {
    /// All that is left is promised to other pages.
    Full,
    /// One comes back when a barrier that is under way has passed.
    Soon,
}

impl Books {
    pub(crate) fn new(pool: Pool) -> Self {
        let holdings = holdings_for(pool);
        let after = |number: u32| match number.saturating_add(1) {
            next if next < holdings => next,
            _ => NONE,
        };
        Self {
            states: Table::new(pool.pages, |_| PageState {
                owner: NONE,
                holders: 0,
            }),
            changing: Table::new(pool.pages, |_| false),
            frozen: Table::new(pool.pages, |_| false),
            holdings: Table::new(holdings, |number| Holding {
                page: NONE,
                next: after(number),
                previous: NONE,
            }),
            free: FreePages::new(pool.pages),
            first_free: if holdings == 0 { NONE } else { 0 },
            free_holdings: holdings,
            chained: 0,
            unheld: pool.pages.saturating_mul(SURE_HOLDINGS),
            reserved: 0,
        }
    }

    /// How many records there are.
    pub(crate) fn count(&self) -> u32 {
        self.holdings.len()
    }

    /// Records in no list: free, or free after a barrier that is under way.
    pub(crate) fn spare_holdings(&self) -> u32 {
        self.free_holdings.saturating_add(self.chained)
    }

    #[inline]
    fn take(&mut self, page: u32) -> Result<u32, NoHolding> {
        let is_sure = self.states.at(page).holders < SURE_HOLDINGS;
        let has_room = |free: u32, unheld: u32| if is_sure { free > 0 } else { free > unheld };
        if !has_room(self.free_holdings, self.unheld) {
            return Err(if has_room(self.spare_holdings(), self.unheld) {
                NoHolding::Soon
            } else {
                NoHolding::Full
            });
        }
        let number = self.first_free;
        self.first_free = self.holdings.at(number).next;
        self.free_holdings = self.free_holdings.saturating_sub(1);
        if is_sure {
            self.unheld = self.unheld.saturating_sub(1);
        }
        let state = self.states.at_mut(page);
        state.holders = state.holders.saturating_add(1);
        Ok(number)
    }

    /// The barrier has passed that a chain of records waited for.
    pub(crate) fn put_back(&mut self, chain: Chain) {
        if chain.is_empty() {
            return;
        }
        self.holdings.at_mut(chain.last).next = self.first_free;
        self.first_free = chain.first;
        self.free_holdings = self.free_holdings.saturating_add(chain.len);
        self.chained = self.chained.saturating_sub(chain.len);
    }

    /// Marks a page as changing, or clears the mark.
    #[inline]
    pub(crate) fn set_changing(&mut self, page: u32, changing: bool) {
        *self.changing.at_mut(page) = changing;
    }

    #[inline]
    pub(crate) fn is_changing(&self, page: u32) -> bool {
        *self.changing.at(page)
    }
}

impl<S: Sink> Kernel<S> {
    /// The record of what a task holds of a page; one with no rights if there is none:
    /// what somebody left there who lost its own, or a new one.
    #[inline]
    pub(crate) fn hold(&mut self, page: u32, task: u32) -> Result<u32, NoHolding> {
        if let Some((holding, _)) = self.plane.pages.holding(page, task) {
            return Ok(holding);
        }
        if let Some((holding, before)) = self.left_behind(page) {
            self.unlink_holding(holding, before);
            self.link_holding(holding, (page, task));
            self.plane.pages.hand_on(holding, task);
            return Ok(holding);
        }
        let holding = self.pages.take(page)?;
        self.link_holding(holding, (page, task));
        self.plane.pages.insert(page, holding, task, Rights::NONE);
        Ok(holding)
    }

    /// An empty record that somebody has left on a page, and who.
    fn left_behind(&self, page: u32) -> Option<(u32, u32)> {
        let state = self.pages.states.at(page);
        if state.holders != SURE_HOLDINGS {
            return None;
        }
        let is_empty = |(_, task, rights): &(u32, u32, Rights)| {
            *rights == Rights::NONE && *task != state.owner
        };
        let (holding, task, _) = self.plane.pages.holdings(page).find(is_empty)?;
        Some((holding, task))
    }

    /// Empties the record of a task that is to hold a page no longer. It stays, for this
    /// task or the next, if the page is sure of it anyway, for who is let write once is
    /// mostly let write again; else it goes, and is free after the barrier. Whether it goes.
    #[inline(always)]
    pub(crate) fn leave(&mut self, page: u32, holding: u32, task: u32) -> bool {
        self.plane.pages.set_rights(holding, Rights::NONE);
        let goes = self.pages.states.at(page).holders > SURE_HOLDINGS;
        if goes {
            self.let_go(holding, task, &mut Chain::default());
        }
        goes
    }

    /// Puts a record into its task's list.
    fn link_holding(&mut self, holding: u32, (page, task): (u32, u32)) {
        let next = core::mem::replace(&mut self.tasks.at_mut(task).first_holding, holding);
        if next != NONE {
            self.pages.holdings.at_mut(next).previous = holding;
        }
        *self.pages.holdings.at_mut(holding) = Holding {
            page,
            next,
            previous: NONE,
        };
    }

    /// Takes a record out of its task's list: the page.
    fn unlink_holding(&mut self, holding: u32, task: u32) -> u32 {
        let Holding {
            page,
            next,
            previous,
        } = *self.pages.holdings.at(holding);
        if next != NONE {
            self.pages.holdings.at_mut(next).previous = previous;
        }
        if previous == NONE {
            self.tasks.at_mut(task).first_holding = next;
        } else {
            self.pages.holdings.at_mut(previous).next = next;
        }
        page
    }

    /// Takes a record out of both its lists, into a chain that waits for a barrier.
    pub(crate) fn let_go(&mut self, holding: u32, task: u32, chain: &mut Chain) {
        let page = self.unlink_holding(holding, task);
        self.plane.pages.remove(page, holding);
        let state = self.pages.states.at_mut(page);
        state.holders = state.holders.saturating_sub(1);
        if state.holders < SURE_HOLDINGS {
            self.pages.unheld = self.pages.unheld.saturating_add(1);
        }
        self.pages.holdings.at_mut(holding).next = chain.first;
        if chain.is_empty() {
            chain.last = holding;
        }
        chain.first = holding;
        chain.len = chain.len.saturating_add(1);
        self.pages.chained = self.pages.chained.saturating_add(1);
    }

    /// Ends what a page's holdings say and nothing stands behind any more: what
    /// was taken up from a grant to everybody that is over, and empty records.
    pub(crate) fn tidy(&mut self, plane: &Plane, page: u32, chain: &mut Chain) {
        let owner = self.pages.states.at(page).owner;
        let is_for_everybody = plane.pages.is_for_everybody(page);
        for (holding, task, rights) in plane.pages.holdings(page) {
            let left = if is_for_everybody {
                rights
            } else {
                rights.by_name()
            };
            plane.pages.set_rights(holding, left);
            if left == Rights::NONE && task != owner {
                self.let_go(holding, task, chain);
            }
        }
    }

    /// Pages that a task is promised and does not own now.
    pub(crate) fn unmet_reserve(&self, task: u32) -> u32 {
        let task = self.tasks.at(task);
        let reserve = task.quota.pool.map_or(0, |pool| pool.reserve);
        reserve.saturating_sub(task.pages_owned)
    }

    /// Moves the charge for pages from one task to another (nobody: [`NONE`]), or
    /// says why not, with nothing changed.
    pub(crate) fn charge(&mut self, from: u32, to: u32, pages: u32) -> Result<(), Denied> {
        if to != NONE {
            let task = self.tasks.at(to);
            let quota = task.quota.pool.map_or(0, |pool| pool.pages);
            if pages > quota.saturating_sub(task.pages_owned) {
                return Err(Denied::PageQuotaUsedUp);
            }
        }
        self.move_charge(from, to, pages);
        // What comes from nobody comes from the free pages.
        let taken = if from == NONE { pages } else { 0 };
        if self.pages.free.count().saturating_sub(taken) < self.pages.reserved {
            self.move_charge(to, from, pages);
            return Err(Denied::PagesReserved);
        }
        Ok(())
    }

    /// The same, whatever quotas and promises say.
    pub(crate) fn move_charge(&mut self, from: u32, to: u32, pages: u32) {
        self.recount(from, |task| {
            task.pages_owned = task.pages_owned.saturating_sub(pages);
        });
        self.recount(to, |task| {
            task.pages_owned = task.pages_owned.saturating_add(pages);
        });
    }

    /// Changes a task's counts of pages, and with them what is still promised to
    /// it. Nobody ([`NONE`]) has none.
    fn recount(&mut self, task: u32, change: impl Fn(&mut Task)) {
        if task == NONE {
            return;
        }
        let unmet = self.unmet_reserve(task);
        change(self.tasks.at_mut(task));
        let reserved = self.pages.reserved.saturating_sub(unmet);
        self.pages.reserved = reserved.saturating_add(self.unmet_reserve(task));
    }

    /// A page, and those around it that are such pages and nobody is changing,
    /// `most` at most.
    pub(crate) fn run_around(&self, page: u32, most: u32, is_such: impl Fn(u32) -> bool) -> Run {
        let joins = |page: u32| {
            let changing = self.pages.changing.get(page);
            changing.is_some_and(|changing| !changing) && is_such(page)
        };
        let (mut first, mut end) = (page, page.saturating_add(1));
        while end.saturating_sub(first) < most && first > 0 && joins(first.saturating_sub(1)) {
            first = first.saturating_sub(1);
        }
        while end.saturating_sub(first) < most && joins(end) {
            end = end.saturating_add(1);
        }
        Run::between(first, end).unwrap_or(Run::one(page))
    }
}

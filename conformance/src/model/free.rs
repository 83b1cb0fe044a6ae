//! Free pages: who gets how many of them.

use super::{Model, Page, Place, Stretch};
use crate::index;
use crate::rig::PageQuota;
use std::ops::Range;
use usufruct_abi::MEMTYPE_FILL;

impl Model {
    /// Who is charged for a page. What is being freed may count as free already or not, as may
    /// the pages of a task whose end is not through.
    fn charged(&self, page: usize, counts_ending: bool) -> Option<i32> {
        let freed_by = self.changing.get(&page).and_then(|(_, charged)| *charged);
        let owner = self.pool.pages[page].owner;
        let charged = owner.or(freed_by.filter(|_| counts_ending));
        charged.filter(|task| counts_ending || self.is_alive(*task))
    }

    fn is_free(&self, page: usize, counts_ending: bool) -> bool {
        self.charged(page, counts_ending).is_none()
    }

    fn owned_pages(&self, task: i32, counts_ending: bool) -> usize {
        let pages = 0..self.pool.pages.len();
        pages
            .filter(|page| self.charged(*page, counts_ending) == Some(task))
            .count()
    }

    /// Whether nobody is changing these pages or may be clearing them away, so that everything
    /// about them is certain.
    #[must_use]
    pub fn is_settled(&self, pages: Range<usize>) -> bool {
        pages.into_iter().all(|page| {
            let owner = self.pool.pages[page].owner;
            !self.changing.contains_key(&page) && owner.is_none_or(|owner| self.is_alive(owner))
        })
    }

    /// The same of all pages.
    #[must_use]
    pub fn is_pool_settled(&self) -> bool {
        self.is_settled(0..self.pool.pages.len())
    }

    /// Whether it is certain, too, how many pages are promised: no end is on its way.
    #[must_use]
    pub fn is_pool_certain(&self) -> bool {
        self.is_pool_settled() && !self.tasks.values().any(|task| task.is_ending)
    }

    /// Whether a word is one that AllocMemBlocks may answer while not all is settled.
    #[must_use]
    pub fn may_be_block(&self, pages: usize, word: i32) -> bool {
        let Some(offset) = word.cast_unsigned().checked_sub(self.pool.start) else {
            return word == 0;
        };
        let first = index(offset) / self.pool.page_bytes;
        first + pages <= self.pool.pages.len()
            && (first..first + pages).all(|page| self.is_free(page, false))
    }

    /// Whether a task may own so many pages more.
    fn may_own(&self, task: i32, pages: usize, counts_ending: bool) -> bool {
        let quota = self.tasks.get(&task).and_then(|task| task.pages);
        let quota = quota.map_or(0, |quota| index(quota.pages));
        task == self.host || self.owned_pages(task, counts_ending) + pages <= quota
    }

    /// Whether so many pages may go from one task to another: the second may own them, and what
    /// the first is promised again is free.
    pub(super) fn may_move(
        &self,
        (from, to): (i32, i32),
        pages: usize,
        counts_ending: bool,
    ) -> bool {
        let unmet = |task: i32, owned: usize| {
            let quota = self.tasks.get(&task).and_then(|task| task.pages);
            quota.map_or(0, |quota| index(quota.reserve).saturating_sub(owned))
        };
        let both = |id: &i32| *id == from || *id == to;
        let others = self.promised(|id| !both(id), counts_ending);
        let promised = others
            + unmet(from, self.owned_pages(from, counts_ending) - pages)
            + unmet(to, self.owned_pages(to, counts_ending) + pages);
        self.may_own(to, pages, counts_ending) && promised <= self.free_pages(counts_ending)
    }

    /// Pages that these tasks are sure of and do not own. An end takes that back when it begins.
    fn promised(&self, whose: impl Fn(&i32) -> bool, counts_ending: bool) -> usize {
        let counts = |id: &i32| whose(id) && (counts_ending || self.is_alive(*id));
        let tasks = self.tasks.iter().filter(|(id, _)| counts(id));
        tasks
            .filter_map(|(id, task)| {
                let reserve = index(task.pages?.reserve);
                Some(reserve.saturating_sub(self.owned_pages(*id, counts_ending)))
            })
            .sum()
    }

    fn free_pages(&self, counts_ending: bool) -> usize {
        (0..self.pool.pages.len())
            .filter(|page| self.is_free(*page, counts_ending))
            .count()
    }

    /// Whether a task with this quota can start, as far as pages are concerned.
    pub(super) fn may_promise(&self, quota: PageQuota, counts_ending: bool) -> bool {
        let promised = self.promised(|_| true, counts_ending);
        promised + index(quota.reserve) <= self.free_pages(counts_ending)
    }

    /// Pages that a task could still get, wherever they are.
    fn available_pages(&self, task: i32, counts_ending: bool) -> usize {
        let promised = self.promised(|id| *id != task, counts_ending);
        let most = self.free_pages(counts_ending).saturating_sub(promised);
        (0..=most)
            .rev()
            .find(|pages| self.may_own(task, *pages, counts_ending))
            .unwrap_or(0)
    }

    /// The longest run of free pages, the first of them.
    fn longest_run(&self) -> usize {
        let mut longest = 0;
        while self.first_run(longest + 1, true).is_some() {
            longest += 1;
        }
        longest
    }

    /// The first run of so many free pages.
    fn first_run(&self, pages: usize, counts_ending: bool) -> Option<Range<usize>> {
        let all = self.pool.pages.len();
        let runs = (0..all).map(|first| first..first + pages);
        runs.take_while(|run| run.end <= all)
            .find(|run| run.clone().all(|page| self.is_free(page, counts_ending)))
    }

    /// Attached, size, flags, quota and reserves, room.
    pub(super) fn may_alloc(
        &self,
        caller: i32,
        size: i32,
        flags: i32,
        counts_ending: bool,
    ) -> Option<Range<usize>> {
        let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
        let is_fill = flags.cast_unsigned() & !0xff == MEMTYPE_FILL;
        if !self.is_attached(caller) || flags != 0 && !is_fill {
            return None;
        }
        let pages = size.div_ceil(self.pool.page_bytes);
        if pages > self.available_pages(caller, counts_ending) {
            return None;
        }
        self.first_run(pages, counts_ending)
    }

    /// The address of a page, as a call's result.
    pub(super) fn address_word(&self, page: usize) -> i32 {
        let offset = u32::try_from(page * self.pool.page_bytes).expect("a small pool");
        (self.pool.start + offset).cast_signed()
    }

    pub(super) fn alloc(&mut self, caller: i32, size: i32, flags: i32, word: i32) {
        let offset = index(word.cast_unsigned() - self.pool.start);
        let first = offset / self.pool.page_bytes;
        let pages = first..first + index(size).div_ceil(self.pool.page_bytes);
        for page in pages.clone() {
            self.changing.remove(&page);
            self.pool.pages[page] = Page {
                owner: Some(caller),
                writers: [caller].into(),
                ..Page::default()
            };
        }
        let offsets = self.pool.offsets(&pages);
        let bytes = &mut self.pool.bytes[offsets];
        if flags == 0 {
            let given = u32::try_from(bytes.len()).expect("a small pool");
            bytes.fill(0);
            bytes[..4].copy_from_slice(&given.to_le_bytes());
        } else {
            bytes.fill(flags.to_le_bytes()[0]);
        }
    }

    /// Four numbers for the caller, where it may store them.
    pub(super) fn avail(&mut self, caller: i32, at: Place, flags: i32) {
        if flags != 0 || !self.is_attached(caller) {
            return;
        }
        let Some(stretch) = self.room(caller, at, 16) else {
            return;
        };
        let available = self.available_pages(caller, true);
        let longest = self.longest_run();
        let pages = [
            self.free_pages(true),
            longest,
            available,
            available.min(longest),
        ];
        let bytes = pages.map(|pages| {
            let bytes = u32::try_from(pages * self.pool.page_bytes);
            bytes.expect("a small pool").to_le_bytes()
        });
        self.store(caller, &stretch, bytes.as_flattened());
    }

    /// All of the pool.
    #[must_use]
    pub fn whole_pool(&self) -> Stretch {
        Stretch {
            in_pool: true,
            range: 0..self.pool.bytes.len(),
        }
    }
}

//! Free pages: who gets how many of them.

use super::{Model, Page, Place, Stretch};
use crate::index;
use crate::rig::PageQuota;
use std::ops::Range;
use usufruct_abi::MEMTYPE_FILL;

impl Model {
    fn is_free(&self, page: usize) -> bool {
        self.pool.pages[page].owner.is_none()
    }

    fn owned_pages(&self, task: i32) -> usize {
        let owns = |page: &&Page| page.owner == Some(task);
        self.pool.pages.iter().filter(owns).count()
    }

    /// Whether a task may own so many pages more.
    pub(super) fn may_own(&self, task: i32, pages: usize) -> bool {
        let quota = self.tasks.get(&task).and_then(|task| task.pages);
        let quota = quota.map_or(0, |quota| index(quota.pages));
        self.owned_pages(task) + pages <= quota
    }

    /// Pages that tasks but this one are sure of and do not own.
    fn promised_to_others(&self, task: Option<i32>, counts_ending: bool) -> usize {
        let counts = |id: &i32| Some(*id) != task && (counts_ending || self.is_alive(*id));
        let tasks = self.tasks.iter().filter(|(id, _)| counts(id));
        tasks
            .filter_map(|(id, task)| {
                let reserve = index(task.pages?.reserve);
                Some(reserve.saturating_sub(self.owned_pages(*id)))
            })
            .sum()
    }

    fn free_pages(&self) -> usize {
        (0..self.pool.pages.len())
            .filter(|page| self.is_free(*page))
            .count()
    }

    /// Whether a task with this quota can start, as far as pages are concerned.
    pub(super) fn may_promise(&self, quota: PageQuota, counts_ending: bool) -> bool {
        let promised = self.promised_to_others(None, counts_ending);
        promised + index(quota.reserve) <= self.free_pages()
    }

    /// Pages that a task could still get, wherever they are.
    fn available_pages(&self, task: i32, counts_ending: bool) -> usize {
        let promised = self.promised_to_others(Some(task), counts_ending);
        let most = self.free_pages().saturating_sub(promised);
        (0..=most)
            .rev()
            .find(|pages| self.may_own(task, *pages))
            .unwrap_or(0)
    }

    /// The longest run of free pages, the first of them.
    fn longest_run(&self) -> usize {
        let mut longest = 0;
        while self.first_run(longest + 1).is_some() {
            longest += 1;
        }
        longest
    }

    /// The first run of so many free pages.
    fn first_run(&self, pages: usize) -> Option<Range<usize>> {
        let all = self.pool.pages.len();
        let runs = (0..all).map(|first| first..first + pages);
        runs.take_while(|run| run.end <= all)
            .find(|run| run.clone().all(|page| self.is_free(page)))
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
        self.first_run(pages)
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
            self.free_pages(),
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

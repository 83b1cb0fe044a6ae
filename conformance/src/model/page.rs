//! Owners and writers of pages.

use super::{Expected, Model, PageCall, Place, Question, Stretch};
use crate::index;
use std::collections::BTreeSet;
use std::ops::Range;
use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, PortfolioError};

/// The control status of a page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Nobody: it is free.
    pub owner: Option<i32>,
    /// Who may write by name.
    pub writers: BTreeSet<i32>,
    /// Everybody may write who is not refused.
    pub everybody: bool,
    /// Who may not, though everybody may.
    pub refused: BTreeSet<i32>,
    /// Who has made use of everybody's right by a store of its own, and has a record for it.
    pub taken: BTreeSet<i32>,
    /// Somebody has without a record, for there was none left: nobody gets one for that any more.
    pub has_unlisted: bool,
}

/// The pool.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// The address of its first byte.
    pub start: u32,
    /// The size of a page, in bytes.
    pub page_bytes: usize,
    /// Its pages.
    pub pages: Vec<Page>,
    /// Their bytes.
    pub bytes: Vec<u8>,
}

impl Pool {
    /// So many pages, all free.
    #[must_use]
    pub fn new(crate::Pool { start, page_bytes }: crate::Pool, pages: u32) -> Self {
        let (page_bytes, pages) = (index(page_bytes), index(pages));
        Self {
            start,
            page_bytes,
            pages: vec![Page::default(); pages],
            bytes: vec![0; page_bytes * pages],
        }
    }

    /// The pages that a range of offsets touches.
    #[must_use]
    pub fn pages_of(&self, range: &Range<usize>) -> Range<usize> {
        let page_bytes = self.page_bytes.max(1);
        if range.is_empty() {
            0..0
        } else {
            range.start / page_bytes..(range.end - 1) / page_bytes + 1
        }
    }

    /// The offsets of some pages.
    pub(super) fn offsets(&self, pages: &Range<usize>) -> Range<usize> {
        pages.start * self.page_bytes..pages.end * self.page_bytes
    }
}

impl Page {
    /// Tasks that the kernel must remember for this page.
    fn holders(&self) -> BTreeSet<i32> {
        let named = self.writers.iter().chain(&self.refused).chain(&self.taken);
        named.copied().chain(self.owner).collect()
    }

    /// Whether a task that takes up everybody's right needs a new record.
    fn needs_record(&self, task: i32) -> bool {
        !self.has_unlisted && !self.holders().contains(&task)
    }
}

impl Model {
    /// Whether a living task is attached to the pool; the host is, where there is one.
    #[must_use]
    pub fn is_attached(&self, task: i32) -> bool {
        let found = self.tasks.get(&task);
        let is_host = task == self.host && !self.pool.pages.is_empty();
        is_host || found.is_some_and(|task| task.pages.is_some())
    }

    /// Whether a task may write a page.
    #[must_use]
    pub fn may_write(&self, task: i32, page: usize) -> bool {
        let status = &self.pool.pages[page];
        let by_all = status.everybody && !status.refused.contains(&task);
        self.is_attached(task) && (status.writers.contains(&task) || by_all)
    }

    /// What a call of section 3 may answer.
    pub(super) fn expect_page(
        &self,
        caller: i32,
        call: &PageCall,
        counts_ending: bool,
    ) -> Expected {
        match *call {
            PageCall::Alloc { size, .. } if !self.is_pool_certain() => {
                let size = usize::try_from(size).unwrap_or(0);
                Expected::AnyBlock(size.div_ceil(self.pool.page_bytes))
            }
            _ => Expected::Word(self.page_word(caller, call, counts_ending)),
        }
    }

    /// A call that changes these pages waits in a step; `word` is what it will answer.
    pub fn begin_change(&mut self, caller: i32, call: &PageCall, word: i32) {
        let (pages, charged) = match *call {
            PageCall::Control {
                at,
                size,
                cmd,
                task,
            } => {
                let is_freed = cmd == MEMC_GIVE && task == 0;
                let pages = self.control_pages(caller, (at, size));
                (pages, is_freed.then_some(caller))
            }
            PageCall::Alloc { size, .. } if word != 0 => {
                let first = index(word.cast_unsigned() - self.pool.start) / self.pool.page_bytes;
                let pages = index(size).div_ceil(self.pool.page_bytes);
                (Some(first..first + pages), None)
            }
            _ => (None, None),
        };
        for page in pages.into_iter().flatten() {
            self.changing.insert(page, (caller, charged));
        }
    }

    /// The call of this caller that waited has its answer.
    pub fn end_change(&mut self, caller: i32) {
        self.changing.retain(|_, (changer, _)| *changer != caller);
    }

    /// What a call of section 3 answers.
    fn page_word(&self, caller: i32, call: &PageCall, counts_ending: bool) -> i32 {
        match *call {
            PageCall::Control {
                at,
                size,
                cmd,
                task,
            } => match self.may_control(caller, (at, size), (cmd, task), counts_ending) {
                Ok(_) => 0,
                Err(error) => error.code(),
            },
            PageCall::Alloc { size, flags } => self
                .may_alloc(caller, size, flags, counts_ending)
                .map_or(0, |pages| self.address_word(pages.start)),
            PageCall::PageSize { flags } if flags == 0 && self.is_attached(caller) => {
                super::small(self.pool.page_bytes)
            }
            PageCall::Ask { question, at, size } => {
                i32::from(self.is_memory(caller, question, (at, size)))
            }
            PageCall::PageSize { .. } | PageCall::Avail { .. } => 0,
        }
    }

    /// Does what such a call does that was answered so.
    pub(super) fn apply_page(&mut self, caller: i32, call: &PageCall, word: i32) {
        match *call {
            PageCall::Control {
                at,
                size,
                cmd,
                task,
            } if word == 0 => {
                let pages = self.control_pages(caller, (at, size)).unwrap_or(0..0);
                if cmd == MEMC_NOWRITE && task != 0 {
                    self.forbid(pages, task, task == caller);
                } else {
                    pages.for_each(|page| self.control(caller, page, cmd, task));
                }
            }
            PageCall::Alloc { size, flags } if word != 0 => self.alloc(caller, size, flags, word),
            PageCall::Avail { at, flags } => self.avail(caller, at, flags),
            PageCall::Control { .. }
            | PageCall::Alloc { .. }
            | PageCall::PageSize { .. }
            | PageCall::Ask { .. } => {}
        }
    }

    fn control_pages(&self, caller: i32, (at, size): (Place, i32)) -> Option<Range<usize>> {
        let size = usize::try_from(size).ok()?;
        let stretch = self.span(caller, at, size)?;
        stretch.in_pool.then(|| self.pool.pages_of(&stretch.range))
    }

    /// Attached, command, task, size, range, owner, quota, table: the pages.
    fn may_control(
        &self,
        caller: i32,
        range: (Place, i32),
        (cmd, task): (i32, i32),
        counts_ending: bool,
    ) -> Result<Range<usize>, PortfolioError> {
        if !self.is_attached(caller) {
            return Err(PortfolioError::BadPtr);
        }
        if ![MEMC_NOWRITE, MEMC_OKWRITE, MEMC_GIVE].contains(&cmd) {
            return Err(PortfolioError::BadMemCmd);
        }
        if task != 0 && !(self.is_alive(task) && self.is_attached(task)) {
            return Err(PortfolioError::BadItem);
        }
        if range.1 <= 0 {
            return Ok(0..0);
        }
        let pages = self
            .control_pages(caller, range)
            .ok_or(PortfolioError::BadPtr)?;
        let owned = |page: usize| self.pool.pages[page].owner == Some(caller);
        let relinquishes = cmd == MEMC_NOWRITE && task == caller;
        if !relinquishes && !pages.clone().all(owned) {
            return Err(PortfolioError::BadPtr);
        }
        let changes_hands = cmd == MEMC_GIVE && task != 0 && task != caller;
        if changes_hands && !self.may_move((caller, task), pages.len(), counts_ending) {
            return Err(PortfolioError::NoMem);
        }
        if cmd != MEMC_NOWRITE && task != 0 && !self.can_hold(task, &pages, counts_ending) {
            return Err(PortfolioError::NoMem);
        }
        Ok(pages)
    }

    /// Whether the table has a record of this task for each of these pages, or room for it: two
    /// records are sure for each page, and a quarter as many as there are pages is for whoever
    /// comes first.
    fn can_hold(&self, task: i32, pages: &Range<usize>, counts_ending: bool) -> bool {
        let mut beyond = 0;
        for (number, page) in self.pool.pages.iter().enumerate() {
            let mut holders = page.holders();
            if !counts_ending {
                // With its owner all holders of a page go.
                let stays = page.owner.is_none_or(|owner| self.is_alive(owner));
                holders.retain(|holder| stays && self.is_alive(*holder));
            }
            if pages.contains(&number) {
                holders.insert(task);
            }
            beyond += holders.len().saturating_sub(SURE_HOLDERS);
        }
        beyond <= self.pool.pages.len() / 4
    }

    /// Takes a task's write to these pages. Who gives up its own does it stretch by stretch, each
    /// as by a call of its own.
    fn forbid(&mut self, pages: Range<usize>, task: i32, is_own: bool) {
        if !is_own {
            return self.forbid_stretch(pages, task);
        }
        for stretch in self.stretches(pages, task) {
            self.forbid_stretch(stretch, task);
        }
    }

    /// The stretches of pages where a task has a right to give up, or a refusal to ask for.
    fn stretches(&self, pages: Range<usize>, task: i32) -> Vec<Range<usize>> {
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for number in pages {
            let page = &self.pool.pages[number];
            if !page.everybody && !page.holders().contains(&task) {
                continue;
            }
            match stretches.last_mut() {
                Some(last) if last.end == number => last.end += 1,
                _ => stretches.push(number..number + 1),
            }
        }
        stretches
    }

    /// Whether others find all pages of a call changed or none, while it waits in a step.
    #[must_use]
    pub fn is_one_change(&self, caller: i32, call: &PageCall) -> bool {
        let PageCall::Control {
            at,
            size,
            cmd: MEMC_NOWRITE,
            task,
        } = *call
        else {
            return true;
        };
        let pages = self.control_pages(caller, (at, size)).unwrap_or(0..0);
        let reach = |stretches: &[Range<usize>]| match stretches {
            [] => true,
            [one] => one.end == pages.end,
            _ => false,
        };
        task != caller || reach(&self.stretches(pages.clone(), task))
    }

    /// Where everybody may write, that is a refusal, which needs a record. Records that the call
    /// lets go come too late for it.
    fn forbid_stretch(&mut self, pages: Range<usize>, task: i32) {
        for number in pages.clone() {
            let fits = self.can_hold(task, &(number..number + 1), true);
            let page = &mut self.pool.pages[number];
            if page.everybody && fits {
                page.refused.insert(task);
            }
        }
        for page in &mut self.pool.pages[pages] {
            page.writers.remove(&task);
            page.taken.remove(&task);
            if !page.refused.contains(&task) {
                page.end_everybody();
            }
        }
    }

    fn control(&mut self, caller: i32, number: usize, cmd: i32, task: i32) {
        let page = &mut self.pool.pages[number];
        match (cmd, task) {
            (MEMC_NOWRITE, _) => {
                *page = Page {
                    owner: page.owner,
                    ..Page::default()
                };
            }
            (MEMC_OKWRITE, 0) => {
                page.everybody = true;
                page.refused.clear();
            }
            (MEMC_OKWRITE, task) => page.grant(task),
            (MEMC_GIVE, 0) => self.release(number),
            (_, task) => {
                if task != caller {
                    page.end_everybody();
                }
                page.owner = Some(task);
                page.grant(task);
            }
        }
    }

    pub(super) fn release(&mut self, number: usize) {
        self.pool.pages[number] = Page::default();
        let offsets = self.pool.offsets(&(number..number + 1));
        self.pool.bytes[offsets].fill(0);
    }

    /// A task stores there itself, and may: where everybody may, it takes that up.
    pub fn take_up(&mut self, task: i32, stretch: &Stretch) {
        for number in self.pool.pages_of(&stretch.range) {
            let page = &self.pool.pages[number];
            let is_listed = if page.needs_record(task) {
                self.can_hold(task, &(number..number + 1), true)
            } else {
                page.holders().contains(&task)
            };
            let page = &mut self.pool.pages[number];
            if page.writers.contains(&task) {
                continue;
            }
            if is_listed {
                page.taken.insert(task);
            } else {
                page.has_unlisted = true;
            }
        }
    }

    /// Whether a store to these pages, as far as it may land, asks for records.
    #[must_use]
    pub fn asks_for_records(&self, task: i32, mut pages: Range<usize>) -> bool {
        let needs_record = |page: usize| self.pool.pages[page].needs_record(task);
        pages.any(|page| self.may_write(task, page) && needs_record(page))
    }

    /// Pages at the end of a task: its own are free, its rights to others' are gone.
    pub(super) fn end_pages(&mut self, task: i32) {
        for number in 0..self.pool.pages.len() {
            let page = &mut self.pool.pages[number];
            page.writers.remove(&task);
            page.refused.remove(&task);
            page.taken.remove(&task);
            if page.owner == Some(task) {
                self.release(number);
            }
        }
    }

    /// Private memory is its task's; of pages, all must qualify.
    fn is_memory(&self, caller: i32, question: Question, (at, size): (Place, i32)) -> bool {
        let Some(size) = usize::try_from(size)
            .ok()
            .filter(|_| self.is_attached(caller))
        else {
            return false;
        };
        if size == 0 {
            return question == Question::Readable;
        }
        let Some(stretch) = self.span(caller, at, size) else {
            return false;
        };
        let mut pages = self.pool.pages_of(&stretch.range);
        !stretch.in_pool
            || match question {
                Question::Readable => true,
                Question::Writable => pages.all(|page| self.may_write(caller, page)),
                Question::Owned => pages.all(|page| self.pool.pages[page].owner == Some(caller)),
            }
    }
}

/// Tasks that each page has room for, whatever happens elsewhere.
const SURE_HOLDERS: usize = 2;

impl Page {
    fn grant(&mut self, task: i32) {
        self.writers.insert(task);
        self.refused.remove(&task);
        self.taken.remove(&task);
    }

    fn end_everybody(&mut self) {
        self.everybody = false;
        self.refused.clear();
        self.taken.clear();
        self.has_unlisted = false;
    }
}

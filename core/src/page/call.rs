//! The calls of the second document: what their words mean, and their first checks.

use crate::border::{Change, Delivery, Progress, Work};
use crate::door::span_of;
use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::{Kernel, Request};
use crate::page::change::{Kind, PageChange};
use crate::sink::Sink;
use crate::span::Span;
use crate::table::NONE;
use crate::thread::Thread;
use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, MEMTYPE_FILL, MSG_BYTES};

/// What IsMem* asks about a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `IsMemReadable`
    Readable,
    /// `IsMemWritable`
    Writable,
    /// `IsMemOwned`
    Owned,
}

/// A page call with its words, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the fields are the words of the call, by their names"
)]
pub enum PageRequest {
    /// `ControlMem`
    Control {
        start: u64,
        size: i32,
        command: i32,
        task: i32,
    },
    /// `AllocMemBlocks`
    Allocate { size: i32, flags: u32 },
    /// `IsMem*`; `is_private`: all of the range is memory of the caller's own,
    /// if it is none of the pool's.
    Ask {
        question: Question,
        start: u64,
        size: i32,
        is_private: bool,
    },
    /// `AvailMem`
    Avail { info_at: u64, flags: u32 },
}

impl<S: Sink> Kernel<S> {
    pub(crate) fn page_call(
        &mut self,
        caller: &Thread,
        request: &PageRequest,
    ) -> Result<Progress, Denied> {
        if !caller.key.is_attached() {
            return match request {
                PageRequest::Ask { .. } | PageRequest::Avail { .. } => Ok(Progress::answer(0)),
                PageRequest::Control { .. } | PageRequest::Allocate { .. } => {
                    Err(Denied::NotAttached)
                }
            };
        }
        match *request {
            PageRequest::Control {
                start,
                size,
                command,
                task,
            } => self.control(caller, (start, size), command, task),
            PageRequest::Allocate { size, flags } => self.allocate(caller.key, size, flags),
            PageRequest::Ask {
                question,
                start,
                size,
                is_private,
            } => Ok(self.ask(caller.key, question, (start, size), is_private)),
            PageRequest::Avail { info_at, flags } => Ok(self.avail(caller, info_at, flags)),
        }
    }

    /// `ControlMem`: command, task, size, range; then, page by page, the owner.
    fn control(
        &mut self,
        caller: &Thread,
        (start, size): (u64, i32),
        command: i32,
        raw: i32,
    ) -> Result<Progress, Denied> {
        if let Some(one) = self.begin_one(caller, (start, size), command, raw) {
            return Ok(Self::step_of_one(one));
        }
        if ![MEMC_NOWRITE, MEMC_OKWRITE, MEMC_GIVE].contains(&command) {
            return Err(Denied::BadCommand(command));
        }
        let target = match raw {
            0 => None,
            raw => Some(self.live_task(raw)?),
        };
        if target.is_some_and(|target| !target.is_attached()) {
            return Err(Denied::NoSuchTask(raw));
        }
        let Ok(size @ 1..) = u64::try_from(size) else {
            return Ok(Progress::answer(0));
        };
        let run = Span::new(start, size)
            .and_then(|span| self.limits.pool.run_of(span))
            .ok_or(Denied::OutOfPool)?;
        let kind = match (command, target) {
            (MEMC_NOWRITE, Some(_)) => Kind::Forbid,
            (MEMC_NOWRITE, None) => Kind::ForbidAll,
            (MEMC_OKWRITE, None) => Kind::AllowAll,
            (MEMC_GIVE, None) => Kind::Free,
            (MEMC_GIVE, Some(target)) if target != caller.key => Kind::Give,
            // To give oneself what one owns restores the right to write it.
            (_, Some(_) | None) => Kind::Allow,
        };
        let target = target.unwrap_or(TaskKey::NOBODY);
        let change = PageChange::new(kind, run, caller.key, target);
        Ok(self.change_pages(change))
    }

    /// `AllocMemBlocks`: the first run of free pages that is long enough.
    fn allocate(&mut self, caller: TaskKey, size: i32, flags: u32) -> Result<Progress, Denied> {
        let Ok(size @ 1..) = u32::try_from(size) else {
            return Err(Denied::BadSize(size));
        };
        let [fill, ..] = flags.to_le_bytes();
        let fill = match flags & !0xff {
            MEMTYPE_FILL => Some(fill),
            _ if flags == 0 => None,
            _ => return Err(Denied::BadFlags(flags)),
        };
        let pages = size.div_ceil(self.limits.pool.page_bytes);
        if self.pages.free.longest() < pages {
            return Err(Denied::NoFreePages);
        }
        // Before the free pages are touched: who is refused costs nobody anything.
        self.charge(NONE, caller.index, pages)?;
        let run = self.pages.free.take(pages).ok_or(Denied::NoFreePages)?;
        let kind = Kind::Allocate(fill);
        Ok(self.change_pages(PageChange::new(kind, run, caller, caller)))
    }

    /// `IsMem*`.
    fn ask(
        &mut self,
        caller: TaskKey,
        question: Question,
        (start, size): (u64, i32),
        is_private: bool,
    ) -> Progress {
        let span = span_of(start, size);
        let pool = self.limits.pool;
        let answer = match span {
            Some(_) if size == 0 => question == Question::Readable,
            Some(span) if pool.touches(span) => {
                let kind = match question {
                    Question::Readable => return Progress::answer(i32::from(pool.contains(span))),
                    Question::Writable => Kind::AskWritable,
                    Question::Owned => Kind::AskOwned,
                };
                if let Some(run) = pool.run_of(span) {
                    let change = PageChange::new(kind, run, caller, TaskKey::NOBODY);
                    return self.change_pages(change);
                }
                false
            }
            Some(_) => is_private,
            None => false,
        };
        Progress::answer(i32::from(answer))
    }

    /// `AvailMem`: of the system and of the caller, what is free and the longest
    /// run of it. A caller's free pages are those that it could still get.
    fn avail(&mut self, caller: &Thread, info_at: u64, flags: u32) -> Progress {
        if flags != 0 {
            return Progress::answer(0);
        }
        let info = Span::new(info_at, MSG_BYTES as u64);
        let lease = match self.lease(caller.key, [info, None]) {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                let request = PageRequest::Avail { info_at, flags };
                return Progress::again(caller, Request::Page(request));
            }
            Err(_) => return Progress::answer(0),
        };
        let free = self.pages.free.count();
        let task = self.tasks.at(caller.key.index);
        let quota = task.quota.pool.map_or(0, |pool| pool.pages);
        let promised = self.pages.reserved;
        let to_others = promised.saturating_sub(self.unmet_reserve(caller.key.index));
        let task_free = quota
            .saturating_sub(task.pages_owned)
            .min(free.saturating_sub(to_others));
        let longest = self.pages.free.longest();
        let mut message = [0; MSG_BYTES];
        let words = [free, longest, task_free, longest.min(task_free)];
        for (bytes, pages) in message.chunks_exact_mut(4).zip(words) {
            let len = self.limits.pool.bytes(pages);
            bytes.copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        }
        let delivery = Delivery {
            receiver: caller.key,
            message_at: info_at,
            message,
            sender: None,
        };
        Progress::step(Work::Deliver(delivery), Change::Told { lease })
    }

    /// What is known about a page: its owner, if it has one.
    #[must_use]
    pub fn page_owner(&self, page: u32) -> Option<crate::id::TaskId> {
        let owner = self.pages.states.get(page)?.owner;
        self.tasks.get(owner).map(|task| task.id)
    }

    /// Whether a page is this task's, if the task lives.
    pub(crate) fn owns_page(&self, task: TaskKey, page: u32) -> bool {
        let state = self.pages.states.get(page);
        state.is_some_and(|state| state.owner == task.index)
    }

    /// The tasks that may write a page by their own name, or have because
    /// everybody may.
    pub fn page_writers(&self, page: u32) -> impl Iterator<Item = crate::id::TaskId> + '_ {
        let holdings = self.plane.pages.holdings(page);
        holdings
            .filter(|(_, _, rights)| rights.writes())
            .filter_map(|(_, task, _)| self.tasks.get(task).map(|task| task.id))
    }
}

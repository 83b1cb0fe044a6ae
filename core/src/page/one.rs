//! The changes that are made most, in short: the owner lets one other task write one page, or
//! no longer, or who may write one stores there for the first time; and the page is as pages
//! mostly are.
//!
//! ```text
//!   begin_one --> Protect --> end_one                  who gains, or takes up
//!   begin_one --> Protect --> the barrier --> end_one  who loses
//!                    | failed                 ^
//!                    +--> retract_one --> the barrier
//! ```
//!
//! The order, the marks and what undoes it are those of every change (`change.rs`); left out
//! are the looks for what is not there, and what a run of pages needs. Whatever is not as it
//! is mostly, and whatever is refused, is the matter of the stages.

use crate::border::{Change, Outcome, Progress, Work};
use crate::error::Denied;
use crate::id::{TaskId, TaskKey};
use crate::kernel::Kernel;
use crate::page::change::PageAct;
use crate::page::holding::Chain;
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::pin::Scope;
use crate::sink::{Event, Sink};
use crate::thread::Thread;
use usufruct_abi::{MEMC_NOWRITE, MEMC_OKWRITE};

/// What a task has that may write by its name, and has stored or may at once.
const WRITES: Rights = Rights::NAMED.with(Rights::MAPPED);

/// What is to become of the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The task gains it: it is mapped, and then written down.
    Gain,
    /// The task has lost it: it is unmapped, and waited for.
    Loss,
    /// The task has it: it is mapped, and that is noted.
    TakeUp,
    /// Nothing: it could not be mapped.
    Retreat,
}

/// The progress of one such change. The page is marked until its end.
#[derive(Debug)]
pub(crate) struct OnePage {
    pub(crate) page: u32,
    /// The record of what the target holds of it.
    holding: u32,
    /// Whether that has been let go, and is free after the barrier.
    is_let_go: bool,
    pub(crate) target: TaskKey,
    pub(crate) aim: Aim,
    /// Whether the barrier has passed.
    is_barred: bool,
    /// For whoever listens: the target may be gone when it is told.
    by: TaskId,
    to: TaskId,
}

impl OnePage {
    /// What the machine has to do first: for whom, where, and whether stores go through then.
    #[inline(always)]
    pub(crate) fn mapping(&self) -> (TaskKey, Run, bool) {
        (self.target, Run::one(self.page), self.aim != Aim::Loss)
    }

    /// Whether somebody has lost what copies may still rely on.
    #[inline(always)]
    pub(crate) fn needs_barrier(&self) -> bool {
        matches!(self.aim, Aim::Loss | Aim::Retreat)
    }
}

impl<S: Sink> Kernel<S> {
    /// Marks the page, and takes the right from who is to lose it. The words are those of
    /// `ControlMem`. `None`: nothing has been done, and the stages have to look at it.
    #[inline(always)]
    pub(crate) fn begin_one(
        &mut self,
        caller: &Thread,
        (start, size): (u64, i32),
        command: i32,
        raw: i32,
    ) -> Option<OnePage> {
        let pool = self.limits.pool;
        let gains = command == MEMC_OKWRITE;
        if !(gains || command == MEMC_NOWRITE) || !caller.key.is_attached() {
            return None;
        }
        let page = pool.page_at(start)?;
        let from = start & u64::from(pool.page_bytes.wrapping_sub(1));
        let size = u64::try_from(size).ok().filter(|size| *size > 0)?;
        if from.saturating_add(size) > u64::from(pool.page_bytes) {
            return None;
        }
        let (target, to) = (self.live_task(raw).ok()?, TaskId::from_raw(raw)?);
        let is_usual = target.is_attached()
            && target != caller.key
            && self.plane.lives(caller.key)
            && self.pages.states.at(page).owner == caller.key.index
            && !self.pages.is_changing(page)
            && self.plane.pages.is_plain(page);
        if !is_usual || (gains && *self.pages.frozen.at(page)) {
            return None;
        }
        let (holding, is_let_go) = match self.plane.pages.holding(page, target.index) {
            None if gains => (self.hold(page, target.index).ok()?, false),
            Some((holding, Rights::NONE)) if gains => (holding, false),
            Some((holding, WRITES)) if !gains => (holding, self.leave(page, holding, target.index)),
            None | Some(_) => return None,
        };
        self.pages.set_changing(page, true);
        Some(OnePage {
            page,
            holding,
            is_let_go,
            target,
            aim: if gains { Aim::Gain } else { Aim::Loss },
            is_barred: false,
            by: caller.task,
            to,
        })
    }

    /// Marks the page that a store of the task has faulted on, if that is its first there and
    /// no page beside it is to be mapped with it. `None` as above.
    #[inline]
    pub(crate) fn begin_first_store(&mut self, task: TaskKey, address: u64) -> Option<OnePage> {
        let page = self.limits.pool.page_at(address)?;
        let is_usual = task.is_attached()
            && self.plane.lives(task)
            && !self.pages.is_changing(page)
            && self.plane.pages.is_plain(page);
        let (holding, rights) = self.plane.pages.holding(page, task.index)?;
        let beside = [page.wrapping_sub(1), page.wrapping_add(1)];
        let is_alone = || !beside.iter().any(|page| self.has_not_stored(task, *page));
        if !is_usual || rights != Rights::NAMED || !is_alone() {
            return None;
        }
        self.pages.set_changing(page, true);
        let id = self.tasks.at(task.index).id;
        Some(OnePage {
            page,
            holding,
            is_let_go: false,
            target: task,
            aim: Aim::TakeUp,
            is_barred: false,
            by: id,
            to: id,
        })
    }

    /// It could not be mapped: the record is to be as it was.
    #[cold]
    pub(crate) fn retract_one(&mut self, one: OnePage) -> OnePage {
        let gains = one.aim == Aim::Gain;
        OnePage {
            is_let_go: gains && self.leave(one.page, one.holding, one.target.index),
            aim: Aim::Retreat,
            ..one
        }
    }

    /// `begin_one` for a machine that is asked step by step.
    pub(crate) fn step_of_one(one: OnePage) -> Progress {
        let (task, run, writable) = one.mapping();
        let work = Work::Protect {
            task,
            run,
            writable,
        };
        Progress::step(work, Change::OnePage(one))
    }

    /// The mapping is as it is to be, and the barrier has passed if one was due.
    #[inline(always)]
    pub(crate) fn end_one(&mut self, one: &OnePage) {
        if one.is_let_go {
            self.pages.put_back(Chain::of_one(one.holding));
        }
        let act = match one.aim {
            Aim::Gain => {
                self.plane.pages.set_rights(one.holding, WRITES);
                Some(PageAct::Allowed(Some(one.to)))
            }
            Aim::Loss => Some(PageAct::Forbidden(Some(one.to))),
            Aim::TakeUp => {
                self.plane.pages.set_rights(one.holding, WRITES);
                None
            }
            Aim::Retreat => None,
        };
        if let Some(act) = act {
            let (by, run) = (one.by, Run::one(one.page));
            self.sink.event(&Event::PagesChanged { by, act, run });
        }
        self.pages.set_changing(one.page, false);
    }

    /// Goes on with it for such a machine.
    pub(crate) fn go_on_with_one(&mut self, mut one: OnePage, outcome: Outcome) -> Progress {
        // Nothing else may fail.
        if outcome == Outcome::Failed && matches!(one.aim, Aim::Gain | Aim::TakeUp) {
            one = self.retract_one(one);
        }
        if one.needs_barrier() && !one.is_barred {
            one.is_barred = true;
            return Progress::step(Work::Drain(Scope::Pages), Change::OnePage(one));
        }
        self.end_one(&one);
        Progress::Answer(match one.aim {
            Aim::Gain | Aim::Loss | Aim::TakeUp => Ok(0),
            Aim::Retreat => Err(Denied::NoMapping),
        })
    }
}

//! What the plain stages of a change do to the next batch of pages. `Some`: the
//! machine carries this out before it goes on.

use crate::border::Work;
use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PAGE_BATCH, PageChange, Stage, Then};
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::pin::Scope;
use crate::sink::Sink;
use crate::table::NONE;

/// Bytes that one step fills at most.
const FILL_BATCH_BYTES: u32 = 1 << 20;

impl<S: Sink> Kernel<S> {
    /// Maps the next pages for a task that is to gain them.
    pub(crate) fn open_some(&mut self, change: &mut PageChange) -> Option<Work> {
        let stop = change.batch_end(PAGE_BATCH);
        if let Some(run) = self.unmapped_run(change, stop) {
            change.opening = run.first();
            change.next = run.end();
            return Some(self.protect(change.target.index, run, true));
        }
        change.next = stop;
        change.after_batch(if change.kind == Kind::TakeUp {
            Stage::Unmark
        } else {
            Stage::Turn
        })
    }

    /// The machine could not map what `open_some` asked for last.
    pub(crate) fn opening_failed(change: &mut PageChange) {
        change.refuse(Denied::NoMapping, Stage::Shut);
    }

    /// Takes back what `open_some` had mapped before it failed.
    pub(crate) fn shut_some(&mut self, change: &mut PageChange) -> Option<Work> {
        let stop = change.batch_end(PAGE_BATCH).min(change.opening);
        let Some(run) = self.unmapped_run(change, stop) else {
            change.next = stop;
            return if stop < change.opening {
                Some(Work::Yield)
            } else {
                change.enter(Stage::Retract)
            };
        };
        change.next = run.end();
        Some(self.protect(change.target.index, run, false))
    }

    /// The next pages, before `stop`, that are not mapped for the gainer as far as
    /// the books know.
    fn unmapped_run(&self, change: &PageChange, stop: u32) -> Option<Run> {
        let needs = |page: &u32| {
            let held = self.plane.pages.holding(*page, change.target.index);
            change.kind == Kind::TakeUp
                || !held.is_some_and(|(_, rights)| rights.has(Rights::MAPPED))
        };
        let first = (change.next..stop).find(needs)?;
        let end = (first..stop).find(|page| !needs(page)).unwrap_or(stop);
        Run::between(first, end)
    }

    pub(crate) fn protect(&self, task: u32, run: Run, writable: bool) -> Work {
        Work::Protect {
            task: self.key_of(task),
            run,
            writable,
        }
    }

    pub(crate) fn key_of(&self, index: u32) -> TaskKey {
        let life = self.tasks.at(index).life;
        TaskKey { index, life }
    }

    /// Takes back the records that a refused change had prepared.
    pub(crate) fn retract_some(&mut self, change: &mut PageChange) -> Option<Work> {
        let plane = self.plane.clone();
        let stop = change.batch_end(PAGE_BATCH);
        for page in change.next..stop {
            if matches!(change.kind, Kind::Allocate(_)) {
                self.pages.states.at_mut(page).owner = NONE;
            }
            self.tidy(&plane, page, &mut change.chain);
        }
        change.next = stop;
        change.after_batch(Stage::Barrier)
    }

    /// The barrier, if anybody may have lost anything by this change.
    pub(crate) fn bar(change: &mut PageChange) -> Option<Work> {
        let is_undone = change.refusal.is_some();
        change.enter(if !is_undone {
            Stage::Reads
        } else if matches!(change.kind, Kind::Allocate(_)) {
            // Part of it may have been stored to already.
            Stage::Fill
        } else {
            Stage::Unmark
        });
        let is_due = change.lost || !change.chain.is_empty();
        is_due.then_some(Work::Drain(Scope::Pages))
    }

    /// Only an owner reads into pages; what it reads ends when it may lose what
    /// that needs: the pages, or the right to write them.
    pub(crate) fn cancel_reads(&mut self, change: &mut PageChange) -> Option<Work> {
        let owner_goes = matches!(change.kind, Kind::Give | Kind::Free);
        let owner_loses = matches!(change.kind, Kind::Forbid | Kind::ForbidAll);
        if change.then == Then::Ending || !(owner_goes || owner_loses) {
            return change.enter(Stage::Fill);
        }
        if owner_goes {
            change.enter(Stage::Fill);
            let task = change.caller;
            return Run::between(change.first, change.end)
                .map(|run| Work::CancelReads { task, run });
        }
        let stop = change.batch_end(PAGE_BATCH);
        let owner = |page: u32| self.pages.states.at(page).owner;
        let is_concerned = |page: &u32| {
            let is_meant = change.kind == Kind::ForbidAll || owner(*page) == change.target.index;
            owner(*page) != NONE && (is_meant || change.ended_everybody)
        };
        let Some(first) = (change.next..stop).find(is_concerned) else {
            change.next = stop;
            return change.after_batch(Stage::Fill);
        };
        let same = |page: &u32| owner(*page) == owner(first);
        let end = (first..stop).find(|page| !same(page)).unwrap_or(stop);
        let task = self.key_of(owner(first));
        change.next = end;
        Run::between(first, end).map(|run| Work::CancelReads { task, run })
    }

    pub(crate) fn fill_some(&self, change: &mut PageChange) -> Option<Work> {
        let byte = if change.kind == Kind::Free || change.refusal.is_some() {
            0
        } else if change.kind == Kind::Allocate(None) {
            change.enter(Stage::Unmark);
            return Run::between(change.first, change.end).map(Work::Label);
        } else if let Kind::Allocate(Some(byte @ 1..)) = change.kind {
            byte
        } else {
            return change.enter(Stage::Unmark);
        };
        let shift = self.limits.pool.page_bytes.trailing_zeros();
        let stop = change.batch_end(FILL_BATCH_BYTES >> shift);
        let Some(run) = Run::between(change.next, stop) else {
            return change.enter(Stage::Unmark);
        };
        change.next = stop;
        Some(Work::Fill { run, byte })
    }

    pub(crate) fn unmark_some(&mut self, change: &mut PageChange) -> Option<Work> {
        if change.next == change.first {
            self.tell_of_pages(change);
        }
        let stop = change.batch_end(PAGE_BATCH);
        let marks = self.pages.changing.some_mut(change.next..stop);
        marks.fill(false);
        let is_undone = matches!(change.kind, Kind::Allocate(_)) && change.refusal.is_some();
        let comes_free = is_undone || (change.kind == Kind::Free && change.refusal.is_none());
        if let Some(run) = Run::between(change.next, stop).filter(|_| comes_free) {
            self.pages.free.release(run);
            self.uncharge_pages(change, run.pages());
        }
        change.next = stop;
        change.after_batch(Stage::Over)
    }
}

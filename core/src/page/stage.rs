//! What each stage of a change does to the next batch of pages. `Some`: the
//! machine carries this out before it goes on.

use crate::border::Work;
use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PAGE_BATCH, PageChange, Stage, Then};
use crate::page::holding::NoHolding;
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::pin::Scope;
use crate::sink::Sink;
use crate::table::NONE;

/// Bytes that one step fills at most.
const FILL_BATCH_BYTES: u32 = 1 << 20;

impl<S: Sink> Kernel<S> {
    pub(crate) fn mark_some(&mut self, change: &mut PageChange) -> Option<Work> {
        // Their places are sure to be theirs only from the first mark on.
        let has_target = change.target != TaskKey::NOBODY;
        if has_target && !self.plane.lives(change.target) {
            return self.give_up(change, Denied::TargetEnding);
        }
        if !self.plane.lives(change.caller) {
            return self.give_up(change, Denied::CallerEnding);
        }
        let stop = change.batch_end(PAGE_BATCH);
        if change.next == change.first {
            let concerned = (change.first..stop).find(|page| self.concerns(change, *page));
            change.first = concerned.unwrap_or(stop);
            change.next = change.first;
            if change.first == stop {
                return change.after_batch(Stage::Over);
            }
        }
        self.mark_plainly(change, stop);
        while change.next < stop {
            if !self.concerns(change, change.next) {
                change.end = change.next;
                break;
            }
            if self.pages.is_changing(change.next) {
                return Some(Work::Yield);
            }
            if let Err(denied) = self.may_change(change, change.next) {
                return self.give_up(change, denied);
            }
            match self.prepare(change, change.next) {
                Ok(()) => {}
                Err(NoHolding::Soon) => return Some(Work::Yield),
                // Goes on looking: an error of an earlier kind comes first.
                Err(NoHolding::Full) => change.refusal = Some(Denied::HoldingTableFull),
            }
            self.pages.set_changing(change.next, true);
            change.next = change.next.saturating_add(1);
        }
        if change.next < change.end {
            return Some(Work::Yield);
        }
        if change.kind == Kind::Give && change.refusal.is_none() {
            // A gift changes no mapping: nothing can fail behind this.
            let pages = change.end.saturating_sub(change.first);
            let charged = self.charge(change.caller.index, change.target.index, pages);
            change.refusal = charged.err();
        }
        change.enter(match change.refusal {
            Some(_) => Stage::Retract,
            None if change.maps() => Stage::Open,
            None if matches!(change.kind, Kind::AskWritable | Kind::AskOwned) => Stage::Unmark,
            None => Stage::Turn,
        })
    }

    /// Marks the next pages, up to the first where anything is not as it is mostly.
    fn mark_plainly(&mut self, change: &mut PageChange, stop: u32) {
        let (caller, target) = (change.caller.index, change.target.index);
        let (gains, opens) = (change.gains(), change.makes_writable());
        if change.relinquishes() || !change.needs_owner() || change.refusal.is_some() {
            return;
        }
        let mut page = change.next;
        while page < stop && self.pages.states.at(page).owner == caller {
            let is_barred = opens && *self.pages.frozen.at(page);
            if is_barred || self.pages.is_changing(page) {
                break;
            }
            if gains && self.hold(page, target).is_err() {
                break;
            }
            self.pages.set_changing(page, true);
            page = page.saturating_add(1);
        }
        change.next = page;
    }

    /// Who gives up its own right holds up nobody's change of pages where it has none.
    fn concerns(&self, change: &PageChange, page: u32) -> bool {
        let caller = change.caller.index;
        !change.relinquishes()
            || self.plane.pages.holding(page, caller).is_some()
            || self.plane.pages.is_for_everybody(page)
    }

    /// Refuses in the middle of marking: the rest has not been touched.
    fn give_up(&mut self, change: &mut PageChange, denied: Denied) -> Option<Work> {
        let is_new = matches!(change.kind, Kind::Allocate(_));
        if let Some(rest) = Run::between(change.next, change.end).filter(|_| is_new) {
            self.pages.free.release(rest);
            self.uncharge_pages(change, rest.pages());
        }
        change.end = change.next;
        change.refuse(denied, Stage::Retract)
    }

    /// Takes pages that come free off the caller's charge, unless it is gone and
    /// its place another's.
    fn uncharge_pages(&mut self, change: &PageChange, pages: u32) {
        if self.tasks.at(change.caller.index).life == change.caller.life {
            self.move_charge(change.caller.index, NONE, pages);
        }
    }

    /// Whether the call may act on this page.
    fn may_change(&self, change: &PageChange, page: u32) -> Result<(), Denied> {
        let caller = change.caller;
        let is_owner = self.pages.states.at(page).owner == caller.index;
        if is_owner && change.makes_writable() && *self.pages.frozen.at(page) {
            return Err(Denied::PageFrozen(page));
        }
        let may_write = || self.plane.pages.may_write(caller, page);
        let is_allowed = match change.kind {
            Kind::Allocate(_) => true,
            Kind::AskWritable => may_write(),
            Kind::TakeUp if !may_write() => return Err(Denied::ForbiddenStore(page)),
            Kind::TakeUp => true,
            Kind::Forbid => is_owner || change.target == caller,
            Kind::AskOwned
            | Kind::Allow
            | Kind::AllowAll
            | Kind::ForbidAll
            | Kind::Give
            | Kind::Free => is_owner,
        };
        if is_allowed {
            Ok(())
        } else {
            Err(Denied::NotPageOwner(page))
        }
    }

    /// Makes sure that there is a record for what is to be granted or refused.
    fn prepare(&mut self, change: &PageChange, page: u32) -> Result<(), NoHolding> {
        let refuses = change.kind == Kind::Forbid && self.plane.pages.is_for_everybody(page);
        if change.refusal.is_some() || !(change.gains() || refuses) {
            return Ok(());
        }
        if change.kind == Kind::TakeUp {
            return self.take_up(change.target.index, page);
        }
        let held = self.hold(page, change.target.index);
        match (change.kind, held) {
            (Kind::Allocate(_), Ok(_)) => {
                self.pages.states.at_mut(page).owner = change.target.index;
                Ok(())
            }
            // Taking never fails: then the grant to everybody ends.
            (Kind::Forbid, Err(NoHolding::Full)) => Ok(()),
            (_, held) => held.map(|_| ()),
        }
    }

    /// Writes down that a task's stores go through from now on. Who may write with
    /// everybody needs a record for that. Without one, the end of the grant visits
    /// every task, and until then nobody gets one: else it would hang on what a
    /// machine protects too much which records there are.
    fn take_up(&mut self, task: u32, page: u32) -> Result<(), NoHolding> {
        let pages = &self.plane.pages;
        if pages.has_unlisted(page) && pages.holding(page, task).is_none() {
            return Ok(());
        }
        match self.hold(page, task) {
            Ok(holding) => {
                let mapped = self.plane.pages.rights(holding).with(Rights::MAPPED);
                self.plane.pages.set_rights(holding, mapped);
            }
            Err(NoHolding::Full) => self.plane.pages.take_up_unlisted(page),
            Err(NoHolding::Soon) => return Err(NoHolding::Soon),
        }
        Ok(())
    }

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
        is_due.then_some(Work::Drain(Scope::All))
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

//! The stage that marks pages, a batch at a time: whose they are, whether they may
//! be changed, and whether there is a record for what is to be granted or refused.

use crate::border::Work;
use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PAGE_BATCH, PageChange, Stage};
use crate::page::holding::NoHolding;
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::sink::Sink;
use crate::table::NONE;

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
        if !change.needs_owner() || change.refusal.is_some() {
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

    /// Who gives up its own right marks no page where it has none, and so holds up nobody's
    /// change there. But it waits for one that is under way: its right may be about to come,
    /// or be gone from the books and not yet from the processors.
    fn concerns(&self, change: &PageChange, page: u32) -> bool {
        let caller = change.caller.index;
        let has_some = |(_, rights)| rights != Rights::NONE;
        !change.relinquishes()
            || self.pages.is_changing(page)
            || self.plane.pages.holding(page, caller).is_some_and(has_some)
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
    pub(crate) fn uncharge_pages(&mut self, change: &PageChange, pages: u32) {
        if self.tasks.at(change.caller.index).life == change.caller.life {
            self.move_charge(change.caller.index, NONE, pages);
        }
    }

    /// Whether the call may act on this page.
    pub(crate) fn may_change(&self, change: &PageChange, page: u32) -> Result<(), Denied> {
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
}

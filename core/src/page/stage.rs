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
            change.end = change.next;
            return change.refuse(Denied::TargetEnding, Stage::Retract);
        }
        let stop = change.batch_end(PAGE_BATCH);
        while change.next < stop {
            if self.pages.is_changing(change.next) {
                return Some(Work::Yield);
            }
            if let Err(denied) = self.may_change(change, change.next) {
                change.end = change.next;
                return change.refuse(denied, Stage::Retract);
            }
            if change.gains() && change.refusal.is_none() {
                match self.prepare(change, change.next) {
                    Ok(()) => {}
                    Err(NoHolding::Soon) => return Some(Work::Yield),
                    // Goes on looking: an error of an earlier kind comes first.
                    Err(NoHolding::Full) => change.refusal = Some(Denied::HoldingTableFull),
                }
            }
            self.pages.set_changing(change.next, true);
            change.next = change.next.saturating_add(1);
        }
        if change.next < change.end {
            return Some(Work::Yield);
        }
        if change.kind == Kind::Give && change.refusal.is_none() {
            let pages = change.end.saturating_sub(change.first);
            let charged = self.charge(change.caller.index, change.target.index, pages);
            change.refusal = charged.err();
        }
        change.enter(match change.refusal {
            Some(_) => Stage::Retract,
            None if change.gains() => Stage::Open,
            None if matches!(change.kind, Kind::AskWritable | Kind::AskOwned) => Stage::Unmark,
            None => Stage::Turn,
        })
    }

    /// Whether the call may act on this page.
    fn may_change(&self, change: &PageChange, page: u32) -> Result<(), Denied> {
        let caller = change.caller;
        let is_owner = self.pages.states.at(page).owner == caller.index;
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

    /// Makes sure that the gainer has a record for what it will be granted.
    fn prepare(&mut self, change: &PageChange, page: u32) -> Result<(), NoHolding> {
        let held = self.hold(page, change.target.index);
        match (change.kind, held) {
            (Kind::Allocate(_), Ok(_)) => {
                self.pages.states.at_mut(page).owner = change.target.index;
                Ok(())
            }
            // Without a record, the end of the grant to everybody visits every task.
            (Kind::TakeUp, Err(NoHolding::Full)) => {
                self.plane.pages.take_up_unlisted(page);
                Ok(())
            }
            (Kind::TakeUp, Ok(holding)) => {
                let rights = self.plane.pages.rights(holding);
                if !rights.writes() {
                    let taken = rights.with(Rights::TAKEN);
                    self.plane.pages.set_rights(holding, taken);
                }
                Ok(())
            }
            (_, held) => held.map(|_| ()),
        }
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
    pub(crate) fn opening_failed(&mut self, change: &mut PageChange) {
        if change.kind == Kind::Give {
            let pages = change.end.saturating_sub(change.first);
            self.move_charge(change.target.index, change.caller.index, pages);
        }
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

    /// The next pages, before `stop`, that the books do not let the gainer write yet.
    fn unmapped_run(&self, change: &PageChange, stop: u32) -> Option<Run> {
        let needs = |page: &u32| {
            let held = self.plane.pages.holding(*page, change.target.index);
            change.kind == Kind::TakeUp || !held.is_some_and(|(_, rights)| rights.writes())
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
        change.enter(match change.refusal {
            Some(_) => Stage::Unmark,
            None => Stage::Reads,
        });
        let is_due = change.lost || !change.chain.is_empty();
        is_due.then_some(Work::Drain(Scope::All))
    }

    /// Only an owner reads into pages; what it reads ends when it can not be
    /// sure of them any more.
    pub(crate) fn cancel_reads(change: &mut PageChange) -> Option<Work> {
        change.enter(Stage::Fill);
        let owner_loses = matches!(change.kind, Kind::Give | Kind::Free | Kind::ForbidAll)
            || (change.kind == Kind::Forbid && change.target == change.caller);
        let run = Run::between(change.first, change.end)?;
        (owner_loses && change.then == Then::Answer).then_some(Work::CancelReads {
            task: change.caller,
            run,
        })
    }

    pub(crate) fn fill_some(&self, change: &mut PageChange) -> Option<Work> {
        let byte = if change.kind == Kind::Free {
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
        let stop = change.batch_end(PAGE_BATCH);
        for page in change.next..stop {
            self.pages.set_changing(page, false);
        }
        let is_undone = matches!(change.kind, Kind::Allocate(_)) && change.refusal.is_some();
        let comes_free = is_undone || (change.kind == Kind::Free && change.refusal.is_none());
        if let Some(run) = Run::between(change.next, stop).filter(|_| comes_free) {
            self.pages.free.release(run);
            // Of an allocation, the caller is the target. It may have ended meanwhile, for it
            // holds nothing of these pages any more; then its place is another's.
            if self.tasks.at(change.caller.index).life == change.caller.life {
                self.move_charge(change.caller.index, NONE, run.pages());
            }
        }
        change.next = stop;
        change.after_batch(Stage::Over)
    }
}

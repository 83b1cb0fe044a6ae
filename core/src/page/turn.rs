//! What a change does to the books of one page, and whose mapping goes by it.
//!
//! What somebody may do before and after a change, it may do in between: who
//! gains is written down before a grant to everybody ends.

use crate::border::Work;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PAGE_BATCH, PageChange, Stage};
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::pin::Plane;
use crate::sink::Sink;

/// Tasks that one step looks at, to find one that is attached.
const SWEEP_BATCH: u32 = 1024;

impl<S: Sink> Kernel<S> {
    /// Goes over the next pages: the losers' rights end in the books first, and
    /// then, as a step of its own for each run and task, in the machine.
    pub(crate) fn turn_some(&mut self, change: &mut PageChange) -> Option<Work> {
        let plane = self.plane.clone();
        let stop = change.batch_end(PAGE_BATCH);
        let held = change.chain.len();
        while change.next < stop && change.chain.len().saturating_sub(held) < PAGE_BATCH {
            self.turn_everybody(&plane, change, change.next);
            if let Some(work) = self.sweep(&plane, change, stop) {
                return Some(work);
            }
            if let Some(loser) = loser_at(&plane, change, change.next) {
                let run = self.strip(&plane, change, loser, stop);
                // A dead task's own mappings have gone with its memory.
                if !change.buries(loser) {
                    return run.map(|run| self.protect(loser, run, false));
                }
                continue;
            }
            self.turn_page(&plane, change, change.next);
            change.next = change.next.saturating_add(1);
        }
        change.after_batch(Stage::Barrier)
    }

    /// Begins or ends the grant to everybody, or takes one task out of it.
    fn turn_everybody(&mut self, plane: &Plane, change: &mut PageChange, page: u32) {
        if !plane.pages.is_for_everybody(page) {
            return;
        }
        let goes_on = match change.kind {
            Kind::Give => {
                self.name_target(plane, change, page);
                false
            }
            Kind::Free | Kind::ForbidAll => false,
            // Nothing is left to be refused.
            Kind::Forbid if !plane.lives(change.target) => true,
            // What can not be refused to one is refused to all: taking never fails.
            Kind::Forbid => match self.hold(page, change.target.index) {
                Ok(holding) => {
                    plane.pages.list(page, holding);
                    true
                }
                Err(_) => {
                    change.ended_everybody = true;
                    false
                }
            },
            Kind::Allow
            | Kind::AllowAll
            | Kind::Allocate(_)
            | Kind::AskWritable
            | Kind::AskOwned
            | Kind::TakeUp => true,
        };
        if !goes_on {
            plane.pages.end_everybody(page);
            change.lost = true;
        }
    }

    /// Writes down that the target may write, if there is a record of it.
    fn name_target(&mut self, plane: &Plane, change: &PageChange, page: u32) {
        if let Some((holding, rights)) = plane.pages.holding(page, change.target.index) {
            let kept = rights.only(Rights::TAKEN);
            plane.pages.set_rights(holding, kept.with(Rights::NAMED));
        }
    }

    /// Where tasks took up a grant to everybody that is over, and the table could
    /// not hold who, every attached task is visited: the next of them.
    fn sweep(&mut self, plane: &Plane, change: &mut PageChange, stop: u32) -> Option<Work> {
        let mut end = change.next;
        while end < stop && plane.pages.is_to_be_swept(end) {
            end = end.saturating_add(1);
            if end < stop {
                self.turn_everybody(plane, change, end);
            }
        }
        let run = Run::between(change.next, end)?;
        let attached = |index: &u32| {
            let task = self.tasks.get(*index);
            task.is_some_and(|task| task.is_attached())
        };
        let last = change
            .swept
            .saturating_add(SWEEP_BATCH)
            .min(self.limits.tasks);
        let Some(index) = (change.swept..last).find(attached) else {
            if last < self.limits.tasks {
                change.swept = last;
                return Some(Work::Yield);
            }
            (change.next..end).for_each(|page| plane.pages.forget_unlisted(page));
            change.swept = 0;
            return None;
        };
        change.swept = index.saturating_add(1);
        Some(self.protect(index, run, false))
    }

    /// Ends in the books what one task loses, on as many neighbours as it loses.
    fn strip(
        &mut self,
        plane: &Plane,
        change: &mut PageChange,
        loser: u32,
        stop: u32,
    ) -> Option<Run> {
        let first = change.next;
        let mut end = first;
        while end < stop {
            self.turn_everybody(plane, change, end);
            let Some((holding, rights)) = plane.pages.holding(end, loser) else {
                break;
            };
            if !loses(plane, change, end, (loser, rights)) {
                break;
            }
            let is_for_everybody = plane.pages.is_for_everybody(end);
            plane.pages.set_rights(
                holding,
                if is_for_everybody {
                    Rights::REFUSED
                } else {
                    Rights::NONE
                },
            );
            // At once, so that the next loser is found at the head of the list.
            if self.pages.states.at(end).owner != loser && !is_for_everybody {
                self.let_go(holding, loser, &mut change.chain);
            }
            end = end.saturating_add(1);
        }
        change.lost = true;
        Run::between(first, end)
    }

    /// What is left to say when nobody loses anything by it any more.
    fn turn_page(&mut self, plane: &Plane, change: &mut PageChange, page: u32) {
        let held = plane.pages.holding(page, change.target.index);
        match (change.kind, held) {
            (Kind::Allow, _) => self.name_target(plane, change, page),
            (Kind::Give | Kind::Allocate(_), _) => {
                self.pages.states.at_mut(page).owner = change.target.index;
                self.name_target(plane, change, page);
            }
            (Kind::Forbid, Some((holding, _))) if plane.pages.is_for_everybody(page) => {
                plane.pages.set_rights(holding, Rights::REFUSED);
                change.lost = true;
            }
            (Kind::AllowAll, _) => {
                for (holding, _, rights) in plane.pages.holdings(page) {
                    if rights.has(Rights::REFUSED) {
                        plane.pages.set_rights(holding, Rights::NONE);
                    }
                }
                plane.pages.set_everybody(page);
            }
            (Kind::Free, _) => self.pages.states.at_mut(page).owner = crate::table::NONE,
            _ => {}
        }
        self.tidy(plane, page, &mut change.chain);
    }
}

/// A task that loses its right to write a page by this change.
fn loser_at(plane: &Plane, change: &PageChange, page: u32) -> Option<u32> {
    plane
        .pages
        .holdings(page)
        .find(|(_, task, rights)| loses(plane, change, page, (*task, *rights)))
        .map(|(_, task, _)| task)
}

fn loses(plane: &Plane, change: &PageChange, page: u32, (task, rights): (u32, Rights)) -> bool {
    let only_took_up = rights.writes() && !rights.has(Rights::NAMED);
    match change.kind {
        Kind::ForbidAll | Kind::Free => rights.writes(),
        Kind::Forbid if task == change.target.index => rights.writes(),
        Kind::Forbid => only_took_up && !plane.pages.is_for_everybody(page),
        Kind::Give => only_took_up && task != change.target.index,
        Kind::Allow
        | Kind::AllowAll
        | Kind::Allocate(_)
        | Kind::AskWritable
        | Kind::AskOwned
        | Kind::TakeUp => false,
    }
}

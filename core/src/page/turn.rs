//! What a change does to the books of one page, and whose mapping goes by it.
//!
//! What somebody may do before and after a change, it may do in between: who
//! gains is written down before a grant to everybody ends.

use crate::border::Work;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PAGE_BATCH, PageChange, Stage};
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::page::rule::Rule;
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
        let most = change.chain.len().saturating_add(PAGE_BATCH);
        let rule = Rule::of(change);
        loop {
            let mut loser = self.turn_plain_pages(&plane, rule, change, (stop, most));
            if loser.is_none() {
                if change.next == stop || change.chain.len() >= most {
                    return change.after_batch(Stage::Barrier);
                }
                self.turn_everybody(&plane, change, change.next);
                if let Some(work) = self.sweep(&plane, change, stop) {
                    return Some(work);
                }
                let is_for_everybody = plane.pages.is_for_everybody(change.next);
                let page = (change.next, is_for_everybody);
                loser = self.turn_page(&plane, rule, change, page);
            }
            let Some(loser) = loser else {
                change.next = change.next.saturating_add(1);
                continue;
            };
            let mapped = self.strip(&plane, rule, change, (loser, stop));
            // A dead task's own mappings have gone with its memory.
            if let Some(run) = mapped.filter(|_| !change.buries(loser)) {
                return Some(self.protect(loser, run, false));
            }
        }
    }

    /// Turns the next pages, up to one that a grant to everybody has left
    /// something on, or on which a task loses its right: that task.
    #[inline(never)]
    fn turn_plain_pages(
        &mut self,
        plane: &Plane,
        rule: Rule,
        change: &mut PageChange,
        (stop, most): (u32, u32),
    ) -> Option<u32> {
        let (mut page, mut loser) = (change.next, None);
        while page < stop && change.chain.len() < most && plane.pages.is_plain(page) {
            loser = self.turn_page(plane, rule, change, (page, false));
            if loser.is_some() {
                break;
            }
            page = page.saturating_add(1);
        }
        change.next = page;
        loser
    }

    /// Begins or ends the grant to everybody, or takes one task out of it.
    fn turn_everybody(&mut self, plane: &Plane, change: &mut PageChange, page: u32) {
        if !plane.pages.is_for_everybody(page) {
            return;
        }
        let goes_on = match change.kind {
            Kind::Give => {
                Self::name_target(plane, change, page);
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
    fn name_target(plane: &Plane, change: &PageChange, page: u32) {
        if let Some((holding, rights)) = plane.pages.holding(page, change.target.index) {
            let named = rights.only(Rights::MAPPED).with(Rights::NAMED);
            plane.pages.set_rights(holding, named);
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

    /// Ends in the books what one task loses, on as many neighbours as it loses:
    /// those of them that are mapped.
    fn strip(
        &mut self,
        plane: &Plane,
        rule: Rule,
        change: &mut PageChange,
        (loser, stop): (u32, u32),
    ) -> Option<Run> {
        let first = change.next;
        let (mut end, mut are_mapped) = (first, None);
        while end < stop {
            if !plane.pages.is_plain(end) {
                self.turn_everybody(plane, change, end);
            }
            let Some((holding, rights)) = plane.pages.holding(end, loser) else {
                break;
            };
            let is_for_everybody = plane.pages.is_for_everybody(end);
            let is_mapped = rights.has(Rights::MAPPED);
            if !rule.loses(loser, rights, is_for_everybody) || are_mapped == Some(!is_mapped) {
                break;
            }
            are_mapped = Some(is_mapped);
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
        Run::between(first, end).filter(|_| are_mapped == Some(true))
    }

    /// Ends what stands in a page's records and is over, and writes down what is
    /// new; or finds a task that loses its right first.
    // Inlined, so that what is the same for many pages is worked out once.
    #[inline(always)]
    fn turn_page(
        &mut self,
        plane: &Plane,
        rule: Rule,
        change: &mut PageChange,
        (page, is_for_everybody): (u32, bool),
    ) -> Option<u32> {
        let owner = rule.owner.unwrap_or(self.pages.states.at(page).owner);
        for (holding, task, rights) in plane.pages.holdings(page) {
            if rule.loses(task, rights, is_for_everybody) {
                return Some(task);
            }
            let left = rule.left(task, rights, is_for_everybody);
            if left != rights {
                plane.pages.set_rights(holding, left);
                change.lost |= left.has(Rights::REFUSED);
            }
            if left == Rights::NONE && task != owner {
                self.let_go(holding, task, &mut change.chain);
            }
        }
        self.pages.states.at_mut(page).owner = owner;
        if rule.pardons {
            plane.pages.set_everybody(page);
        }
        None
    }
}

//! The change that is made most, in short: the owner lets one other task write one page, or
//! no longer, and the page is as pages mostly are. Its checks, its barrier and what undoes it
//! are those of every change (`change.rs`); left out are the looks for what is not there.

use crate::border::Work;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PageChange, Stage};
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::sink::Sink;

/// What a task has that may write by its name, and has stored or may at once.
const WRITES: Rights = Rights::NAMED.with(Rights::MAPPED);

impl<S: Sink> Kernel<S> {
    /// Marks the page and has the mapping follow, which is what is left to do when the rights
    /// have been taken. `None`: nothing has been done, and the stages go over the run.
    pub(crate) fn begin_one(&mut self, change: &mut PageChange) -> Option<Work> {
        let (page, target) = (change.first, change.target.index);
        let is_meant = matches!(change.kind, Kind::Allow | Kind::Forbid);
        let is_one = page.saturating_add(1) == change.end && target != change.caller.index;
        let is_usual = !self.pages.is_changing(page) && self.plane.pages.is_plain(page);
        if !is_meant || !is_one || !is_usual || self.may_change(change, page).is_err() {
            return None;
        }
        let allows = change.kind == Kind::Allow;
        let held = self.plane.pages.holding(page, target);
        change.stage = match held {
            None if allows => {
                self.hold(page, target).ok()?;
                Stage::Name
            }
            Some((holding, WRITES)) if !allows => {
                self.plane.pages.set_rights(holding, Rights::NONE);
                self.let_go(holding, target, &mut change.chain);
                Stage::Barrier
            }
            None | Some(_) => return None,
        };
        self.pages.set_changing(page, true);
        Some(self.protect(target, Run::one(page), allows))
    }

    /// The page is mapped for whom it was to be: writes that down.
    pub(crate) fn name_one(&mut self, change: &mut PageChange) -> Option<Work> {
        let held = self.plane.pages.holding(change.first, change.target.index);
        if let Some((holding, _)) = held {
            self.plane.pages.set_rights(holding, WRITES);
        }
        change.enter(Stage::Unmark)
    }
}

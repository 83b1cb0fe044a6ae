//! A store has faulted: is it forbidden, or only not mapped yet?

use crate::border::Progress;
use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PAGE_BATCH, PageChange};
use crate::page::pool::Run;
use crate::page::published::Rights;
use crate::sink::Sink;

impl<S: Sink> Kernel<S> {
    /// Begins to look at a store of `task` to `address` that its mapping did not
    /// let through. The answer is 0 when it does now, and the store may be
    /// executed again: the task may write, and had not taken that up, or its
    /// machine had protected more than it was asked to.
    ///
    /// The answer is [`Denied::ForbiddenStore`] when the task may not write the
    /// page, and [`Denied::NoMapping`] when the machine has no mapping left.
    pub fn touch(&mut self, task: TaskKey, address: u64) -> Progress {
        match self.begin_first_store(task, address) {
            Some(one) => Self::step_of_one(one),
            None => self.touch_by_stages(task, address),
        }
    }

    /// The same, when it is known that there is no short way.
    pub(crate) fn touch_by_stages(&mut self, task: TaskKey, address: u64) -> Progress {
        match self.page_to_touch(task, address) {
            Ok(run) => self.change_pages(PageChange::new(Kind::TakeUp, run, task, task)),
            Err(denied) => Progress::Answer(Err(denied)),
        }
    }

    fn page_to_touch(&self, task: TaskKey, address: u64) -> Result<Run, Denied> {
        if !self.plane.lives(task) {
            return Err(Denied::CallerEnding);
        }
        if !task.is_attached() {
            return Err(Denied::NotAttached);
        }
        let page = self.limits.pool.page_at(address).ok_or(Denied::OutOfPool)?;
        if !self.has_not_stored(task, page) || self.pages.is_changing(page) {
            return Ok(Run::one(page));
        }
        let is_such = |page| self.has_not_stored(task, page);
        Ok(self.run_around(page, PAGE_BATCH, is_such))
    }

    /// Whether the task may write a page by its name, and that was never mapped:
    /// so with those around it, mostly.
    pub(crate) fn has_not_stored(&self, task: TaskKey, page: u32) -> bool {
        let held = self.plane.pages.holding(page, task.index);
        held.is_some_and(|(_, rights)| rights == Rights::NAMED)
    }
}

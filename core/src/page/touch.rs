//! A store has faulted: is it forbidden, or only not mapped yet?

use crate::border::Progress;
use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::page::change::{Kind, PageChange};
use crate::page::pool::Run;
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
        let page = self.limits.pool.page_at(address);
        page.map(Run::one).ok_or(Denied::OutOfPool)
    }
}

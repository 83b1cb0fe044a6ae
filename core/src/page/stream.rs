//! Which pages a task's streams may use.

use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::machine::Access;
use crate::sink::Sink;
use crate::span::Span;

impl<S: Sink> Kernel<S> {
    /// Whether a stream of `task` may use these bytes of the pool: to write what
    /// it loads there, when the task owns every page that they touch; to read
    /// into them ([`Access::Store`]), when it may write those pages as well. Of no
    /// bytes, and of any that are not all in the pool, never. ("A task must own
    /// the memory for its I/O buffers")
    ///
    /// The answer holds when it is given. A machine that acts on it later notes
    /// before it asks what it is about to do, and so hears of what has changed
    /// since: [`Machine::cancel_reads`](crate::Machine::cancel_reads).
    #[must_use]
    pub fn may_stream(&self, task: TaskKey, span: Span, access: Access) -> bool {
        let Some(run) = self.limits.pool.run_of(span) else {
            return false;
        };
        let is_owner = |page: u32| {
            let state = self.pages.states.get(page);
            state.is_some_and(|state| state.owner == task.index)
        };
        let may_write = |page: u32| self.plane.pages.may_write(task, page);
        self.plane.lives(task)
            && (run.first()..run.end())
                .all(|page| is_owner(page) && (access == Access::Load || may_write(page)))
    }
}

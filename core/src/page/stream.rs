//! Which pages a task's streams may use.

use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::machine::Access;
use crate::page::pool::Run;
use crate::sink::Sink;

impl<S: Sink> Kernel<S> {
    /// Whether a stream of `task` may use these pages: to write what it loads
    /// there, when the task owns all of them; to read into them
    /// ([`Access::Store`]), when it may write them as well. ("A task must own the
    /// memory for its I/O buffers")
    ///
    /// The answer holds when it is given. A machine that acts on it later notes
    /// before it asks what it is about to do, and so hears of what has changed
    /// since: [`Machine::cancel_reads`](crate::Machine::cancel_reads). It looks at
    /// who holds each page: ask of few pages at a time, and of none twice.
    #[must_use]
    pub fn may_stream(&self, task: TaskKey, run: Run, access: Access) -> bool {
        let may_write = |page: u32| self.plane.pages.may_write(task, page);
        self.plane.lives(task)
            && (run.first()..run.end()).all(|page| {
                self.owns_page(task, page) && (access == Access::Load || may_write(page))
            })
    }
}

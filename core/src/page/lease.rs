//! Pages held still while the kernel stores a result there.

use crate::error::Denied;
use crate::id::TaskKey;
use crate::kernel::Kernel;
use crate::sink::Sink;
use crate::span::Span;
use crate::table::NONE;

/// Pages that are marked, so that nobody takes the right to write them away
/// while a result is on its way. Not `Clone`: it is given back once.
#[derive(Debug)]
pub(crate) struct Lease([u32; 4]);

impl<S: Sink> Kernel<S> {
    /// Leases the pages that two short ranges touch; `None` if one of them is in
    /// the middle of a change: wait. Ranges outside the pool are the machine's.
    pub(crate) fn lease(
        &mut self,
        task: TaskKey,
        spans: [Option<Span>; 2],
    ) -> Result<Option<Lease>, Denied> {
        let pool = self.limits.pool;
        let mut lease = Lease([NONE; 4]);
        let in_pool = |span: &Span| pool.touches(*span);
        for (span, pages) in spans.iter().zip(lease.0.chunks_exact_mut(2)) {
            let Some(span) = span.as_ref().copied().filter(in_pool) else {
                continue;
            };
            let run = pool.run_of(span).ok_or(Denied::CallerMemory)?;
            if !task.is_attached() {
                return Err(Denied::CallerMemory);
            }
            for (page, leased) in (run.first()..run.end()).zip(pages) {
                *leased = page;
            }
        }
        if lease.pages().any(|page| self.pages.is_changing(page)) {
            return Ok(None);
        }
        if !lease
            .pages()
            .all(|page| self.plane.pages.may_write(task, page))
        {
            return Err(Denied::CallerMemory);
        }
        for page in lease.pages() {
            self.pages.set_changing(page, true);
        }
        Ok(Some(lease))
    }

    /// The result has been stored, or could not be.
    pub(crate) fn give_back(&mut self, lease: &Lease) {
        for page in lease.pages() {
            self.pages.set_changing(page, false);
        }
    }
}

impl Lease {
    fn pages(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied().filter(|page| *page != NONE)
    }
}

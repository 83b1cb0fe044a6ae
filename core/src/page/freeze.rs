//! Pages that nobody may write, and that no call makes writable, before their
//! owner thaws them: what a host needs to look at them as plain bytes.
//!
//! Calls go over pages in batches, so a page is frozen only when nobody may
//! write it any more and no change of it is under way: after `NOWRITE` 0.

use crate::error::Denied;
use crate::kernel::Kernel;
use crate::page::pool::Run;
use crate::sink::Sink;
use crate::thread::Thread;

impl<S: Sink> Kernel<S> {
    /// Freezes pages that the caller owns and that nobody may write.
    ///
    /// # Errors
    ///
    /// [`Denied::NotPageOwner`]; [`Denied::PageWritable`] when somebody may write
    /// a page, or somebody's change of it is under way. No page is frozen then.
    pub fn freeze(&mut self, caller: &Thread, run: Run) -> Result<(), Denied> {
        for page in run.first()..run.end() {
            self.owns_page(caller, page)?;
            let published = &self.plane.pages;
            let is_written = published
                .holdings(page)
                .any(|(_, _, rights)| rights.writes());
            if is_written || published.is_for_everybody(page) || self.pages.is_changing(page) {
                return Err(Denied::PageWritable(page));
            }
        }
        self.set_frozen(run, true);
        Ok(())
    }

    /// Lets the pages be changed again. What is not frozen stays as it is.
    ///
    /// # Errors
    ///
    /// [`Denied::NotPageOwner`]: no page is thawed then.
    pub fn thaw(&mut self, caller: &Thread, run: Run) -> Result<(), Denied> {
        for page in run.first()..run.end() {
            self.owns_page(caller, page)?;
        }
        self.set_frozen(run, false);
        Ok(())
    }

    fn owns_page(&self, caller: &Thread, page: u32) -> Result<(), Denied> {
        let is_owner = |owner: u32| caller.key.is_attached() && owner == caller.key.index;
        match self.pages.states.get(page) {
            Some(state) if is_owner(state.owner) && self.plane.lives(caller.key) => Ok(()),
            Some(_) | None => Err(Denied::NotPageOwner(page)),
        }
    }

    fn set_frozen(&mut self, run: Run, is_frozen: bool) {
        for page in run.first()..run.end() {
            *self.pages.frozen.at_mut(page) = is_frozen;
        }
    }
}

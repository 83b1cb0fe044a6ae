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
            self.check_owner(caller, page)?;
            let is_written = self.page_writers(page).next().is_some();
            let is_for_everybody = self.plane.pages.is_for_everybody(page);
            if is_written || is_for_everybody || self.pages.is_changing(page) {
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
            self.check_owner(caller, page)?;
        }
        self.set_frozen(run, false);
        Ok(())
    }

    fn check_owner(&self, caller: &Thread, page: u32) -> Result<(), Denied> {
        if self.plane.lives(caller.key) && self.owns_page(caller.key, page) {
            Ok(())
        } else {
            Err(Denied::NotPageOwner(page))
        }
    }

    fn set_frozen(&mut self, run: Run, is_frozen: bool) {
        for page in run.first()..run.end() {
            *self.pages.frozen.at_mut(page) = is_frozen;
        }
    }
}

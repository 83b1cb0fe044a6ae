//! Protection by the access of mappings. Runs of pages that may be stored to
//! are mappings of their own, so their number is budgeted.

use std::ops::Range;
use std::sync::Arc;

use rustix::mm::MprotectFlags;
use usufruct_core::NoMapping;

use super::{change, protect_all};
use crate::pool::mappings::Mappings;
use crate::pool::runs::Runs;
use crate::pool::window::Window;

/// A further run is two further mappings: itself, and what lies behind it.
const MAPPINGS_OF_A_RUN: usize = 2;

#[derive(Debug)]
pub(in crate::pool) struct Shield {
    mappings: Arc<Mappings>,
    /// Of those, what this view has taken. The first run is always there.
    taken: usize,
    writable: Runs,
}

fn mappings_for(runs: usize) -> usize {
    runs.saturating_sub(1) * MAPPINGS_OF_A_RUN
}

fn allow_stores() -> MprotectFlags {
    MprotectFlags::READ | MprotectFlags::WRITE
}

impl Shield {
    pub(super) fn new(mappings: Arc<Mappings>) -> Self {
        Self {
            mappings,
            taken: 0,
            writable: Runs::default(),
        }
    }

    pub(super) fn allow(&mut self, window: &Window, pages: &Range<u32>) -> Result<(), NoMapping> {
        let wanted = mappings_for(self.writable.count_with(pages));
        let before = self.taken;
        if wanted > before && !self.mappings.change(&mut self.taken, wanted) {
            return Err(NoMapping);
        }
        if change(window, pages, allow_stores()).is_err() {
            // How far it came is not known.
            self.forbid(window, pages);
            return Err(NoMapping);
        }
        self.writable.insert(pages);
        self.give_back();
        Ok(())
    }

    pub(super) fn restore(&mut self, window: &Window, pages: &Range<u32>) -> Result<(), NoMapping> {
        if self.allow(window, pages).is_ok() {
            return Ok(());
        }
        // All others have to wait their turn: one run a view is always sure of.
        // What lies right beside a run joins it and takes no room, so a store
        // that needs two pages gets them.
        self.forbid(window, &window.all());
        self.allow(window, pages)
    }

    pub(super) fn forbid(&mut self, window: &Window, pages: &Range<u32>) {
        if pages.is_empty() {
            return;
        }
        let may_split = {
            let wanted = mappings_for(self.writable.count_without(pages));
            wanted <= self.taken || self.mappings.change(&mut self.taken, wanted)
        };
        // Whole runs go without a split.
        let extent = self.writable.extent(pages);
        if may_split && change(window, pages, MprotectFlags::READ).is_ok() {
            self.writable.remove(pages);
        } else if change(window, &extent, MprotectFlags::READ).is_ok() {
            self.writable.remove(&extent);
        } else {
            protect_all(window);
            self.writable.clear();
        }
        self.give_back();
    }

    fn give_back(&mut self) {
        let wanted = mappings_for(self.writable.count()).min(self.taken);
        self.mappings.change(&mut self.taken, wanted);
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        self.mappings.change(&mut self.taken, 0);
    }
}

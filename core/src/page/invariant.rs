//! I7 and I8 of the crate's header.

use crate::kernel::Kernel;
use crate::page::holding::SURE_HOLDINGS;
use crate::page::published::Rights;
use crate::sink::Sink;
use crate::table::NONE;

impl<S: Sink> Kernel<S> {
    /// Whether the books of pages agree with each other and with what is published.
    pub(crate) fn pages_hold(&self) -> bool {
        let listed = (0..self.limits.pool.pages).try_fold((0_u32, 0_u32), |sums, page| {
            let (holders, unheld) = self.page_holds(page)?;
            Some((
                sums.0.saturating_add(holders),
                sums.1.saturating_add(unheld),
            ))
        });
        // A change moves the charge at its end.
        let is_calm = !(0..self.limits.pool.pages).any(|page| self.pages.is_changing(page));
        let mut in_tasks = 0_u32;
        let tasks_hold = self
            .tasks
            .iter()
            .all(|(index, _)| self.task_pages_hold(index, is_calm, &mut in_tasks));
        let reserved: u32 = self
            .tasks
            .iter()
            .map(|(index, _)| self.unmet_reserve(index))
            .sum();
        tasks_hold
            && listed == Some((in_tasks, self.pages.unheld))
            && self.pages.spare_holdings() == self.pages.count().saturating_sub(in_tasks)
            && self.pages.spare_holdings() >= self.pages.unheld
            && reserved == self.pages.reserved
            // A gift that is being mapped counts for nobody's promise yet.
            && (!is_calm || self.pages.free.count() >= reserved)
    }

    /// How many tasks hold a page, and how many more it is sure of; `None` if
    /// its books are wrong.
    fn page_holds(&self, page: u32) -> Option<(u32, u32)> {
        let state = self.pages.states.get(page)?;
        let published = &self.plane.pages;
        let is_changing = self.pages.is_changing(page);
        let is_for_everybody = published.is_for_everybody(page);
        let mut holders = 0_u32;
        for (_, task, rights) in published.holdings(page) {
            holders = holders.saturating_add(1);
            let needs_everybody = rights.by_name() != rights;
            let is_empty = rights == Rights::NONE && task != state.owner;
            // One may have been left behind, beside the owner's.
            let is_empty = is_empty && state.holders != SURE_HOLDINGS;
            if !is_changing && (is_empty || (needs_everybody && !is_for_everybody)) {
                return None;
            }
        }
        if !is_changing && published.is_to_be_swept(page) {
            return None;
        }
        let is_owned = published.holding(page, state.owner).is_some();
        let is_free = self.pages.free.is_free(page);
        let has_one_owner = is_changing || is_owned != is_free;
        let is_written = published
            .holdings(page)
            .any(|(_, _, rights)| rights.writes());
        if *self.pages.frozen.at(page) && (state.owner == NONE || is_written || is_for_everybody) {
            return None;
        }
        let is_bare = !is_free || (state.owner == NONE && holders == 0 && !is_for_everybody);
        (has_one_owner && is_bare && holders == state.holders)
            .then(|| (holders, SURE_HOLDINGS.saturating_sub(holders)))
    }

    /// Whether a task's list holds what its pages say, and its charge is right.
    fn task_pages_hold(&self, index: u32, is_calm: bool, all: &mut u32) -> bool {
        let task = self.tasks.at(index);
        let (mut at, mut before, mut owned) = (task.first_holding, NONE, 0_u32);
        while let Some(holding) = self.pages.holdings.get(at) {
            let held = self.plane.pages.holding(holding.page, index);
            if held.is_none_or(|(number, _)| number != at) || holding.previous != before {
                return false;
            }
            let owner = self.pages.states.get(holding.page).map(|state| state.owner);
            owned = owned.saturating_add(u32::from(owner == Some(index)));
            *all = all.saturating_add(1);
            (before, at) = (at, holding.next);
        }
        !is_calm || owned == task.pages_owned
    }
}

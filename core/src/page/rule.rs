//! What a change does to the rights of tasks.

use crate::page::change::{Kind, PageChange};
use crate::page::published::Rights;
use crate::table::NONE;

/// What a change does to the rights of tasks, worked out once for many pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    target: u32,
    /// Who owns the pages from now on, if that changes.
    pub(crate) owner: Option<u32>,
    /// Whoever may write loses that.
    all_lose: bool,
    /// The target loses it.
    target_loses: bool,
    /// Whoever took up a grant to everybody loses it with the grant.
    takers_lose: bool,
    /// What the target may do from now on, besides what it is mapped.
    names: Option<Rights>,
    /// Nobody is refused any more.
    pub(crate) pardons: bool,
}

impl Rule {
    pub(crate) fn of(change: &PageChange) -> Self {
        let (kind, target) = (change.kind, change.target.index);
        let changes_hands = matches!(kind, Kind::Give | Kind::Allocate(_));
        let mapped = if change.maps() {
            Rights::MAPPED
        } else {
            Rights::NONE
        };
        Self {
            target,
            owner: if kind == Kind::Free {
                Some(NONE)
            } else {
                changes_hands.then_some(target)
            },
            all_lose: matches!(kind, Kind::ForbidAll | Kind::Free),
            target_loses: kind == Kind::Forbid,
            takers_lose: matches!(kind, Kind::Give | Kind::Forbid),
            names: (changes_hands || kind == Kind::Allow).then_some(mapped.with(Rights::NAMED)),
            pardons: kind == Kind::AllowAll,
        }
    }

    #[inline]
    pub(crate) fn loses(self, task: u32, rights: Rights, is_for_everybody: bool) -> bool {
        let is_target = task == self.target;
        let only_took_up = !rights.has(Rights::NAMED) && !is_for_everybody;
        let is_concerned = self.all_lose
            || (is_target && self.target_loses)
            || (!is_target && self.takers_lose && only_took_up);
        is_concerned && rights.writes()
    }

    /// What a task that loses nothing may do from now on.
    #[inline]
    pub(crate) fn left(self, task: u32, rights: Rights, is_for_everybody: bool) -> Rights {
        match self.names.filter(|_| task == self.target) {
            Some(names) => rights.only(Rights::MAPPED).with(names),
            None if !is_for_everybody => rights.by_name(),
            None if self.target_loses && task == self.target => Rights::REFUSED,
            None if self.pardons && rights.has(Rights::REFUSED) => Rights::NONE,
            None => rights,
        }
    }
}

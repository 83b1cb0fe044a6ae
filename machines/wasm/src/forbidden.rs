//! Stores to the pool that the memory protection has stopped: may they be
//! executed again, or do they end the task, and with what sentence?

use std::fmt;
use std::sync::{Arc, OnceLock};

use usufruct_core::{Denied, TaskId, TaskKey, touch};
use wasmtime::Store;

use crate::layout::POOL_START;
use crate::machine::{Border, Shared};
use crate::pool::{Verdict, View, judge_stores};
use crate::state::Guest;

/// Writers that a report names at most.
const NAMED: usize = 8;

/// A store that has ended its task, and how things stood at that moment.
#[derive(Clone, Debug)]
pub(crate) struct ForbiddenStore {
    task: TaskId,
    address: u64,
    page: u32,
    owner: Option<TaskId>,
    writers: Vec<TaskId>,
    pub(crate) denied: Denied,
}

/// The one that has ended a task, if one has.
pub(crate) type Noted = Arc<OnceLock<ForbiddenStore>>;

/// Has the stopped stores of this Store's guest judged by core.
pub(crate) fn judge(store: &mut Store<Guest>, view: &View) {
    let guest = store.data();
    let (shared, noted) = (guest.shared.clone(), guest.forbidden.clone());
    let (task, key) = (guest.thread.task(), guest.thread.key());
    judge_stores(store, view.window(), move |offset| {
        let address = POOL_START + offset as u64;
        let border = Border {
            shared: &shared,
            caller: None,
            restores: true,
        };
        let Err(denied) = touch(&border, key, address) else {
            return Verdict::Retry;
        };
        // The first counts; there is no second.
        let _ = noted.set(ForbiddenStore::look(&shared, (task, key), address, denied));
        Verdict::Forbidden
    });
}

impl ForbiddenStore {
    fn look(shared: &Shared, (task, _): (TaskId, TaskKey), address: u64, denied: Denied) -> Self {
        let kernel = shared.kernel();
        let page = shared.plane.pool().page_at(address).unwrap_or(u32::MAX);
        Self {
            task,
            address,
            page,
            owner: kernel.page_owner(page),
            writers: kernel.page_writers(page).collect(),
            denied,
        }
    }

    /// What would have allowed it.
    fn remedy(&self) -> String {
        match self.owner {
            _ if self.denied == Denied::NoMapping => {
                "a larger vm.max_map_count would, or userfaultfd".to_owned()
            }
            None => "the page is free: AllocMemBlocks would have given it to the task".to_owned(),
            Some(owner) if owner == self.task => {
                "the task owns it: its own ControlMem(MEMC_OKWRITE) would have allowed it"
                    .to_owned()
            }
            Some(owner) => format!(
                "task {}'s ControlMem(MEMC_OKWRITE) for task {} would have allowed it",
                owner.raw(),
                self.task.raw()
            ),
        }
    }
}

impl fmt::Display for ForbiddenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, page, .. } = self;
        let thread = self.task.raw();
        write!(
            f,
            "task {thread}, thread {thread}, stored to {address:#x} in page {page}"
        )?;
        match self.owner {
            Some(owner) => write!(f, ", which task {} owns", owner.raw())?,
            None => f.write_str(", which nobody owns")?,
        }
        let numbers = self
            .writers
            .iter()
            .take(NAMED)
            .map(|task| task.raw().to_string());
        let numbers: Vec<_> = numbers.collect();
        match self.writers.len() {
            0 => f.write_str(" and nobody may write by name")?,
            all if all > NAMED => {
                write!(f, " and tasks {} and others may write", numbers.join(", "))?
            }
            _ => write!(f, " and task {} may write", numbers.join(", "))?,
        }
        write!(f, "; {}", self.remedy())
    }
}

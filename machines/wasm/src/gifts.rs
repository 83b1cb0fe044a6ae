//! Who gave how much of the pool to whom, counted where the kernel says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use usufruct_core::{Event, PageAct, TaskId};

use crate::counters::Counters;
use crate::pool::page_bytes;

/// The counters of the living tasks that see the pool.
#[derive(Debug, Default)]
pub(crate) struct Gifts(Mutex<HashMap<TaskId, Arc<Counters>>>);

impl Gifts {
    /// A new task may give and be given pages.
    pub(crate) fn insert(&self, task: TaskId, counters: Arc<Counters>) {
        self.table().insert(task, counters);
    }

    /// The task has ended.
    pub(crate) fn remove(&self, task: TaskId) {
        self.table().remove(&task);
    }

    /// Counts a gift, on both sides. Pages that come new from the pool are none.
    pub(crate) fn count(&self, event: &Event<'_>) {
        let Event::PagesChanged {
            by,
            act: PageAct::Given(Some(to)),
            run,
        } = *event
        else {
            return;
        };
        if by == to {
            return;
        }
        let page_bytes = page_bytes().map_or(0, u64::from);
        let bytes = u64::from(run.pages()).saturating_mul(page_bytes);
        let table = self.table();
        if let Some(giver) = table.get(&by) {
            giver.count_given(bytes);
        }
        if let Some(receiver) = table.get(&to) {
            receiver.count_received(bytes);
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Counters>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

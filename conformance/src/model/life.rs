//! Tasks begin and end.

use super::{Model, Task, WINDOW_BYTES};
use crate::index;
use crate::rig::{Ending, PageQuota};
use std::collections::BTreeMap;
use usufruct_abi::{Error, MAX_TASK_NAME_BYTES};

impl Model {
    /// Whether a task of this name can start: the name is free, and the table has room, and so
    /// has the pool. An end that is not through may hold a place or not.
    #[must_use]
    pub fn may_start(&self, name: u8, pages: Option<PageQuota>, counts_ending: bool) -> bool {
        let living = self
            .tasks
            .values()
            .filter(|task| counts_ending || !task.is_ending);
        let is_free = |task: &Task| task.is_ending || task.name != name;
        // One more is `host`.
        let has_pages = pages.is_none_or(|quota| self.may_promise(quota, counts_ending));
        has_pages
            && self.tasks.values().all(is_free)
            && living.count() + 1 < index(self.tables.tasks)
    }

    /// A task has started.
    pub fn start(&mut self, id: i32, name: u8, quota: usize, pages: Option<PageQuota>) {
        let is_new = !self.tasks.contains_key(&id) && self.dead.iter().all(|(dead, _)| *dead != id);
        assert!(
            id > 0 && is_new && id != self.host,
            "task id {id} is another's"
        );
        let task = Task {
            name,
            quota,
            pages,
            memory: vec![0; WINDOW_BYTES],
            last_error: Error::Ok,
            ports: BTreeMap::new(),
            is_ending: false,
        };
        self.tasks.insert(id, task);
    }

    /// The first moment of an end: no right and no id works any more.
    pub fn begin_end(&mut self, id: i32) {
        self.task(id).is_ending = true;
        for smo in self.smos.values_mut().filter(|smo| smo.target == Some(id)) {
            smo.target = None;
        }
    }

    /// The end is through.
    pub fn finish_end(&mut self, id: i32, Ending { status, reason }: Ending) {
        self.tasks.remove(&id);
        self.end_pages(id);
        self.smos.retain(|_, smo| smo.owner != id);
        let words = [id, status, reason, 0];
        self.tell(id, words);
        self.dead.push((id, words));
    }

    /// Length, pointer, name.
    pub(super) fn find(
        &self,
        name: Option<u8>,
        length: i32,
        is_memory: bool,
    ) -> Result<i32, Error> {
        if length < 1 || index(length) > MAX_TASK_NAME_BYTES {
            return Err(Error::InvalidTsk);
        }
        if !is_memory {
            return Err(Error::InvalidPtr);
        }
        let bears = |task: &&Task| !task.is_ending && Some(task.name) == name;
        let found = self.tasks.iter().find(|(_, task)| bears(task));
        found.map(|(id, _)| *id).ok_or(Error::InvalidTsk)
    }
}

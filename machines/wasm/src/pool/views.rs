//! Who has which view.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use usufruct_core::TaskKey;

use super::view::View;

/// A view, and the life whose it is.
type Seat = Option<(u64, Arc<View>)>;

/// The views of all tasks, by [`TaskKey::index`].
#[derive(Debug)]
pub(crate) struct Views(Box<[Mutex<Seat>]>);

impl Views {
    pub(crate) fn new(tasks: u32) -> Self {
        Self((0..tasks).map(|_| Mutex::default()).collect())
    }

    fn seat(&self, task: TaskKey) -> Option<MutexGuard<'_, Seat>> {
        let seat = self.0.get(task.index())?;
        Some(seat.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on a task's rights are changed in this view.
    pub(crate) fn insert(&self, task: TaskKey, view: Arc<View>) {
        if let Some(mut seat) = self.seat(task) {
            *seat = Some((task.life(), view));
        }
    }

    /// The task's code runs no more; its view is about to go.
    pub(crate) fn remove(&self, task: TaskKey) {
        if let Some(mut seat) = self.seat(task)
            && seat.as_ref().is_some_and(|(life, _)| *life == task.life())
        {
            *seat = None;
        }
    }

    /// The view of this very life of the task.
    pub(crate) fn of(&self, task: TaskKey) -> Option<Arc<View>> {
        let seat = self.seat(task)?;
        let (life, view) = seat.as_ref()?;
        (*life == task.life()).then(|| view.clone())
    }
}

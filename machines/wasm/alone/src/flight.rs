//! No streams, and nothing in flight.

use usufruct_core::{Run, TaskKey};

#[derive(Debug)]
pub(crate) struct Flights;

impl Flights {
    pub(crate) fn new(_tasks: u32) -> Self {
        Self
    }

    pub(crate) fn cancel(&self, _: TaskKey, _: Run) {}

    pub(crate) fn end(&self, _: TaskKey) {}
}

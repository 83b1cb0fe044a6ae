//! Tasks: what they get, and what becomes of them.

use std::path::PathBuf;
use std::time::Duration;

use usufruct_wasm::{
    Directory, Input, MakeError, Output, PoolQuota, Program, Report, Spec, System, TaskId, Usage,
};

/// A task to be. It gets nothing that is not said here: no argument, no
/// directory, no stream, and memory up to the limit.
#[derive(Debug)]
#[must_use = "a task is made by `spawn`"]
pub struct TaskBuilder<'kernel> {
    system: &'kernel System,
    program: Program,
    spec: Spec,
}

impl<'kernel> TaskBuilder<'kernel> {
    pub(crate) fn new(system: &'kernel System, name: String, program: Program) -> Self {
        Self {
            system,
            program,
            spec: Spec::new(name),
        }
    }

    /// Where its heap ends, in bytes. By default at 2 GiB - 64 KiB, or where its
    /// module says.
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.spec.memory_bytes = bytes;
        self
    }

    /// Shared memory objects that it may own at one time. By default 1,024.
    /// (docs/calls.md, section 2: quotas and tables)
    pub fn objects(mut self, objects: u32) -> Self {
        self.spec.quota.smos = objects;
        self
    }

    /// What it may own of the pool, and what it is sure of, in pages
    /// ([`page_bytes`](crate::page_bytes)); it is attached by that. (docs/calls.md,
    /// section 3)
    pub fn pages(mut self, quota: PoolQuota) -> Self {
        self.spec.quota.pool = Some(quota);
        self
    }

    /// Whether it sees the pool. By default if there is one, and its module
    /// imports a call on pages or [`Self::pages`] says something. (docs/calls.md,
    /// section 3)
    pub fn attached(mut self, is_attached: bool) -> Self {
        self.spec.attached = Some(is_attached);
        self
    }

    /// Adds an argument. The first is the program's name.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.spec.streams.arguments.push(argument.into());
        self
    }

    /// Adds a variable to its environment, which is empty else.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let variable = (name.into(), value.into());
        self.spec.streams.environment.push(variable);
        self
    }

    /// Lets it read a directory of the host's, under the name `guest`.
    pub fn directory(self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.opened(host.into(), guest.into(), false)
    }

    /// The same, and change what is in it.
    pub fn writable_directory(self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.opened(host.into(), guest.into(), true)
    }

    fn opened(mut self, host: PathBuf, guest: String, writable: bool) -> Self {
        self.spec.streams.directories.push(Directory {
            host,
            guest,
            writable,
        });
        self
    }

    /// Where its standard input comes from. By default it is empty.
    pub fn stdin(mut self, input: Input) -> Self {
        self.spec.streams.stdin = input;
        self
    }

    /// Where its standard output goes. By default nowhere.
    pub fn stdout(mut self, output: Output) -> Self {
        self.spec.streams.stdout = output;
        self
    }

    /// Where its standard error goes. By default nowhere.
    pub fn stderr(mut self, output: Output) -> Self {
        self.spec.streams.stderr = output;
        self
    }

    /// Makes the task, and lets it run.
    ///
    /// # Errors
    ///
    /// As [`Self::make`].
    pub fn spawn(self) -> Result<Task, MakeError> {
        let task = self.make()?;
        task.start();
        Ok(task)
    }

    /// Makes the task, which is there for others to find, and runs with
    /// [`Task::start`]: so a system's tasks all exist before the first one looks
    /// for another.
    ///
    /// # Errors
    ///
    /// A name that is not free, a full table, a limit that the module exceeds
    /// from the start, a directory that can not be opened. Nothing is left then.
    pub fn make(self) -> Result<Task, MakeError> {
        let task = self.system.make(&self.program, &self.spec)?;
        Ok(Task(task))
    }
}

/// A task that runs, or has ended. A handle: the task goes on without it.
#[derive(Clone, Debug)]
pub struct Task(pub(crate) usufruct_wasm::Task);

impl Task {
    /// Its id, as tasks know it.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.0.id()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Lets it run, if it was only made so far. (docs/calls.md, section 1)
    pub fn start(&self) {
        self.0.start();
    }

    /// What it has done so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.0.usage()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.0.report()
    }

    /// Ends it, whatever it is doing. When this returns its rights are gone, and
    /// nothing moves through its objects. (docs/calls.md, section 1: when a task ends)
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Waits for its end. A future for any executor.
    pub async fn wait(&self) -> Report {
        self.0.ended().await
    }

    /// Waits for its end, on this thread: not one that runs tasks, in an import.
    pub fn join(&self) -> Report {
        self.0.wait()
    }

    /// The same for so long at most: `None` if it goes on.
    pub fn join_for(&self, time: Duration) -> Option<Report> {
        self.0.wait_for(time)
    }
}

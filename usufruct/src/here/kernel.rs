//! A kernel: made, given programs, and run.

use std::path::PathBuf;
use std::time::Duration;

use usufruct_wasm::{
    Config, Contents, Event, Host, Imports, Limits, LoadError, Program, Protection, StartError,
    System,
};

use super::task::{Task, TaskBuilder};

/// How a [`Kernel`] is to be. What is not said has a default that fits a few
/// hundred tasks.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder(Config);

impl Builder {
    /// How many threads run tasks, at least 1. By default one for each processor.
    pub fn workers(mut self, workers: u32) -> Self {
        self.0.workers = workers;
        self
    }

    /// The size of the page pool, in bytes, rounded up to pages: at most 2 GiB.
    /// By default there is none. (docs/calls.md, section 3)
    pub fn pool_bytes(mut self, bytes: u64) -> Self {
        self.0.pool_bytes = bytes;
        self
    }

    /// How the pool's pages are kept from being stored to. By default whatever
    /// does best here.
    pub fn protection(mut self, protection: Protection) -> Self {
        self.0.protection = protection;
        self
    }

    /// How large the kernel's tables are: tasks (the host is one), shared memory
    /// objects, messages. They never grow. `processors` and `pool` follow from the
    /// rest of this builder.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.0.limits = limits;
        self
    }

    /// How long a task runs before it is the next one's turn. By default about a
    /// millisecond.
    pub fn slice(mut self, slice: Duration) -> Self {
        self.0.slice = slice;
        self
    }

    /// Keeps what is compiled in a folder (an absolute path, made if it is not
    /// there), so that the next kernel that loads the same module need not compile
    /// it again. What lies there is run as it is: only who may run code in this
    /// process may write there.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.0.cache = Some(folder.into());
        self
    }

    /// Has every transition and refusal of the kernel told to `listener`, on
    /// whatever thread it happens, mostly with the kernel's lock held: it must be
    /// quick, and must not use the kernel.
    pub fn trace(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.0 = self.0.with_trace(listener);
        self
    }

    /// Starts the kernel's threads, after a look at whether the engine and the
    /// operating system do what its walls take for granted.
    ///
    /// # Errors
    ///
    /// What can not be, and the way out.
    pub fn build(self) -> Result<Kernel, StartError> {
        System::new(self.0).map(Kernel)
    }
}

/// Tasks that do not trust each other, and the rules between them. Dropped, it
/// ends every task, and waits a second at most for what they have written.
#[derive(Debug)]
pub struct Kernel(System);

impl Kernel {
    /// A kernel without a pool, and as [`Builder`] makes it else.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> Result<Self, StartError> {
        Self::builder().build()
    }

    /// Says how a kernel is to be.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Checks and compiles a module, in the binary format or in text.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being a task's program.
    pub fn load(&self, module: impl AsRef<[u8]>) -> Result<Program, LoadError> {
        self.0.load(module.as_ref())
    }

    /// The same for a module that may import functions of the host's besides
    /// usufruct's calls and WASI. No other program can.
    ///
    /// # Errors
    ///
    /// The same, and [`LoadError::NameTaken`].
    pub fn load_with(
        &self,
        module: impl AsRef<[u8]>,
        imports: &Imports,
    ) -> Result<Program, LoadError> {
        self.0.load_with(module.as_ref(), imports)
    }

    /// Looks into a module, in the binary format or in text, without compiling it:
    /// also into one that can not run.
    ///
    /// # Errors
    ///
    /// It is no module, or a broken one.
    pub fn inspect(&self, module: impl AsRef<[u8]>) -> Result<Contents, LoadError> {
        self.0.inspect(module.as_ref())
    }

    /// A task to be, under a name of 1 to 31 bytes that no living task has.
    pub fn task(&self, name: impl Into<String>, program: &Program) -> TaskBuilder<'_> {
        TaskBuilder::new(&self.0, name.into(), program.clone())
    }

    /// This program itself, as the task `host`.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.0.host()
    }

    /// The tasks that have not ended.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        self.0.tasks().into_iter().map(Task).collect()
    }

    /// Blocks until no task is left, those included that are made meanwhile. From
    /// a thread of the host's own only.
    pub fn run(&self) {
        while let Some(task) = self.tasks().first() {
            let _ = task.join();
        }
    }
}

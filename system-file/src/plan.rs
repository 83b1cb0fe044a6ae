//! The plan of a system: which tasks there are, and what each of them may have.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use usufruct_abi::MAX_TASK_NAME_BYTES;

/// The name of the task that the kernel makes for the program that embeds it.
pub const HOST: &str = "host";
/// Each life of a task finds its number here, from 0.
pub const LIFE_VARIABLE: &str = "USUFRUCT_LIFE";

/// What is to run.
#[derive(Debug)]
pub struct Plan {
    /// The sizes of the kernel's tables.
    pub limits: Limits,
    /// In the order of their start. The first has the standard input.
    pub tasks: Vec<TaskPlan>,
}

/// The sizes of the kernel's tables. `None`: a default that fits the tasks.
#[derive(Debug, Default)]
pub struct Limits {
    /// Where a person can change them, for messages.
    pub place: String,
    /// Without the host.
    pub tasks: Option<u32>,
    /// Shared memory objects.
    pub smos: Option<u32>,
    /// Messages and watches.
    pub messages: Option<u32>,
    /// Threads of the host that run tasks.
    pub workers: Option<u32>,
    /// The size of the pool; `None`: there is none.
    pub pool_bytes: Option<u64>,
}

/// Table entries that a task gets if nothing is said: twice what it is sure of.
const ENTRIES_PER_TASK: u32 = 16;

/// The sizes of a kernel's tables, with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Tasks at one time.
    pub tasks: u32,
    /// Shared memory objects at one time.
    pub smos: u32,
    /// Messages and watches at one time.
    pub messages: u32,
}

impl Plan {
    /// What the plan says; where it is silent, enough for its tasks and not less than `least`.
    #[must_use]
    pub fn sizes(&self, least: Sizes) -> Sizes {
        let planned = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let tasks = match self.limits.tasks {
            Some(tasks) => tasks.saturating_add(1),
            None => planned.saturating_add(1).max(least.tasks),
        };
        let entries = tasks.saturating_mul(ENTRIES_PER_TASK);
        let Limits { smos, messages, .. } = self.limits;
        Sizes {
            tasks,
            smos: smos.unwrap_or(entries.max(least.smos)),
            messages: messages.unwrap_or(entries.max(least.messages)),
        }
    }
}

/// One task, in each of its lives.
#[derive(Debug)]
pub struct TaskPlan {
    /// Where a person has written it, for messages.
    pub place: String,
    /// What others find it by.
    pub name: String,
    /// The path of its program.
    pub file: String,
    /// What follows the task's name in its argument list.
    pub args: Vec<String>,
    /// Names and values of its environment.
    pub env: Vec<(String, String)>,
    /// What it sees of the host's files.
    pub dirs: Vec<Folder>,
    /// Bytes of linear memory that it may grow to. `None`: what its module declares.
    pub memory_bytes: Option<u64>,
    /// Shared memory objects that it may own at a time. `None`: the kernel's default.
    pub smos: Option<u32>,
    /// Whether it sees the pool. `None`: if its module imports a call on pages.
    pub pool: Option<bool>,
    /// Bytes of the pool that it may own. `None`: all.
    pub pool_quota_bytes: Option<u64>,
    /// Bytes of the pool that others can not take.
    pub pool_reserve_bytes: u64,
    /// How many times it is started again after a life that ended in failure.
    pub restarts: u32,
    /// A life that runs longer is killed.
    pub time_limit: Option<Duration>,
}

/// A folder of the host's that a task sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its path on the host.
    pub host: String,
    /// The task's name for it.
    pub guest: String,
    /// Whether the task may write there.
    pub writable: bool,
}

impl Plan {
    /// The paths of the host that the plan names, each once, in the order of their first
    /// appearance.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        let mut paths = Vec::new();
        for task in &self.tasks {
            let folders = task.dirs.iter().map(|folder| folder.host.as_str());
            for path in core::iter::once(task.file.as_str()).chain(folders) {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        paths
    }
}

impl TaskPlan {
    /// A task with nothing but its program.
    #[must_use]
    pub fn new(place: String, name: String, file: String) -> Self {
        Self {
            place,
            name,
            file,
            args: Vec::new(),
            env: Vec::new(),
            dirs: Vec::new(),
            memory_bytes: None,
            smos: None,
            pool: None,
            pool_quota_bytes: None,
            pool_reserve_bytes: 0,
            restarts: 0,
            time_limit: None,
        }
    }
}

/// Why `name` can not be a task's name, if it can not.
#[must_use]
pub fn name_problem(name: &str, earlier: &[TaskPlan]) -> Option<String> {
    if name.is_empty() || name.len() > MAX_TASK_NAME_BYTES {
        let length = name.len();
        return Some(format!(
            "a name has 1 to {MAX_TASK_NAME_BYTES} bytes, this one has {length}"
        ));
    }
    if name.chars().any(char::is_control) {
        return Some("a name has no control characters".to_owned());
    }
    if name == HOST {
        return Some(format!("`{HOST}` is the program that runs the system"));
    }
    earlier
        .iter()
        .any(|task| task.name == name)
        .then(|| "an earlier task has this name".to_owned())
}

//! The plan of a system: which tasks there are, and what each of them may have.

use std::path::PathBuf;
use std::time::Duration;

use usufruct_abi::MAX_TASK_NAME_BYTES;
use usufruct_wasm::Directory;

/// The name of the task that the kernel makes for the program that embeds it.
pub(crate) const HOST: &str = "host";

/// What `usufruct run` runs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) limits: Limits,
    /// In the order of their start. The first has the standard input.
    pub(crate) tasks: Vec<TaskPlan>,
}

/// The sizes of the kernel's tables. `None`: a default that fits the tasks.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Where a person can change them, for messages.
    pub(crate) place: String,
    /// Without the host.
    pub(crate) tasks: Option<u32>,
    pub(crate) smos: Option<u32>,
    pub(crate) messages: Option<u32>,
    pub(crate) workers: Option<u32>,
    /// The size of the pool; `None`: there is none.
    pub(crate) pool_bytes: Option<u64>,
}

/// One task, in each of its lives.
#[derive(Debug)]
pub(crate) struct TaskPlan {
    /// Where a person has written it, for messages.
    pub(crate) place: String,
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// What follows the task's name in its argument list.
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) dirs: Vec<Directory>,
    /// Bytes of linear memory that it may grow to. `None`: what its module declares.
    pub(crate) memory_bytes: Option<u64>,
    /// Shared memory objects that it may own at a time. `None`: the kernel's default.
    pub(crate) smos: Option<u32>,
    /// Whether it sees the pool. `None`: if its module imports a call on pages.
    pub(crate) pool: Option<bool>,
    /// Bytes of the pool that it may own. `None`: all.
    pub(crate) pool_quota_bytes: Option<u64>,
    /// Bytes of the pool that others can not take.
    pub(crate) pool_reserve_bytes: u64,
    /// How many times it is started again after a life that ended in failure.
    pub(crate) restarts: u32,
    /// A life that runs longer is killed.
    pub(crate) time_limit: Option<Duration>,
}

impl TaskPlan {
    /// A task with nothing but its program.
    pub(crate) fn new(place: String, name: String, file: PathBuf) -> Self {
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
pub(crate) fn name_problem(name: &str, earlier: &[TaskPlan]) -> Option<String> {
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

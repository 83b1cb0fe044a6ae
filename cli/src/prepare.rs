//! From a plan to tasks that exist and do not run yet.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use usufruct_core::Sink;
use usufruct_system_file::{Fault, Folder, LIFE_VARIABLE, Plan, Sizes, TaskPlan};
use usufruct_wasm::{
    Config, Directory, Input, Limits, MakeError, Output, PoolQuota, Program, Spec, StartError,
    Streams, System, Task, page_bytes,
};

use crate::trace::Trace;

/// A system whose tasks all exist, by name. None of them has run.
pub(crate) struct Ready {
    pub(crate) system: Arc<System>,
    pub(crate) tasks: Vec<ReadyTask>,
}

/// A task in its first life, and all that another life needs.
pub(crate) struct ReadyTask {
    pub(crate) plan: TaskPlan,
    pub(crate) program: Program,
    pub(crate) stdin: Input,
    pub(crate) first_life: Task,
}

/// Loads every program, then makes every task. When this fails, nothing has run.
pub(crate) fn prepare(plan: Plan, trace: bool) -> Result<Ready, Fault> {
    let system = Arc::new(start_system(&plan, trace)?);
    let mut programs: HashMap<String, Program> = HashMap::new();
    for task in &plan.tasks {
        if !programs.contains_key(&task.file) {
            let program = load(&system, task)?;
            programs.insert(task.file.clone(), program);
        }
    }
    let mut tasks = Vec::new();
    for task in plan.tasks {
        let Some(program) = programs.get(&task.file) else {
            continue;
        };
        let stdin = if tasks.is_empty() {
            Input::Inherit
        } else {
            Input::Nothing
        };
        let spec = spec(&task, &stdin, 0);
        let first_life = system
            .make(program, &spec)
            .map_err(|error| make_fault(&task, error))?;
        tasks.push(ReadyTask {
            program: program.clone(),
            plan: task,
            stdin,
            first_life,
        });
    }
    Ok(Ready { system, tasks })
}

fn start_system(plan: &Plan, trace: bool) -> Result<System, Fault> {
    let mut config = Config::default();
    config.limits = limits(plan, config.limits);
    config.workers = plan.limits.workers.unwrap_or(config.workers);
    config.pool_bytes = plan.limits.pool_bytes.unwrap_or(0);
    if trace {
        let trace = Trace::default();
        config = config.with_trace(move |event| trace.event(event));
    }
    let tasks = config.limits.tasks;
    System::new(config).map_err(|error| match error {
        StartError::Limits(limits) => {
            let help = format!("there is room for {tasks} tasks, the host included");
            Fault::new(&plan.limits.place, limits.to_string(), help)
        }
        error => Fault::told("this machine", error),
    })
}

/// What the plan says; where it is silent, enough for its tasks.
fn limits(plan: &Plan, default: Limits) -> Limits {
    let Sizes {
        tasks,
        smos,
        messages,
    } = plan.sizes(Sizes {
        tasks: default.tasks,
        smos: default.smos,
        messages: default.messages,
    });
    Limits {
        tasks,
        smos,
        messages,
        ..default
    }
}

fn load(system: &System, task: &TaskPlan) -> Result<Program, Fault> {
    let thing = format!("{}, program {}", task.place, task.file);
    let file = fs::read(&task.file).map_err(|cause| {
        let help = "build the program, or name another file";
        Fault::new(&thing, cause.to_string(), help)
    })?;
    system
        .load(&file)
        .map_err(|error| Fault::told(&thing, error))
}

/// What the machine is told about a life of a task.
pub(crate) fn spec(task: &TaskPlan, stdin: &Input, life: u32) -> Spec {
    let mut spec = Spec::new(&task.name);
    if let Some(bytes) = task.memory_bytes {
        spec.memory_bytes = bytes;
    }
    if let Some(smos) = task.smos {
        spec.quota.smos = smos;
    }
    spec.attached = task.pool;
    spec.quota.pool = pool_quota(task);
    let mut environment = task.env.clone();
    environment.push((LIFE_VARIABLE.to_owned(), life.to_string()));
    let mut arguments = vec![task.name.clone()];
    arguments.extend_from_slice(&task.args);
    spec.streams = Streams {
        arguments,
        environment,
        directories: task.dirs.iter().map(directory).collect(),
        stdin: stdin.clone(),
        stdout: Output::Inherit,
        stderr: Output::Inherit,
    };
    spec
}

fn directory(folder: &Folder) -> Directory {
    Directory {
        host: folder.host.clone().into(),
        guest: folder.guest.clone(),
        writable: folder.writable,
    }
}

/// What the plan says about the task's share of the pool, in whole pages; `None`:
/// nothing.
fn pool_quota(task: &TaskPlan) -> Option<PoolQuota> {
    let page_bytes = u64::from(page_bytes().ok()?);
    let pages = |bytes: u64| u32::try_from(bytes.div_ceil(page_bytes)).unwrap_or(u32::MAX);
    let says_nothing = task.pool_quota_bytes.is_none() && task.pool_reserve_bytes == 0;
    (task.pool == Some(true) || !says_nothing).then(|| PoolQuota {
        pages: task.pool_quota_bytes.map_or(u32::MAX, pages),
        reserve: pages(task.pool_reserve_bytes),
    })
}

/// A task that can not be made, at the place where a person has written it.
fn make_fault(task: &TaskPlan, error: MakeError) -> Fault {
    let place = task.place.as_str();
    match error {
        MakeError::Directory { path, error, .. } => {
            let cause = format!("directory {}: {error}", path.display());
            Fault::new(place, cause, "make sure that you may read it")
        }
        error => Fault::told(place, error),
    }
}

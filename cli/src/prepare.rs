//! From a plan to tasks that exist and do not run yet.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use usufruct::{
    Input, Kernel, Limits, MakeError, Output, PoolQuota, Program, StartError, Task, TaskBuilder,
    page_bytes,
};
use usufruct_system_file::{Fault, LIFE_VARIABLE, Plan, Sizes, TaskPlan};

use crate::trace::Trace;

/// A system whose tasks all exist, by name. None of them has run.
pub(crate) struct Ready {
    pub(crate) kernel: Arc<Kernel>,
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
    let kernel = Arc::new(start_kernel(&plan, trace)?);
    let mut programs: HashMap<String, Program> = HashMap::new();
    for task in &plan.tasks {
        if !programs.contains_key(&task.file) {
            let program = load(&kernel, task)?;
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
        let first_life = life(&kernel, (&task, program), &stdin, 0)
            .make()
            .map_err(|error| make_fault(&task, error))?;
        tasks.push(ReadyTask {
            program: program.clone(),
            plan: task,
            stdin,
            first_life,
        });
    }
    Ok(Ready { kernel, tasks })
}

fn start_kernel(plan: &Plan, trace: bool) -> Result<Kernel, Fault> {
    let limits = limits(plan);
    let mut builder = Kernel::builder()
        .limits(limits)
        .pool_bytes(plan.limits.pool_bytes.unwrap_or(0));
    if let Some(workers) = plan.limits.workers {
        builder = builder.workers(workers);
    }
    if trace {
        let trace = Trace::default();
        builder = builder.trace(move |event| trace.event(event));
    }
    builder.build().map_err(|error| match error {
        StartError::Limits(bad) => {
            let help = format!(
                "there is room for {} tasks, the host included",
                limits.tasks
            );
            Fault::new(&plan.limits.place, bad.to_string(), help)
        }
        error => Fault::told("this machine", error),
    })
}

/// What the plan says; where it is silent, enough for its tasks.
fn limits(plan: &Plan) -> Limits {
    let default = Limits::default();
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

fn load(kernel: &Kernel, task: &TaskPlan) -> Result<Program, Fault> {
    let thing = format!("{}, program {}", task.place, task.file);
    let file = fs::read(&task.file).map_err(|cause| {
        let help = "build the program, or name another file";
        Fault::new(&thing, cause.to_string(), help)
    })?;
    kernel
        .load(&file)
        .map_err(|error| Fault::told(&thing, error))
}

/// A life of a task, by its number: what the plan says of it, and its program.
pub(crate) fn life<'kernel>(
    kernel: &'kernel Kernel,
    (task, program): (&TaskPlan, &Program),
    stdin: &Input,
    life: u32,
) -> TaskBuilder<'kernel> {
    let mut builder = kernel
        .task(&task.name, program)
        .stdin(stdin.clone())
        .stdout(Output::Inherit)
        .stderr(Output::Inherit)
        .argument(&task.name);
    if let Some(bytes) = task.memory_bytes {
        builder = builder.memory_bytes(bytes);
    }
    if let Some(smos) = task.smos {
        builder = builder.objects(smos);
    }
    if let Some(quota) = pool_quota(task) {
        builder = builder.pages(quota);
    }
    if let Some(is_attached) = task.pool {
        builder = builder.attached(is_attached);
    }
    for argument in &task.args {
        builder = builder.argument(argument);
    }
    for (name, value) in &task.env {
        builder = builder.variable(name, value);
    }
    for folder in &task.dirs {
        builder = if folder.writable {
            builder.writable_directory(&folder.host, &folder.guest)
        } else {
            builder.directory(&folder.host, &folder.guest)
        };
    }
    builder.variable(LIFE_VARIABLE, life.to_string())
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

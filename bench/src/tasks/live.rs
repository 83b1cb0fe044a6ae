//! What tasks that only wait take of memory.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Config, Limits, Spec, Task};

use crate::figure::{Case, Figure, Role, Unit};
use crate::plan::Plan;
use crate::system;

/// As many tasks as there are to be.
pub(crate) const LIVE_TASKS: u32 = 10_000;
pub(crate) const WAITING: &str = "waiting for a message";
pub(super) const A_TASK: &str = "a task, page tables included";
const QUICK_TASKS: u32 = 500;

const PATIENCE: Duration = Duration::from_secs(60);

/// The memory of so many tasks that wait.
pub(super) fn measure(plan: &Plan) -> Result<Vec<Figure>, String> {
    let count = if plan.is_quick {
        QUICK_TASKS
    } else {
        LIVE_TASKS
    };
    let mut config = Config::default();
    config.workers = 2;
    let room = (count + 1).next_power_of_two();
    config.limits = Limits {
        tasks: room,
        smos: room << 3,
        messages: room << 4,
        ..Limits::default()
    };
    let before = [resident_bytes()?, page_table_bytes()?];
    let system = system::with(config)?;
    let program = system::load(&system, include_str!("../guest/waiter.wat"))?;
    let tasks: Result<Vec<Task>, String> = (0..count)
        .map(|index| {
            let task = system::make(&system, &program, &Spec::new(format!("waiter {index}")))?;
            task.start();
            Ok(task)
        })
        .collect();
    let tasks = tasks?;
    await_all_waiting(&tasks)?;
    let [bytes, tables] = [resident_bytes()?, page_table_bytes()?];
    let bytes = bytes.saturating_sub(before[0]) as f64;
    let tables = tables.saturating_sub(before[1]) as f64;
    let each = (bytes + tables) / f64::from(count);
    let of = |what: String, bytes: f64| Figure {
        case: Case::Named(WAITING.to_owned()),
        what,
        role: Role::Ours,
        unit: Unit::Bytes,
        samples: vec![bytes],
    };
    Ok(vec![
        of(A_TASK.to_owned(), each),
        of(format!("{count} tasks"), bytes),
        of(format!("page tables of {count} tasks"), tables),
    ])
}

/// Until each has made its last call.
fn await_all_waiting(tasks: &[Task]) -> Result<(), String> {
    let begun = Instant::now();
    for task in tasks {
        while task.usage().calls == 0 {
            if let Some(report) = task.report() {
                return Err(format!("task '{}' {report}", task.name()));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("task '{}' does not come to wait", task.name()));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    thread::sleep(Duration::from_millis(50));
    Ok(())
}

/// What this process has in memory.
fn resident_bytes() -> Result<u64, String> {
    status_bytes("VmRSS:")
}

/// What the operating system needs to say where that is.
fn page_table_bytes() -> Result<u64, String> {
    status_bytes("VmPTE:")
}

fn status_bytes(name: &str) -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: Option<u64> = kib.and_then(|kib| kib.parse().ok());
    kib.map(|kib| kib << 10).ok_or(format!("no {name} here"))
}

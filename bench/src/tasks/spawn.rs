//! Tasks that do nothing and are over, beside processes and threads that do no more.

use std::process::Command;
use std::thread;
use std::time::Instant;

use usufruct_wasm::{Config, Limits, Program, Spec, System, Task};

use crate::figure::{Case, Figure, Role, add};
use crate::plan::Plan;
use crate::system;

pub(crate) const SPAWN: &str = "spawn and end";
/// Tasks that are there at one time, where there are several.
pub(crate) const AT_A_TIME: u32 = 100;

/// Of one sample.
const TASKS: u32 = 1000;
const PROCESSES: u32 = 5;

/// All of them, in turns.
pub(super) fn measure(plan: &Plan) -> Result<Vec<Figure>, String> {
    let mut config = Config::default();
    config.workers = 2;
    config.limits = Limits::default();
    let system = system::with(config)?;
    let program = system::load(&system, include_str!("../guest/ender.wat"))?;
    let mut figures = Vec::new();
    for _ in 0..plan.rounds(15) {
        let measured = [
            ("a process", Role::Floor, processes()?),
            ("a thread", Role::Rival, threads()?),
            ("a task, alone", Role::Ours, tasks(&system, &program, 1)?),
            (
                "a task, of many",
                Role::Ours,
                tasks(&system, &program, AT_A_TIME)?,
            ),
        ];
        for (what, role, ns) in measured {
            let case = Case::Named(SPAWN.to_owned());
            add(&mut figures, Figure::time(case, what, role, vec![ns]));
        }
    }
    Ok(figures)
}

/// Nanoseconds for one task, `at_a_time` of them being there together.
fn tasks(system: &System, program: &Program, at_a_time: u32) -> Result<f64, String> {
    let names: Vec<String> = (0..at_a_time)
        .map(|index| format!("task {index}"))
        .collect();
    let begun = Instant::now();
    for _ in 0..TASKS / at_a_time {
        let tasks: Result<Vec<Task>, String> = names
            .iter()
            .map(|name| {
                let task = system::make(system, program, &Spec::new(name.clone()))?;
                task.start();
                Ok(task)
            })
            .collect();
        for task in tasks? {
            let report = task.wait();
            if !report.is_success() {
                return Err(format!("task '{}' {report}", task.name()));
            }
        }
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(TASKS / at_a_time * at_a_time))
}

fn processes() -> Result<f64, String> {
    let begun = Instant::now();
    for _ in 0..PROCESSES {
        let status = Command::new("true").status();
        status.map_err(|error| format!("`true` does not run: {error}"))?;
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(PROCESSES))
}

fn threads() -> Result<f64, String> {
    let begun = Instant::now();
    for _ in 0..AT_A_TIME {
        thread::spawn(|| ()).join().map_err(|_| "a panic")?;
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(AT_A_TIME))
}

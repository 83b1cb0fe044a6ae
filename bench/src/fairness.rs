//! Gluttons copying large objects on two workers: how late is another task's
//! timer, and how long does a kill take?

use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Capture, Input, Output, Program, Spec, System, Task};

use crate::figure::Spread;
use crate::system;
use crate::words::Table;

/// Tasks that copy without end.
const GLUTTONS: usize = 8;

/// Timers and kills must not be later than this (the median of them).
const GOAL_MS: f64 = 5.0;

/// How long a new glutton runs before it is killed.
const RUN_UP: Duration = Duration::from_millis(40);

/// Times `sleeps` timers and `kills` kills beside gluttons that copy `mib` MiB a call.
///
/// # Errors
///
/// A median over the goal.
pub(crate) fn run(mib: u32, sleeps: u32, kills: usize) -> Result<String, String> {
    let system = system::with_workers(2)?;
    let source = system::load(&system, include_str!("guest/source.wat"))?;
    let mut spec = Spec::new("source");
    spec.streams.stdin = Input::Bytes(mib.to_le_bytes().to_vec());
    system::make(&system, &source, &spec)?.start();
    let glutton = system::load(&system, include_str!("guest/glutton.wat"))?;
    let gluttons: Result<Vec<Task>, String> = (0..GLUTTONS)
        .map(|index| start_glutton(&system, &glutton, index))
        .collect();
    let mut gluttons = gluttons?;
    await_all_copying(&gluttons)?;

    let late_ms = Spread::new(sleep(&system, sleeps)?.into_iter());
    let kill_ms = Spread::new(kill(&system, &glutton, &mut gluttons, kills)?.into_iter());
    let mut table = Table::new(&["what", "median, ms", "least", "most", "goal"]);
    for (name, spread) in [
        ("a timer of 1 ms is late by", late_ms),
        ("a kill takes", kill_ms),
    ] {
        let [median, least, most] =
            [spread.median, spread.least, spread.most].map(|ms| format!("{ms:.2}"));
        table.row(&[name, &median, &least, &most, &format!("< {GOAL_MS}")]);
    }
    if late_ms.median < GOAL_MS && kill_ms.median < GOAL_MS {
        Ok(table.to_string())
    } else {
        Err(format!("over the goal\n{table}"))
    }
}

fn start_glutton(system: &System, program: &Program, index: usize) -> Result<Task, String> {
    let task = system::make(system, program, &Spec::new(format!("glutton {index}")))?;
    task.start();
    Ok(task)
}

/// Waits until every glutton has copied something.
fn await_all_copying(gluttons: &[Task]) -> Result<(), String> {
    while gluttons.iter().any(|task| task.usage().read_bytes == 0) {
        if let Some(report) = gluttons.iter().find_map(|task| task.report()) {
            return Err(format!("a glutton {report}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// How late each timer was, in milliseconds.
fn sleep(system: &System, sleeps: u32) -> Result<Vec<f64>, String> {
    let output = Capture::new(1 << 16);
    let mut spec = Spec::new("sleeper");
    spec.streams.stdin = Input::Bytes(sleeps.to_le_bytes().to_vec());
    spec.streams.stdout = Output::Capture(output.clone());
    let sleeper = system::load(system, include_str!("guest/sleeper.wat"))?;
    let sleeper = system::make(system, &sleeper, &spec)?;
    sleeper.start();
    let report = sleeper.wait();
    if !report.is_success() {
        return Err(format!("the sleeper {report}"));
    }
    let contents = output.contents();
    let words = contents
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word));
    Ok(words.map(|ns| ns as f64 / 1e6 - 1.0).collect())
}

/// How long each kill took until the task's end was reported, in milliseconds.
/// Each is followed by a new glutton.
fn kill(
    system: &System,
    program: &Program,
    gluttons: &mut [Task],
    kills: usize,
) -> Result<Vec<f64>, String> {
    let mut times = Vec::with_capacity(kills);
    for index in 0..kills {
        let place = index % GLUTTONS;
        let begun = Instant::now();
        gluttons[place].kill();
        let _ = gluttons[place].wait();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        gluttons[place] = start_glutton(system, program, place)?;
        await_all_copying(gluttons)?;
        thread::sleep(RUN_UP);
    }
    Ok(times)
}

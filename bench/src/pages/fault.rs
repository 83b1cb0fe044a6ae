//! From a forbidden store to the host's knowing of the task's end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use usufruct_wasm::{Protection, Reason, Spec};

use super::{ways_here, with_pool};
use crate::figure::{Spread, Table};
use crate::system;

/// When a task has said that it is about to store.
type Mark = Arc<Mutex<Option<Instant>>>;

/// The table of both ways.
pub(super) fn run(rounds: u32) -> Result<String, String> {
    let mut table = Table::new(&["protection", "from a forbidden store to its report, us"]);
    for way in ways_here() {
        let times = measure(way, rounds)?;
        let spread = Spread::new(times.into_iter());
        table.row(&[&way.to_string(), &spread.to_string()]);
    }
    Ok(table.to_string())
}

/// How long a thread that waits for the task's end waits, in microseconds.
fn measure(way: Protection, rounds: u32) -> Result<Vec<f64>, String> {
    let mark = Mark::default();
    let marked = mark.clone();
    let system = with_pool(way, 1, |config| {
        let now =
            move || *marked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        *config = config.clone().with_imports(move |linker| {
            let now = now.clone();
            linker.func_wrap("bench", "mark", now).map(|_| ())
        });
    })?;
    let program = system::load(&system, include_str!("../guest/trespasser.wat"))?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let task = system::make(&system, &program, &Spec::new("trespasser"))?;
        task.start();
        let report = task.wait();
        let known = Instant::now();
        if report.ending.reason != Reason::ForbiddenStore {
            return Err(format!("task '{}' {report}", task.name()));
        }
        let begun = mark.lock().unwrap_or_else(PoisonError::into_inner).take();
        let begun = begun.ok_or("the task has said nothing")?;
        times.push((known - begun).as_secs_f64() * 1e6);
    }
    Ok(times)
}

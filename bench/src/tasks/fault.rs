//! From a forbidden store to the host's knowing of the task's end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use usufruct_wasm::{Program, Protection, Reason, Spec, System};

use crate::figure::{Case, Figure, Role};
use crate::pages::{ways_here, with_pool};
use crate::plan::Plan;
use crate::system;

const TRESPASSER: &str = include_str!("../guest/trespasser.wat");

/// When a task has said that it is about to store.
type Mark = Arc<Mutex<Option<Instant>>>;

/// Every way of protection, each beside an ordinary trap.
pub(super) fn measure(plan: &Plan) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for way in ways_here() {
        let [trap, store] = times(way, plan.rounds(400))?;
        let case = Case::Named(format!("forbidden store, {way}"));
        let of = |what, role, ns| Figure::time(case.clone(), what, role, ns);
        figures.push(of("trap to report", Role::Floor, trap));
        figures.push(of("store to report", Role::Ours, store));
    }
    Ok(figures)
}

/// How long a thread that waits for the end waits, in nanoseconds: of a task that
/// traps, and of one that stores where it may not.
fn times(way: Protection, rounds: u32) -> Result<[Vec<f64>; 2], String> {
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
    let stores = system::load(&system, TRESPASSER)?;
    let traps = TRESPASSER.replace(
        "(i32.store (i32.const 0x80000000) (i32.const 1))",
        "unreachable",
    );
    let traps = system::load(&system, &traps)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let ends = [(&traps, Reason::Trap), (&stores, Reason::ForbiddenStore)];
        for ((program, reason), times) in ends.into_iter().zip(&mut times) {
            times.push(time(&system, program, reason, &mark)?);
        }
    }
    Ok(times)
}

fn time(system: &System, program: &Program, reason: Reason, mark: &Mark) -> Result<f64, String> {
    let task = system::make(system, program, &Spec::new("trespasser"))?;
    task.start();
    let report = task.wait();
    let known = Instant::now();
    if report.ending.reason != reason {
        return Err(format!("task '{}' {report}", task.name()));
    }
    let begun = mark.lock().unwrap_or_else(PoisonError::into_inner).take();
    let begun = begun.ok_or("the task has said nothing")?;
    Ok((known - begun).as_nanos() as f64)
}

//! A grant to everybody ends, with few idle tasks and with many. They are
//! attached, and made but not started: blocked ones would need more mappings
//! than the usual `vm.max_map_count` allows. For core they are all there.

use usufruct_wasm::{Limits, Protection, Spec, Task};

use super::change::{Asked, OWN_PAGES, measure};
use super::{ways_here, with_pool};
use crate::figure::{Case, Figure, Role, add};
use crate::plan::Plan;
use crate::system;

const IDLE_TASKS: [usize; 2] = [10, 10_000];

/// Passes over both, in turns.
const PASSES: u32 = 5;

pub(crate) const FEW_AND_MANY: &str = "NOWRITE 0";
const FEW: &str = "10 idle tasks";
pub(crate) const MANY: &str = "10000 idle tasks";

/// Room for the idle tasks, and for what each task is sure of.
fn limits() -> Limits {
    let tasks = 1 << 14;
    Limits {
        tasks,
        smos: tasks << 3,
        messages: tasks << 4,
        ..Limits::default()
    }
}

/// Both numbers of tasks, by each way.
pub(super) fn run(plan: &Plan) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for way in ways_here() {
        for _ in 0..plan.rounds(PASSES) {
            let cases = [
                (FEW, Role::Floor, IDLE_TASKS[0]),
                (MANY, Role::Ours, IDLE_TASKS[1]),
            ];
            for (what, role, idle) in cases {
                let ns = pass(way, idle, plan.rounds(400))?;
                let case = Case::Named(format!("{FEW_AND_MANY}, {way}"));
                add(&mut figures, Figure::time(case, what, role, ns));
            }
        }
    }
    Ok(figures)
}

/// Revocations of one page from everybody, of whom one has stored to it, in
/// nanoseconds.
fn pass(way: Protection, idle: usize, rounds: u32) -> Result<Vec<f64>, String> {
    let system = with_pool(way, 1 + OWN_PAGES, |config| config.limits = limits())?;
    let idler = system::load(&system, include_str!("../guest/idler.wat"))?;
    let tasks: Result<Vec<Task>, String> = (0..idle)
        .map(|index| system::make(&system, &idler, &Spec::new(format!("idler {index}"))))
        .collect();
    let tasks = tasks?;
    let asked = Asked {
        pages: 1,
        rounds,
        everybody: true,
        beside: false,
    };
    let changes = measure(&system, &asked)?;
    drop(tasks);
    Ok(changes.revocations)
}

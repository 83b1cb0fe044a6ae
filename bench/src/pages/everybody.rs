//! A grant to everybody ends, with few idle tasks and with many. They are
//! attached, and made but not started: blocked ones would need more mappings
//! than the usual `vm.max_map_count` allows. For core they are all there.

use usufruct_wasm::{Limits, Protection, Spec, Task};

use super::change::{Asked, OWN_PAGES, measure};
use super::{ways_here, with_pool};
use crate::figure::{Spread, Table};
use crate::{figure, system};

const IDLE_TASKS: [usize; 2] = [10, 10_000];

/// Passes over both, in turns.
const PASSES: u32 = 5;

const GOAL: f64 = 1.2;

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

/// The table of both numbers of tasks.
pub(super) fn run(rounds: u32) -> Result<String, String> {
    let heads = IDLE_TASKS.map(|tasks| format!("NOWRITE 0, {tasks} idle tasks, us"));
    let mut table = Table::new(&["protection", &heads[0], &heads[1], "ratio", "goal"]);
    for way in ways_here() {
        let mut passes = Vec::new();
        for _ in 0..PASSES {
            passes.push([
                pass(way, IDLE_TASKS[0], rounds)?,
                pass(way, IDLE_TASKS[1], rounds)?,
            ]);
        }
        let spreads = [0, 1].map(|index| {
            let all = passes.iter().flat_map(|pass| pass[index].iter().copied());
            Spread::new(all)
        });
        let ratio = figure::ratio(spreads[1].median, spreads[0].median);
        let [few, many] = spreads.map(|spread| spread.to_string());
        table.row(&[&way.to_string(), &few, &many, &ratio, &format!("< {GOAL}")]);
    }
    Ok(table.to_string())
}

/// Revocations of one page from everybody, of whom one has stored to it, in
/// microseconds.
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

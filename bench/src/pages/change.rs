//! Grants and revocations, timed by the task that makes them.

use std::time::Duration;

use usufruct_wasm::{Protection, System};

use super::{ways_here, with_pool};
use crate::figure::{Case, Figure, Role};
use crate::guest::Guest;
use crate::plan::Plan;

const PAGES: [u32; 4] = [1, 16, 256, 4096];

/// The changer's own pages: what it says, and what it is answered.
pub(super) const OWN_PAGES: u32 = 2;

/// Runs of one kind at most, for changes that count.
const MOST_RUNS: u32 = 5;

const PATIENCE: Duration = Duration::from_secs(120);

/// What the changer is asked.
pub(super) struct Asked {
    pub(super) pages: u32,
    pub(super) rounds: u32,
    pub(super) everybody: bool,
    /// Whether another task computes meanwhile.
    pub(super) beside: bool,
}

/// What it has measured, in nanoseconds.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) grants: Vec<f64>,
    pub(super) revocations: Vec<f64>,
}

/// Every way, number of pages, and what is beside.
pub(super) fn run(plan: &Plan) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for way in ways_here() {
        for pages in PAGES {
            for beside in [false, true] {
                let asked = Asked {
                    pages,
                    rounds: plan.rounds(400),
                    everybody: false,
                    beside,
                };
                let changes = until_counted(way, &asked)?;
                let noun = if pages == 1 { "page" } else { "pages" };
                let whose = if beside { "runs it" } else { "is idle" };
                let case = format!("{way}, {pages} {noun}, the second worker {whose}");
                let of = |what, ns| Figure::time(Case::Named(case.clone()), what, Role::Ours, ns);
                figures.push(of("grant", changes.grants));
                figures.push(of("revoke", changes.revocations));
                // On a machine that is busy with others it may be that none counted.
                figures.retain(|figure| !figure.samples.is_empty());
            }
        }
    }
    Ok(figures)
}

/// Measures until half of what is asked for counts, or it is tried often enough.
fn until_counted(way: Protection, asked: &Asked) -> Result<Changes, String> {
    let mut changes = Changes::default();
    let enough = asked.rounds as usize / 2;
    for _ in 0..MOST_RUNS {
        let system = with_pool(way, asked.pages + OWN_PAGES, |_| {})?;
        let run = measure(&system, asked)?;
        changes.grants.extend(run.grants);
        changes.revocations.extend(run.revocations);
        if changes.grants.len().min(changes.revocations.len()) > enough {
            break;
        }
    }
    Ok(changes)
}

/// Has one changer work with one target, alone in the system with idle tasks.
/// Where another task is to compute, only those changes count in which it did.
pub(super) fn measure(system: &System, asked: &Asked) -> Result<Changes, String> {
    let target = Guest::start(system, "target", include_str!("../guest/target.wat"), &[])?;
    let words = [
        asked.pages,
        asked.rounds,
        asked.everybody.into(),
        asked.beside.into(),
    ];
    let changer = include_str!("../guest/changer.wat");
    let changer = Guest::start(system, "changer", changer, &words)?;
    let answer = changer.finish(PATIENCE);
    // With the changer its pages have gone, which may have ended the target first.
    let target = target.kill();
    let answer = answer.map_err(|error| match target {
        Ok(()) => error,
        Err(target) => format!("{error}\n{target}"),
    })?;
    let (rounds, _) = answer.as_chunks::<4>();
    let counted = |ns: u64, advance: u64| (!asked.beside || advance > 0).then_some(ns as f64);
    Ok(Changes {
        grants: rounds
            .iter()
            .filter_map(|&[ns, advance, ..]| counted(ns, advance))
            .collect(),
        revocations: rounds
            .iter()
            .filter_map(|&[.., ns, advance]| counted(ns, advance))
            .collect(),
    })
}

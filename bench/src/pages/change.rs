//! Grants and revocations, timed by the task that makes them.

use std::time::Duration;

use usufruct_wasm::{Protection, System};

use super::{ways_here, with_pool};
use crate::figure::{Spread, Table};
use crate::guest::Guest;

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

/// What it has measured, in microseconds.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) grants: Vec<f64>,
    pub(super) revocations: Vec<f64>,
}

/// The table of all sizes.
pub(super) fn run(rounds: u32) -> Result<String, String> {
    let mut table = Table::new(&[
        "protection",
        "pages",
        "the second worker",
        "grant, us",
        "revoke, us",
        "counted, of each",
    ]);
    for way in ways_here() {
        for pages in PAGES {
            for beside in [false, true] {
                let asked = Asked {
                    pages,
                    rounds,
                    everybody: false,
                    beside,
                };
                let (changes, all) = until_counted(way, &asked)?;
                let counted = [changes.grants.len(), changes.revocations.len()];
                let figures = [changes.grants, changes.revocations];
                let [grant, revoke] = figures.map(|us| Spread::new(us.into_iter()).to_string());
                table.row(&[
                    &way.to_string(),
                    &pages.to_string(),
                    if beside { "runs a task" } else { "idle" },
                    &grant,
                    &revoke,
                    &format!("{}, {} of {all}", counted[0], counted[1]),
                ]);
            }
        }
    }
    Ok(table.to_string())
}

/// Measures until half of what is asked for counts, or it is tried often enough;
/// how many changes of each kind were made besides.
fn until_counted(way: Protection, asked: &Asked) -> Result<(Changes, u32), String> {
    let mut changes = Changes::default();
    let mut all = 0;
    let enough = asked.rounds as usize / 2;
    for _ in 0..MOST_RUNS {
        let system = with_pool(way, asked.pages + OWN_PAGES, |_| {})?;
        let run = measure(&system, asked)?;
        all += asked.rounds;
        changes.grants.extend(run.grants);
        changes.revocations.extend(run.revocations);
        if changes.grants.len().min(changes.revocations.len()) > enough {
            break;
        }
    }
    Ok((changes, all))
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
    let counted = |ns: u64, advance: u64| (!asked.beside || advance > 0).then(|| ns as f64 / 1e3);
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

//! share_mem and claim_mem.

use std::time::Duration;

use crate::figure::{Case, Figure, Role, add};
use crate::guest::Guest;
use crate::plan::Plan;
use crate::system;

/// Objects of one batch: fewer than a task's quota.
const OBJECTS: u32 = 500;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const IDLE: &str = "the target waits";
pub(crate) const CLAIM: &str = "claim_mem";

/// Both cases, in turns.
pub(super) fn measure(plan: &Plan) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for _ in 0..plan.rounds(5) {
        for (case, beside) in [(IDLE, 0), ("the target copies", 1)] {
            let batches = plan.rounds(40);
            let ns = batch(batches, beside)?;
            let (batches, _) = ns.as_chunks::<3>();
            let whats = [
                ("get_current_task", Role::Floor),
                ("share_mem", Role::Ours),
                (CLAIM, Role::Ours),
            ];
            for (index, (what, role)) in whats.into_iter().enumerate() {
                let ns = batches
                    .iter()
                    .map(|ns| ns[index] as f64 / f64::from(OBJECTS));
                let case = Case::Named(case.to_owned());
                add(&mut figures, Figure::time(case, what, role, ns.collect()));
            }
        }
    }
    Ok(figures)
}

/// Nanoseconds of each batch, call by call.
fn batch(batches: u32, beside: u32) -> Result<Vec<u64>, String> {
    let system = system::with_workers(2)?;
    let target = Guest::start(
        &system,
        "target",
        include_str!("../guest/borrower.wat"),
        &[],
    )?;
    let words = [OBJECTS, batches, beside];
    let lender = Guest::start(
        &system,
        "lender",
        include_str!("../guest/lender.wat"),
        &words,
    )?;
    let ns = lender.finish(PATIENCE)?;
    target.kill()?;
    Ok(ns)
}

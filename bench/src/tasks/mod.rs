//! Tasks: how soon there is one, how much memory they take, and how soon it is
//! known that one has stored where it may not.

mod fault;
mod live;
mod spawn;

use crate::figure::Section;
use crate::plan::Plan;

pub(crate) use live::{LIVE_TASKS, WAITING};
pub(crate) use spawn::{AT_A_TIME, SPAWN};

const GIB: f64 = (1 << 30) as f64;

/// Measures all three.
pub(crate) fn run(plan: &Plan) -> Result<Section, String> {
    let mut figures = spawn::measure(plan)?;
    let live = live::measure(plan)?;
    let each = live.iter().find(|figure| figure.what == live::A_TASK);
    let per_gib = each.map_or(f64::NAN, |figure| GIB / figure.spread().median);
    figures.extend(live);
    figures.extend(fault::measure(plan)?);
    Ok(Section {
        name: "tasks",
        about: format!(
            "A task from nothing to its end: made, started, and its end waited for, one at a time or \
             {AT_A_TIME} at a time; beside a process (`true`, forked, executed and waited for) and a thread. \
             Memory: what the process has more (resident) for {LIVE_TASKS} tasks that wait for a message, each with \
             64 KiB of its own that it has not touched: {per_gib:.0} of them to a GiB. Forbidden store: \
             from the store to the report in the host's hands, beside a task that traps."
        ),
        figures,
        picture: None,
    })
}

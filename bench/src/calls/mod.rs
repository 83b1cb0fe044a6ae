//! Calls that decide and move no bytes: share_mem and claim_mem; and a message
//! from task to task.

mod hop;
mod objects;

use crate::figure::Section;
use crate::plan::Plan;

pub(crate) use hop::{HOP, ONE_WORKER};
pub(crate) use objects::{CLAIM, IDLE};

/// Measures both.
pub(crate) fn run(plan: &Plan) -> Result<Section, String> {
    let mut figures = objects::measure(plan)?;
    figures.extend(hop::measure(plan)?);
    Ok(Section {
        name: "calls",
        about: "Calls in a guest's loop, through the import. Objects are lent and claimed by batches, \
                beside a call that only asks (`get_current_task`); their target waits, or copies 64 B through another object \
                all the time on another processor. A hop is half of a message there and an answer back, both waited for, by \
                two tasks on one worker and on two; beside two threads that wake each other, and two processes that \
                send each other a byte."
            .to_owned(),
        figures,
        picture: None,
    })
}

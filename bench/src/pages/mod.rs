//! What it takes to let a task store to pages and to take that away again.
//!
//! ```text
//!   change.rs     grants and revocations, timed by the task that makes them
//!   everybody.rs  a grant to everybody ends: does it matter how many there are?
//! ```

mod change;
mod everybody;

use usufruct_wasm::{Config, Protection, System, page_bytes};

use crate::figure::Section;
use crate::plan::Plan;
use crate::system;

pub(crate) use everybody::{FEW_AND_MANY, MANY};

/// Measures both.
pub(crate) fn run(plan: &Plan) -> Result<Section, String> {
    let facts = with_pool(Protection::Auto, 1, |_| {})?.pool_facts();
    let (way, huge) = facts.ok_or("there is no pool")?;
    let page_bytes = page_bytes().map_err(|error| error.to_string())?;
    let mut figures = change::run(plan)?;
    figures.extend(everybody::run(plan)?);
    Ok(Section {
        name: "pages",
        about: format!(
            "ControlMem: a grant of write to one task, and its end. Pages of {page_bytes} bytes; the pool's \
             huge pages: {huge}; the way of protection chosen by itself: {way}. Where the second worker runs the \
             target, only those changes count in which it provably ran. To everybody: one task has stored to \
             the page each time, the idle ones are attached, made and not started."
        ),
        figures,
        picture: None,
    })
}

/// The ways of protection that this host has.
pub(crate) fn ways_here() -> Vec<Protection> {
    let mut ways = vec![Protection::Mprotect, Protection::Userfault];
    ways.retain(|way| with_pool(*way, 1, |_| {}).is_ok());
    ways
}

/// A system of two workers with a pool of `pages`.
pub(crate) fn with_pool(
    way: Protection,
    pages: u32,
    more: impl FnOnce(&mut Config),
) -> Result<System, String> {
    let page_bytes = page_bytes().map_err(|error| error.to_string())?;
    let mut config = Config::default();
    config.workers = 2;
    config.protection = way;
    config.pool_bytes = u64::from(pages) * u64::from(page_bytes);
    more(&mut config);
    system::with(config)
}

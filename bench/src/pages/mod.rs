//! What it takes to let a task store to pages and to take that away again, and
//! how soon its end is known if it stores without leave.
//!
//! ```text
//!   change.rs     grants and revocations, timed by the task that makes them
//!   everybody.rs  a grant to everybody ends: does it matter how many there are?
//!   fault.rs      from the forbidden store to the host's report
//! ```

mod change;
mod everybody;
mod fault;

use usufruct_wasm::{Config, Protection, System, page_bytes};

use crate::system;

/// Measures each; `rounds` grants and revocations, and as many forbidden stores.
pub(crate) fn run(rounds: u32) -> Result<String, String> {
    let facts = with_pool(Protection::Auto, 1, |_| {})?.pool_facts();
    let (way, huge) = facts.ok_or("there is no pool")?;
    let page_bytes = page_bytes().map_err(|error| error.to_string())?;
    Ok(format!(
        "Pages of {page_bytes} bytes; the pool's huge pages: {huge}; the way chosen by itself: {way}. \
         Median (least), in us. Ways that this host does not have are left out. \
         Idle tasks are attached, made and not started; one more has stored to the page each time.\n\n\
         {}\n{}\n{}",
        change::run(rounds)?,
        everybody::run(rounds)?,
        fault::run(rounds)?,
    ))
}

/// The ways of protection that this host has.
pub(crate) fn ways_here() -> Vec<Protection> {
    let mut ways = vec![Protection::Mprotect, Protection::Userfault];
    ways.retain(|way| with_pool(*way, 1, |_| {}).is_ok());
    ways
}

/// A system of two workers with a pool of `pages`.
fn with_pool(
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

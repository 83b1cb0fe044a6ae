//! Page rights taken away from under copies that store to the pages: the right
//! of the object's owner, and the right of whoever copies out of one.

use std::time::{Duration, Instant};

use usufruct_wasm::Config;

use super::{Case, Seen};
use crate::guest::Guest;
use crate::system;

pub(super) fn cases() -> impl Iterator<Item = Case> {
    let cases = [
        (0, "the owner's pages, against write_mem"),
        (1, "the reader's pages, against read_mem"),
    ];
    cases.into_iter().map(|(whose, name)| {
        let config = super::config_with_pool();
        Case {
            name: name.to_owned(),
            without: ("the wait taken out", config.clone().without_barrier()),
            config,
            hammer: Box::new(move |config, revocations, patience| {
                hammer(config, &[revocations, 1, whose], patience)
            }),
        }
    })
}

fn hammer(config: Config, words: &[u32], patience: Duration) -> Result<(Seen, f64), String> {
    let system = system::with(config)?;
    let copier = include_str!("../guest/page_copier.wat");
    let copier = Guest::start(&system, "copier", copier, &[])?;
    let revoker = include_str!("../guest/revoker.wat");
    let revoker = Guest::start(&system, "revoker", revoker, words)?;
    let begun = Instant::now();
    let ended = revoker.ends_within(patience);
    copier.kill()?;
    ended?;
    Ok((Seen::last_of(&revoker), begun.elapsed().as_secs_f64()))
}

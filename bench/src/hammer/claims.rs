//! Claims against a copy that is running.

use std::time::{Duration, Instant};

use usufruct_wasm::Config;

use super::{Case, Seen};
use crate::guest::Guest;
use crate::system;

pub(super) fn case() -> Case {
    let config = super::config();
    Case {
        name: "an object, against a copy through it".to_owned(),
        without: ("the wait taken out", config.clone().without_barrier()),
        config,
        hammer: Box::new(hammer),
    }
}

fn hammer(config: Config, claims: u32, patience: Duration) -> Result<(Seen, f64), String> {
    let system = system::with(config)?;
    let copier = include_str!("../guest/copier.wat");
    let copier = Guest::start(&system, "copier", copier, &[])?;
    let claimer = include_str!("../guest/claimer.wat");
    let claimer = Guest::start(&system, "claimer", claimer, &[claims, 1])?;
    let begun = Instant::now();
    let ended = claimer.ends_within(patience);
    copier.kill()?;
    ended?;
    Ok((Seen::last_of(&claimer), begun.elapsed().as_secs_f64()))
}

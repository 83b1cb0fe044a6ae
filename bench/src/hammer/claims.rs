//! Claims against a copy that is running.

use std::time::{Duration, Instant};

use usufruct_wasm::Config;

use super::{Case, Seen};
use crate::guest::Guest;
use crate::system;

pub(super) fn cases() -> [Case; 2] {
    let config = super::config();
    // Copies are light as soon as they may be, for here each object is claimed soon.
    let light = config.clone().with_streak(1);
    [
        Case {
            name: "an object, against a copy through it".to_owned(),
            without: ("the wait taken out", config.clone().without_barrier()),
            config,
            hammer: Box::new(|config, claims, patience| {
                let guests = [
                    include_str!("../guest/copier.wat"),
                    include_str!("../guest/claimer.wat"),
                ];
                hammer(config, guests, claims, patience)
            }),
        },
        Case {
            name: "an object, against light copies through it".to_owned(),
            without: ("the fences taken out", light.clone().without_fences()),
            config: light,
            hammer: Box::new(|config, claims, patience| {
                let guests = [
                    include_str!("../guest/hot_copier.wat"),
                    include_str!("../guest/hot_claimer.wat"),
                ];
                hammer(config, guests, claims, patience)
            }),
        },
    ]
}

fn hammer(
    config: Config,
    [copier, claimer]: [&str; 2],
    claims: u32,
    patience: Duration,
) -> Result<(Seen, f64), String> {
    let system = system::with(config)?;
    let copier = Guest::start(&system, "copier", copier, &[])?;
    let claimer = Guest::start(&system, "claimer", claimer, &[claims, 1])?;
    let begun = Instant::now();
    let ended = claimer.ends_within(patience);
    copier.kill()?;
    ended?;
    Ok((Seen::last_of(&claimer), begun.elapsed().as_secs_f64()))
}

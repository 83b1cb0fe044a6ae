//! Random calls against the model.
//!
//! `USUFRUCT_RANDOM_CALLS` and `USUFRUCT_RANDOM_SEED` choose a longer run, or another.

use crate::meddler::SimMeddler;
use crate::rig::SimRig;
use usufruct_conformance::random;

/// A number that the environment states.
fn stated(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|cause| panic!("{name}={text}: {cause}")),
    )
}

#[test]
fn random_calls_agree_with_the_model() {
    let usual = if cfg!(debug_assertions) {
        50_000
    } else {
        1_000_000
    };
    let calls = stated("USUFRUCT_RANDOM_CALLS").unwrap_or(usual);
    let seed = stated("USUFRUCT_RANDOM_SEED").unwrap_or(1);
    let coverage = random::run::<SimRig, SimMeddler>(calls, seed);
    println!("seed {seed}: {coverage}");
    assert!(coverage.ends > 0 && coverage.troubles > 0);
    if calls >= random::WIDE_CALLS {
        coverage.assert_wide(100);
    }
}

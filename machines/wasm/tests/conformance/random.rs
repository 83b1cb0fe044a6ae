//! Random calls through the probe, against the model. This machine makes no
//! trouble on request; its books are looked at after each call all the same.
//!
//! `USUFRUCT_RANDOM_CALLS` and `USUFRUCT_RANDOM_SEED` choose a longer run, or another.

use usufruct_conformance::random::{self, Meddler};

use crate::rig::{ByUserfault, RustProbe, WasmRig};

/// Calls of a usual run.
const USUAL_CALLS: u64 = 10_000;

struct Looker;

impl Meddler<WasmRig<RustProbe, ByUserfault>> for Looker {
    fn invariants_hold(rig: &WasmRig<RustProbe, ByUserfault>) -> bool {
        rig.invariants_hold()
    }
}

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
    let calls = stated("USUFRUCT_RANDOM_CALLS").unwrap_or(USUAL_CALLS);
    let seed = stated("USUFRUCT_RANDOM_SEED").unwrap_or(1);
    let coverage = random::run::<WasmRig<RustProbe, ByUserfault>, Looker>(calls, seed);
    println!("seed {seed}: {coverage}");
    assert!(coverage.ends > 0);
    if calls >= random::WIDE_CALLS {
        coverage.assert_wide(100);
    }
}

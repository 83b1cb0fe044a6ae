//! Random calls on two bare processors, with the suite's model as the oracle.
//!
//! `USUFRUCT_RANDOM_CALLS` and `USUFRUCT_RANDOM_SEED` choose a longer run, or another.
#![cfg(qemu)]

use usufruct_conformance::random::{NoMeddler, run};
use usufruct_x86_64_rig::BareRig;

/// Few, for each goes through an emulated serial line; other machines make many more.
const USUAL_CALLS: u64 = 5_000;

/// A number that the environment states.
fn stated(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|cause| panic!("{name}={text}: {cause}")),
    )
}

#[test]
fn kernel_and_model_agree() {
    let calls = stated("USUFRUCT_RANDOM_CALLS").unwrap_or(USUAL_CALLS);
    let coverage = run::<BareRig, NoMeddler>(calls, stated("USUFRUCT_RANDOM_SEED").unwrap_or(1));
    assert!(coverage.per_cent_successful() >= 40, "{coverage:?}");
}

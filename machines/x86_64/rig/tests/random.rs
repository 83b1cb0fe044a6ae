//! Random calls on two bare processors, with the suite's model as the oracle.
#![cfg(qemu)]

use usufruct_conformance::random::{NoMeddler, run};
use usufruct_x86_64_rig::BareRig;

/// Few, for each goes through an emulated serial line; other machines make many more.
const CALLS: u64 = 5_000;

#[test]
fn kernel_and_model_agree() {
    let coverage = run::<BareRig, NoMeddler>(CALLS, 1);
    assert!(coverage.per_cent_successful() >= 40, "{coverage:?}");
}

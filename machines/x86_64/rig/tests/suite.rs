//! The conformance suite on two bare processors.
#![cfg(qemu)]

use usufruct_x86_64_rig::BareRig;

usufruct_conformance::suite!(BareRig);

//! The conformance suite on the simulated machine.

mod rig;

use rig::SimRig;

usufruct_conformance::suite!(SimRig);

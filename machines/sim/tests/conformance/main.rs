//! The conformance suite on the simulated machine, and the random test with every trouble that
//! this machine can make.

mod meddler;
mod random;
mod rig;

use rig::SimRig;

usufruct_conformance::suite!(SimRig);

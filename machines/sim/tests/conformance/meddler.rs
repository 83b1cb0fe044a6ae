//! The random test's hands on the simulated machine.

use crate::rig::SimRig;
use std::collections::BTreeSet;
use usufruct_conformance::Probe;
use usufruct_conformance::random::{Meddler, Trouble};
use usufruct_core::TaskId;
use usufruct_sim::{Act, Kind};

/// Makes steps fail and wait.
pub(crate) struct SimMeddler;

impl Meddler<SimRig> for SimMeddler {
    const CAN: bool = true;

    fn make_trouble(rig: &mut SimRig, trouble: Trouble) {
        let (kind, act) = match trouble {
            Trouble::BarrierWaits => (Kind::Drain, Act::Wait),
            Trouble::ReapWaits => (Kind::Reap, Act::Wait),
            Trouble::WakeWaits => (Kind::Wake, Act::Wait),
            Trouble::GivingFails => (Kind::Open, Act::Fail),
            Trouble::GivingWaits => (Kind::Open, Act::Wait),
            Trouble::TakingWaits => (Kind::Shut, Act::Wait),
            Trouble::TakesMore => (Kind::Shut, Act::More),
            Trouble::FillWaits => (Kind::Fill, Act::Wait),
            Trouble::DeliveryWaits => (Kind::Deliver, Act::Wait),
            Trouble::DeliveryFails => (Kind::Deliver, Act::Fail),
            Trouble::OwnerFails => (Kind::CopyOwner, Act::Fail),
            Trouble::CallerFails => (Kind::CopyCaller, Act::Fail),
        };
        rig.sim.make_trouble(usufruct_sim::Trouble { kind, act });
    }

    fn make_peace(rig: &mut SimRig) {
        rig.sim.make_peace();
    }

    fn call_is_held(rig: &SimRig, probe: Probe) -> bool {
        rig.call_is_held(probe)
    }

    fn end_is_held(rig: &SimRig, probe: Probe) -> bool {
        rig.end_is_held(probe)
    }

    fn let_go_on(rig: &mut SimRig, probe: Probe) {
        rig.let_go_on(probe);
    }

    fn page_status(rig: &SimRig, page: u32) -> Option<(Option<i32>, BTreeSet<i32>)> {
        let (owner, writers) = rig.sim.page_status(page);
        let writers = writers.into_iter().map(TaskId::raw).collect();
        Some((owner.map(TaskId::raw), writers))
    }

    fn invariants_hold(rig: &SimRig) -> bool {
        rig.sim.invariants_hold()
    }
}

//! Counts of instructions: the machine's clock is made to count them, so they are exact and
//! the same every time.

use crate::{BareRig, Program, Setup};
use usufruct_conformance::{PATIENCE, PageQuota, Probe, Rig, Tables};
use usufruct_x86_64_wire::meter::{Order, Thing};

/// What one thing took, in instructions; what two looks at the clock take is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What.
    pub thing: Thing,
    /// Least, of all times.
    pub least: u64,
    /// The median.
    pub median: u64,
}

impl Count {
    /// A row of `bench/COUNTS.md`.
    #[must_use]
    pub fn row(&self) -> String {
        let Self {
            thing,
            least,
            median,
        } = self;
        format!("| {} | {least} | {median} |", thing.name())
    }

    /// What the table says about the same thing.
    #[must_use]
    pub fn recorded_in(&self, table: &str) -> Option<u64> {
        let start = format!("| {} | ", self.thing.name());
        let row = table.lines().find_map(|line| line.strip_prefix(&start))?;
        row.split_once(' ')?.0.parse().ok()
    }
}

/// Counts everything, on one processor of the usual machine.
///
/// # Panics
///
/// If a program does not answer.
#[must_use]
pub fn count() -> Vec<Count> {
    let setup = Setup {
        processors: 1,
        counts_instructions: true,
        ..Setup::USUAL
    };
    let mut rig = BareRig::boot_on(setup, Program::Meter, Tables::OF_THE_SUITE);
    let [(meter, own), (other, peer)] = ["meter", "other"].map(|name| start(&mut rig, name));
    let [smo] = ask(&mut rig, other, Order::Lend { peer: own });
    let mut idle = None;
    let things = Thing::ALL.iter();
    things
        .map(|&thing| {
            if thing == Thing::RoundTrip {
                let [_] = ask(&mut rig, other, Order::Echo);
            }
            let order = Order::Count { thing, peer, smo };
            let [least, median, _] = ask(&mut rig, meter, order);
            let clock = *idle.get_or_insert(least);
            Count {
                thing,
                least: least - clock,
                median: median - clock,
            }
        })
        .collect()
}

fn start(rig: &mut BareRig, name: &str) -> (Probe, u64) {
    let all = PageQuota {
        pages: u32::MAX,
        reserve: 0,
    };
    let probe = rig.start_attached(name.as_bytes(), 64, all);
    let probe = probe.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let [id] = ask(rig, probe, Order::WhoAreYou);
    (probe, id)
}

fn ask<const WORDS: usize>(rig: &mut BareRig, probe: Probe, order: Order) -> [u64; WORDS] {
    let words = order.encode().map(u64::to_le_bytes);
    rig.post(probe, words.as_flattened());
    let reply = rig.take(probe, PATIENCE);
    let reply = reply.unwrap_or_else(|| panic!("no answer to {order:?}: {}", rig.said()));
    let (words, _) = reply.as_chunks();
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    words.try_into().expect("so many words")
}

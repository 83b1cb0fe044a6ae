//! Counts of instructions: the machine's clock is made to count them, so they are exact and
//! the same every time.

use crate::{BareRig, Order as Packing, Outputs, Program, Setup, pack, programs_folder, run};
use std::fs;
use usufruct_conformance::{PATIENCE, PageQuota, Probe, Rig, Tables};
use usufruct_x86_64_wire::meter::{Order, TIMES, Thing};

/// What [`count`] calls the switches that no call asks for.
const BY_THE_CLOCK: &str = "two task switches by the clock, there and back";
/// And those between threads of one task, which are asked for.
const OF_THREADS: &str = "yield_turn, two thread switches, there and back";

/// What one thing took, in instructions; what two looks at the clock take is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What.
    pub what: &'static str,
    /// Least, of all times.
    pub least: u64,
    /// The median.
    pub median: u64,
}

/// Which end of a task is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Exit,
    ForbiddenStore,
}

impl Count {
    /// A row of `bench/COUNTS.md`.
    #[must_use]
    pub fn row(&self) -> String {
        let Self {
            what,
            least,
            median,
        } = self;
        format!("| {what} | {least} | {median} |")
    }

    /// What the table says about the same thing.
    #[must_use]
    pub fn recorded_in(&self, table: &str) -> Option<u64> {
        let start = format!("| {} | ", self.what);
        let row = table.lines().find_map(|line| line.strip_prefix(&start))?;
        row.split_once(' ')?.0.parse().ok()
    }

    fn of(what: &'static str, mut taken: Vec<u64>, clock: u64) -> Self {
        taken.sort_unstable();
        Self {
            what,
            least: taken[0] - clock,
            median: taken[taken.len() / 2] - clock,
        }
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
    let mut clock = None;
    let mut counts: Vec<_> = Thing::ALL
        .iter()
        .map(|&thing| {
            if thing == Thing::RoundTrip {
                let [_] = ask(&mut rig, other, Order::Echo);
            }
            let order = Order::Count { thing, peer, smo };
            let [least, median, _] = ask(&mut rig, meter, order);
            let clock = *clock.get_or_insert(least);
            Count {
                what: thing.name(),
                least: least - clock,
                median: median - clock,
            }
        })
        .collect();
    let clock = clock.unwrap_or(0);
    counts.push(count_switches(&mut rig, meter, (other, peer), clock));
    counts.push(count_thread_switches(setup));
    counts.extend(count_lives(&mut rig, meter, clock));
    counts
}

/// Two tasks that compute, and whose turns the clock ends.
fn count_switches(
    rig: &mut BareRig,
    meter: Probe,
    (other, peer): (Probe, u64),
    clock: u64,
) -> Count {
    let [page] = ask(rig, meter, Order::Page { peer });
    let [_] = ask(rig, other, Order::TakeTurns { page, number: 1 });
    let [_] = ask(rig, meter, Order::TakeTurns { page, number: 0 });
    let [least, median, _] = answer(rig, meter);
    Count {
        what: BY_THE_CLOCK,
        least: least - 2 * clock,
        median: median - 2 * clock,
    }
}

/// A system of one task, for probes have one thread.
fn count_thread_switches(setup: Setup) -> Count {
    const SYSTEM: &str = "[[task]]\nname = \"one\"\nfile = \"actor\"\nargs = [\"switches\"]\n";
    let name = format!("usufruct-counts.{}.toml", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, SYSTEM).expect("there is a folder for passing files");
    let packed = pack(&Packing {
        path: path.to_string_lossy().into_owned(),
        arguments: Vec::new(),
        programs: Some(programs_folder()),
    });
    // Nobody can do more about it.
    let _ = fs::remove_file(&path);
    let packed = packed.unwrap_or_else(|fault| panic!("{fault}"));
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..setup
    };
    let mut outputs = Outputs {
        output: Vec::new(),
        errors: Vec::new(),
    };
    let ended = run((&packed, setup), PATIENCE, &mut outputs);
    let output = String::from_utf8_lossy(&outputs.output).into_owned();
    let words = output.split_whitespace().map(|word| word.parse().ok());
    let words: Option<Vec<u64>> = words.collect();
    let Some(&[least, median, clock]) = words.as_deref() else {
        panic!("{ended:?}: {output}");
    };
    Count {
        what: OF_THREADS,
        least: least - clock,
        median: median - clock,
    }
}

/// Tasks that come and go.
fn count_lives(rig: &mut BareRig, meter: Probe, clock: u64) -> [Count; 3] {
    let [own] = ask(rig, meter, Order::WhoAreYou);
    let [page, closed] = [(); 2].map(|()| {
        let [page] = ask(rig, meter, Order::Page { peer: own });
        page
    });
    let mut starts = Vec::new();
    let mut ends = |rig: &mut BareRig, end| {
        let lives = (0..TIMES).map(|_| {
            let (victim, peer) = start(rig, "victim");
            starts.push(rig.start_took(victim).expect("it has started"));
            let [_] = ask(rig, meter, Order::Hear { peer, page });
            let forbidden = if end == End::Exit { 0 } else { closed };
            rig.post(victim, words(Order::End { page, forbidden }).as_flattened());
            let [taken] = answer(rig, meter);
            taken
        });
        lives.collect()
    };
    let exits = ends(rig, End::Exit);
    let stores = ends(rig, End::ForbiddenStore);
    [
        Count::of("start of a task", starts, clock),
        Count::of("exit of a task, until who watches has heard", exits, clock),
        Count::of(
            "forbidden store, until it is reported and who watches has heard",
            stores,
            clock,
        ),
    ]
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

fn words(order: Order) -> [[u8; 8]; 4] {
    order.encode().map(u64::to_le_bytes)
}

fn ask<const WORDS: usize>(rig: &mut BareRig, probe: Probe, order: Order) -> [u64; WORDS] {
    rig.post(probe, words(order).as_flattened());
    answer(rig, probe)
}

fn answer<const WORDS: usize>(rig: &mut BareRig, probe: Probe) -> [u64; WORDS] {
    let reply = rig.take(probe, PATIENCE);
    let reply = reply.unwrap_or_else(|| panic!("no answer: {}", rig.said()));
    let (words, _) = reply.as_chunks();
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    words.try_into().expect("so many words")
}

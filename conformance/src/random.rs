//! Random calls against the model: after each, result, `last_error` and every byte of a small
//! world agree.
//!
//! ```text
//!   random/step.rs      what a sequence is made of, drawn without knowing the world
//!   random/resolve.rs   a step in this world: ids, ranges and tasks of what is alive, mostly
//!   random/player.rs    carries steps out on a machine and on the model, and compares
//!   random/coverage.rs  which call was answered how, how often
//!   random/diary.rs     what was done before a failure
//! ```
//!
//! A sequence that fails is shrunk by proptest; its steps mean something in any world, so that
//! they can be left out one by one.

mod coverage;
mod diary;
mod player;
mod resolve;
mod step;

use crate::rig::{Probe, Rig, Tables};
use diary::{Diary, caught};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::RefCell;

pub use coverage::Coverage;
use player::Player;

/// Steps of one sequence. Long enough for full tables and forgotten tasks, short enough to be
/// shrunk.
const STEPS: usize = 400;

/// Tries to make a failing sequence shorter.
const SHRINKS: u32 = 6_000;

/// A step of the border that is made to fail or to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The barrier of a claim, a pass or an end waits.
    BarrierWaits,
    /// The end of a task waits before its memory goes.
    ReapWaits,
    /// The waking of a sleeper waits.
    WakeWaits,
    /// The delivery of a message waits.
    DeliveryWaits,
    /// The delivery of a message fails.
    DeliveryFails,
    /// The memory of an object's owner fails in a copy.
    OwnerFails,
    /// The caller's memory fails in a copy.
    CallerFails,
}

/// A machine's ways to make trouble and to look into its kernel.
pub trait Meddler<R: Rig> {
    /// Whether there are any.
    const CAN: bool;

    /// From here on, the next such step fails or waits.
    fn make_trouble(rig: &mut R, trouble: Trouble);

    /// Forgets the trouble that did not come to pass.
    fn make_peace(rig: &mut R);

    /// Whether a step of the living probe's call waits.
    fn call_is_held(rig: &R, probe: Probe) -> bool;

    /// Whether a step of the probe's end waits.
    fn end_is_held(rig: &R, probe: Probe) -> bool;

    /// Lets the steps go on that wait in the probe's call, and in its end.
    fn let_go_on(rig: &mut R, probe: Probe);

    /// Whether the kernel's books agree with each other.
    fn invariants_hold(rig: &R) -> bool;
}

/// For machines that have none.
#[derive(Debug)]
pub struct NoMeddler;

impl<R: Rig> Meddler<R> for NoMeddler {
    const CAN: bool = false;

    fn make_trouble(_: &mut R, _: Trouble) {}

    fn make_peace(_: &mut R) {}

    fn call_is_held(_: &R, _: Probe) -> bool {
        false
    }

    fn end_is_held(_: &R, _: Probe) -> bool {
        false
    }

    fn let_go_on(_: &mut R, _: Probe) {}

    fn invariants_hold(_: &R) -> bool {
        true
    }
}

/// Sizes of the small world: few enough places that tables fill up, in two ways.
const WORLDS: [Tables; 2] = [
    Tables {
        tasks: 6,
        smos: 54,
        messages: 58,
    },
    Tables {
        tasks: 5,
        smos: 70,
        messages: 220,
    },
];

/// Makes at least `calls` random calls, drawn from `seed`; says what they came to.
///
/// # Panics
///
/// When the machine and the model disagree; the shortest sequence found that shows it is in
/// the message.
pub fn run<R: Rig, M: Meddler<R>>(calls: u64, seed: u64) -> Coverage {
    let coverage = RefCell::new(Coverage::default());
    let sequence = (
        0..WORLDS.len(),
        proptest::collection::vec(step::any_step(), STEPS),
    )
        .prop_map(|(world, steps)| (WORLDS[world], steps));
    for round in 0_u64.. {
        let made = coverage.borrow().calls();
        if made >= calls {
            break;
        }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&round.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: SHRINKS,
            ..Config::default()
        };
        let played = TestRunner::new_with_rng(config, random).run(&sequence, |(tables, steps)| {
            let (mut seen, diary) = (Coverage::default(), Diary::default());
            let player = || Player::<R, M>::new(tables, diary.clone());
            let played = caught(|| player().play(&steps, &mut seen));
            played.map_err(|words| TestCaseError::fail(format!("{words}\nafter\n{diary}")))?;
            coverage.borrow_mut().add(&seen);
            Ok(())
        });
        if let Err(failure) = played {
            panic!("seed {seed}, round {round}, after {made} calls: {failure}");
        }
    }
    coverage.into_inner()
}

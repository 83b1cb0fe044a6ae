//! Random calls against the model: after each, result, `last_error` and every byte of a small
//! world agree.
//!
//! ```text
//!   random/step.rs      what a sequence is made of, drawn without knowing the world
//!   random/resolve.rs   a call in this world: its words, and its meaning for the model
//!   random/named.rs     whom and what it names: tasks, objects and ports, mostly such as are alive
//!   random/place.rs     where the bytes are that it names
//!   random/player.rs    plays steps on a machine and on the model, and compares
//!   random/calls.rs     the calls among them
//!   random/pages.rs     page calls and stores to the pool, drawn and resolved
//!   random/stores.rs    the stores among the steps
//!   random/meddle.rs    steps of the border that are made to fail or to wait
//!   random/coverage.rs  which call was answered how, how often
//!   random/diary.rs     what was done before a failure
//! ```
//!
//! A sequence that fails is shrunk by proptest; its steps mean something in any world, so that
//! they can be left out one by one.

mod calls;
mod coverage;
mod diary;
mod meddle;
mod named;
mod pages;
mod place;
mod player;
mod resolve;
mod step;
mod stores;

use crate::rig::{Rig, Tables};
use diary::{Diary, caught};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::RefCell;

pub use coverage::Coverage;
pub use meddle::{Meddler, NoMeddler, Trouble};
use player::Player;

/// So many calls are enough for [`Coverage::assert_wide`] with 100 of each answer.
pub const WIDE_CALLS: u64 = 200_000;

/// Steps of one sequence. Long enough for full tables and forgotten tasks, short enough to be
/// shrunk.
const STEPS: usize = 400;

/// Tries to make a failing sequence shorter.
const SHRINKS: u32 = 6_000;

/// Sizes of the small world: few enough places that tables fill up, in two ways.
const WORLDS: [Tables; 2] = [
    Tables {
        tasks: 6,
        smos: 54,
        messages: 58,
        pages: 6,
    },
    Tables {
        tasks: 5,
        smos: 70,
        messages: 220,
        pages: 9,
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

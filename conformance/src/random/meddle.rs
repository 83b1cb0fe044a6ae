//! Trouble on purpose: steps of the border that fail, and steps that wait while others' calls go
//! on.

use super::coverage::Coverage;
use super::diary::Deed;
use super::player::{Actor, Doing, Player};
use super::resolve::{Ready, among};
use super::step::Draw;
use crate::model::{Call, Expected, PageCall};
use crate::rig::{Probe, Rig};
use std::collections::BTreeSet;
use usufruct_abi::{Error, MEMC_OKWRITE, Number, PortfolioError};

/// A step of the border that is made to fail or to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The barrier of a claim, a pass or an end waits.
    BarrierWaits,
    /// The end of a task waits before its memory goes.
    ReapWaits,
    /// The waking of a sleeper waits.
    WakeWaits,
    /// A mapping that is given can not be made.
    GivingFails,
    /// A mapping that is given takes its time.
    GivingWaits,
    /// A mapping that is taken takes its time.
    TakingWaits,
    /// More is taken than was asked for.
    TakesMore,
    /// The clearing of pages takes its time.
    FillWaits,
    /// The delivery of a message waits.
    DeliveryWaits,
    /// The delivery of a message fails.
    DeliveryFails,
    /// The memory of an object's owner fails in a copy.
    OwnerFails,
    /// The caller's memory fails in a copy.
    CallerFails,
}

/// A machine's ways to make trouble and to look into its kernel. One that makes no trouble
/// leaves all but the last as they are.
pub trait Meddler<R: Rig> {
    /// Whether there is trouble.
    const CAN: bool = false;

    /// From here on, the next such step fails or waits.
    fn make_trouble(_: &mut R, _: Trouble) {}

    /// Forgets the trouble that did not come to pass.
    fn make_peace(_: &mut R) {}

    /// Whether a step of the living probe's call waits.
    fn call_is_held(_: &R, _: Probe) -> bool {
        false
    }

    /// Whether a step of the probe's end waits.
    fn end_is_held(_: &R, _: Probe) -> bool {
        false
    }

    /// Lets the steps go on that wait in the probe's call, and in its end.
    fn let_go_on(_: &mut R, _: Probe) {}

    /// What the kernel has in its books of a page: its owner, and those who may write it by name
    /// or have because everybody may. `None`: it can not be asked.
    fn page_status(_: &R, _page: u32) -> Option<(Option<i32>, BTreeSet<i32>)> {
        None
    }

    /// Whether the kernel's books agree with each other.
    fn invariants_hold(rig: &R) -> bool;
}

/// For machines whose kernel can not be looked into.
#[derive(Debug)]
pub struct NoMeddler;

impl<R: Rig> Meddler<R> for NoMeddler {
    fn invariants_hold(_: &R) -> bool {
        true
    }
}

impl<R: Rig, M: Meddler<R>> Player<R, M> {
    pub(super) fn one_of(&self, troubles: &[Trouble], draw: Option<Draw>) -> Option<Trouble> {
        let draw = draw.filter(|_| M::CAN && !troubles.is_empty())?;
        Some(troubles[among(troubles.len(), draw)])
    }

    pub(super) fn make_trouble(&mut self, trouble: Option<Trouble>) {
        if let Some(trouble) = trouble {
            M::make_trouble(&mut self.world.rig, trouble);
        }
    }

    /// A step of a call waits. What it does to the books is done.
    pub(super) fn hold(&mut self, index: usize, ready: &Ready, expected: &[Expected]) {
        let id = self.actors[index].id;
        let word = match expected.first() {
            Some(Expected::Word(word)) => *word,
            _ => 0,
        };
        self.actors[index].doing = Doing::Held(ready.number, word);
        self.diary.note(Deed::Waits { id });
        match ready.call {
            Call::Get {
                port,
                at,
                sender_at,
            } => self.model.take_off(id, port, (at, sender_at)),
            Call::Send { task, port, .. } => {
                self.model.apply(id, &ready.call, Ok(0));
                let is_sleeper = |actor: &&mut Actor| {
                    actor.id == task
                        && matches!(actor.doing, Doing::Asleep { port: on, .. } if on == port)
                };
                // None, if its wait was over: a wake too many is nobody's loss.
                if let Some(sleeper) = self.actors.iter_mut().find(is_sleeper) {
                    sleeper.is_kept_asleep = true;
                }
            }
            Call::Page(call) => {
                self.model.apply(id, &ready.call, Ok(word));
                self.model.begin_change(id, &call, word);
            }
            _ => self.model.apply(id, &ready.call, Ok(word)),
        }
        let may_be_held = expected.contains(&Expected::Is(Ok(0)))
            || matches!(ready.call, Call::Get { .. } | Call::Page(_));
        assert!(
            may_be_held,
            "{ready:?} waits in a step, though the model says {expected:?}"
        );
    }

    /// All steps that wait go on, one actor's after the other's.
    pub(super) fn go_on(&mut self, coverage: &mut Coverage) {
        self.diary.note(Deed::GoesOn);
        for index in 0..self.actors.len() {
            let Actor {
                task,
                doing,
                is_ending,
                ..
            } = self.actors[index];
            if matches!(doing, Doing::Held(..)) || is_ending {
                let probe = self.world.probe(task);
                M::let_go_on(&mut self.world.rig, probe);
                self.conclude(index, coverage);
            }
        }
        self.actors.retain(|actor| !actor.is_gone);
        self.actors
            .iter_mut()
            .for_each(|actor| actor.is_kept_asleep = false);
        self.expect_wakes(coverage);
    }

    /// A call that was held has its answer, an end that was held is through.
    fn conclude(&mut self, index: usize, coverage: &mut Coverage) {
        let Actor {
            task,
            id,
            doing,
            is_ending,
            is_gone,
            ..
        } = self.actors[index];
        if let Doing::Held(number, word) = doing {
            self.model.end_change(id);
            let said = (!is_ending).then(|| self.world.reply(task));
            let wanted = if number == Number::GetMsg {
                self.land(index)
            } else {
                Ok(word)
            };
            if let Some(said) = said {
                let answer = self.said_answer(id, number, &said);
                assert_eq!(answer, wanted, "{} was held", number.name());
                if (number as u32) < Number::ControlMem as u32 {
                    self.model.note(id, answer);
                }
                coverage.note(number, answer);
            }
            self.actors[index].doing = Doing::Nothing;
        }
        if is_ending && !is_gone {
            self.finish_end(index, coverage);
        }
    }
}

/// The troubles that can come to pass in this call.
pub(super) fn troubles_of(number: Number) -> &'static [Trouble] {
    match number {
        Number::ClaimMem | Number::PassMem => &[Trouble::BarrierWaits],
        Number::SendMsg => &[Trouble::WakeWaits],
        Number::GetMsg => &[Trouble::DeliveryWaits, Trouble::DeliveryFails],
        Number::ReadMem | Number::WriteMem => &[Trouble::OwnerFails, Trouble::CallerFails],
        Number::ControlMem => &[
            Trouble::BarrierWaits,
            Trouble::GivingFails,
            Trouble::GivingWaits,
            Trouble::TakingWaits,
            Trouble::TakesMore,
            Trouble::FillWaits,
        ],
        Number::AllocMemBlocks => &[
            Trouble::GivingFails,
            Trouble::GivingWaits,
            Trouble::FillWaits,
        ],
        _ => &[],
    }
}

/// What is expected when a step of this caller's fails: of what would have succeeded, that it
/// does not. A grant may have no mapping to make, and so none that fails; a gift has none.
pub(super) fn with_trouble(
    expected: [Expected; 2],
    (caller, call): (i32, &Call),
    trouble: Option<Trouble>,
) -> Vec<Expected> {
    let moves = match (call, trouble) {
        (Call::Get { .. }, Some(Trouble::DeliveryFails)) => true,
        (Call::Copy { size, .. }, Some(Trouble::OwnerFails | Trouble::CallerFails)) => *size > 0,
        _ => false,
    };
    let mut all = expected.to_vec();
    for expected in &mut all {
        if moves && matches!(expected, Expected::Is(Ok(_))) {
            *expected = Expected::Is(Err(Error::InvalidPtr));
        }
    }
    if trouble == Some(Trouble::GivingFails) {
        let refusal = match *call {
            Call::Page(PageCall::Control { cmd, task, .. }) => {
                let maps = cmd == MEMC_OKWRITE && task != 0 && task != caller;
                maps.then_some(PortfolioError::NoMem.code())
            }
            _ => Some(0),
        };
        all.extend(refusal.map(Expected::Word));
    }
    all
}

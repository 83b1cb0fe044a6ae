//! Carries the steps of a sequence out, on a machine and on the model, and compares.

use super::coverage::Coverage;
use super::diary::{Deed, Diary};
use super::resolve::{NAMES, Ready, View, among, name_of};
use super::step::{Draw, Step, Wish};
use super::{Meddler, Trouble};
use crate::model::{Call, Expected, Model, Place, WINDOW_BYTES};
use crate::rig::{Rig, Tables};
use crate::world::{Answer, NAME_AT, NOTHING_COMES, Said, Task, World, answer};
use std::marker::PhantomData;
use usufruct_abi::{Error, Number};

/// Objects that a task may own: fewer than it is sure of, some more, and more than there are.
const QUOTAS: [u32; 3] = [3, 14, 1024];
/// Tasks that there should be at least.
const FEW_TASKS: usize = 3;
/// On a machine whose clock can not be held, a sleep that is sure to end soon.
const SHORT_SLEEP_MS: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    /// Sleeps on this port, until then.
    Asleep {
        port: i32,
        until_ms: Option<u64>,
    },
    /// A step of this call waits.
    Held(Number),
}

/// A task of the sequence.
#[derive(Clone, Copy, Debug)]
struct Actor {
    task: Task,
    id: i32,
    doing: Doing,
    /// Its end has begun; a step of it, or of its last call, waits.
    is_ending: bool,
    /// Its end is through all the same.
    is_gone: bool,
    /// The step that would wake it waits.
    is_kept_asleep: bool,
}

/// A machine and the model, side by side.
#[derive(Debug)]
pub(super) struct Player<R, M> {
    world: World<R>,
    model: Model,
    actors: Vec<Actor>,
    clock_ms: u64,
    diary: Diary,
    meddler: PhantomData<M>,
}

impl<R: Rig, M: Meddler<R>> Player<R, M> {
    /// A fresh machine.
    #[must_use]
    pub(super) fn new(tables: Tables, diary: Diary) -> Self {
        Self {
            world: World::new(tables),
            model: Model::new(tables),
            actors: Vec::new(),
            clock_ms: 0,
            diary,
            meddler: PhantomData,
        }
    }

    /// Plays a sequence.
    ///
    /// # Panics
    ///
    /// Where machine and model disagree.
    pub(super) fn play(mut self, steps: &[Step], coverage: &mut Coverage) {
        for number in 0..FEW_TASKS {
            let number = Draw::try_from(number).expect("few");
            self.start(number, number);
        }
        let host = self.world.find(self.actors[0].task, b"host");
        self.model.host = host.expect("the host is a task");
        self.model.note(self.actors[0].id, Ok(0));
        for step in steps {
            self.step(step, coverage);
            self.compare();
        }
        self.go_on(coverage);
        for actor in self.actors.clone() {
            if actor.doing != Doing::Nothing {
                self.world.kill(actor.task);
            }
        }
        self.world.compare_ledgers();
    }

    fn step(&mut self, step: &Step, coverage: &mut Coverage) {
        if self.living().len() < FEW_TASKS {
            self.start(Draw::try_from(self.clock_ms % 8).unwrap_or(0), 1);
        }
        match step {
            Step::Start { name, quota } => self.start(*name, *quota),
            Step::End { who, how, trouble } => self.end(*who, *how, *trouble, coverage),
            Step::Call {
                who,
                call,
                times,
                trouble,
            } => {
                for _ in 0..if call.fills_up() { *times } else { 1 } {
                    self.call(*who, call, *trouble, coverage);
                }
            }
            Step::Store { who, at, byte } => self.store(*who, *at, *byte),
            Step::Advance { milliseconds } if R::FACTS.virtual_clock => {
                self.advance(*milliseconds, coverage)
            }
            Step::Advance { .. } => {}
            Step::GoOn => self.go_on(coverage),
        }
    }

    /// Indices of the actors whose end has not begun.
    fn living(&self) -> Vec<usize> {
        (0..self.actors.len())
            .filter(|index| !self.actors[*index].is_ending)
            .collect()
    }

    /// One that can do something now.
    fn idle(&self, who: Draw) -> Option<usize> {
        let mut living = self.living();
        living.retain(|index| self.actors[*index].doing == Doing::Nothing);
        (!living.is_empty()).then(|| living[among(living.len(), who)])
    }

    // Lives.

    fn start(&mut self, name: Draw, quota: Draw) {
        let name = name_of(name) % 8;
        let quota = QUOTAS[among(QUOTAS.len(), quota)];
        let may = [true, false].map(|counts_ending| self.model.may_start(name, counts_ending));
        match self.world.try_start(NAMES[usize::from(name)], quota) {
            Ok(task) => {
                assert!(
                    may.contains(&true),
                    "a task started, with its name taken or the table full"
                );
                let id = self.world.id(task);
                self.model.start(id, name, crate::index(quota));
                self.diary.note(Deed::Started { id });
                let doing = Doing::Nothing;
                self.actors.push(Actor {
                    task,
                    id,
                    doing,
                    is_ending: false,
                    is_gone: false,
                    is_kept_asleep: false,
                });
            }
            Err(refusal) => assert!(may.contains(&false), "a task did not start: {refusal}"),
        }
    }

    fn end(&mut self, who: Draw, how: Draw, trouble: Option<Draw>, coverage: &mut Coverage) {
        let living = self.living();
        if living.len() < 2 {
            return;
        }
        let index = living[among(living.len(), who)];
        let Actor {
            task, id, doing, ..
        } = self.actors[index];
        let trouble = self.one_of(&[Trouble::BarrierWaits, Trouble::ReapWaits], trouble);
        self.make_trouble(trouble);
        match (doing, how % 3) {
            (Doing::Nothing, 0) => self.world.begin_exit(task, i32::from(how)),
            (Doing::Nothing, 1) => self.world.begin_trap(task),
            _ => self.world.begin_kill(task),
        }
        M::make_peace(&mut self.world.rig);
        coverage.ends += 1;
        self.diary.note(Deed::Ended { id, trouble });
        self.model.begin_end(id);
        self.actors[index].is_ending = true;
        if M::end_is_held(&self.world.rig, self.world.probe(task)) {
            coverage.troubles += 1;
            return;
        }
        self.finish_end(index, coverage);
        if !matches!(doing, Doing::Held(_)) {
            self.actors.remove(index);
        }
    }

    fn finish_end(&mut self, index: usize, coverage: &mut Coverage) {
        let Actor { task, id, .. } = self.actors[index];
        let ending = self.world.ending(task);
        self.model.finish_end(id, ending);
        self.actors[index].is_gone = true;
        self.expect_wakes(coverage);
    }

    // Calls.

    fn call(&mut self, who: Draw, wish: &Wish, trouble: Option<Draw>, coverage: &mut Coverage) {
        let Some(index) = self.idle(who) else {
            return;
        };
        let Actor { task, id, .. } = self.actors[index];
        if let Wish::Find { name, .. } = wish {
            let name = NAMES.get(usize::from(name_of(*name))).unwrap_or(&"nob");
            self.world
                .poke(task, NAME_AT, format!("{name:\0<32}").as_bytes());
        }
        let (arena, end) = (self.world.at(task, 0), self.world.end(task));
        let name_at = self.world.at(task, NAME_AT);
        let ready = View {
            model: &self.model,
            caller: id,
            arena,
            end,
            name_at,
        }
        .ready(wish);
        let trouble = self.one_of(troubles_of(ready.number), trouble);
        let expected =
            [true, false].map(|counts_ending| self.model.expect(id, &ready.call, counts_ending));
        let expected = expected.map(|expected| with_trouble(expected, &ready.call, trouble));

        self.diary.note(Deed::Calls { id, ready, trouble });
        self.make_trouble(trouble);
        self.world.post_call(task, ready.number, ready.words);
        let is_held = M::call_is_held(&self.world.rig, self.world.probe(task));
        if is_held {
            M::make_peace(&mut self.world.rig);
            coverage.troubles += 1;
            self.hold(index, &ready, expected);
        } else if let Expected::Sleeps(timeout_ms) = expected[0] {
            self.fall_asleep(index, &ready, timeout_ms, coverage);
        } else {
            let said = self.world.reply(task);
            M::make_peace(&mut self.world.rig);
            let fails = matches!(
                trouble,
                Some(Trouble::DeliveryFails | Trouble::OwnerFails | Trouble::CallerFails)
            );
            coverage.troubles += u64::from(fails && said.last_error == Error::InvalidPtr.code());
            let answer = self.check(&ready, expected, &said);
            self.apply(index, &ready, answer);
            coverage.note(ready.number, answer);
            self.diary.note(Deed::Answered { id, answer });
        }
        self.expect_wakes(coverage);
    }

    /// What the machine said, if the model might have said so too.
    fn check(&self, ready: &Ready, expected: [Expected; 2], said: &Said) -> Answer {
        let answer = said_answer(ready.number, said);
        let is_new = |id: i32| id > 0 && !self.model.smo_ids.contains(&id);
        let agrees = |expected: &Expected| match expected {
            Expected::Is(wanted) => *wanted == answer,
            Expected::NewId => answer.is_ok_and(is_new),
            Expected::Sleeps(_) => false,
        };
        assert!(
            expected.iter().any(agrees),
            "{ready:?}: the machine says {answer:?}, the model {expected:?}"
        );
        answer
    }

    fn apply(&mut self, index: usize, ready: &Ready, answer: Answer) {
        let id = self.actors[index].id;
        if let (
            Call::Get {
                port,
                at,
                sender_at,
            },
            Ok(_),
        ) = (ready.call, answer)
        {
            self.model.take_off(id, port, (at, sender_at));
            let landed = self.land(index);
            assert_eq!(landed, answer, "{ready:?}");
            self.model.note(id, answer);
        } else {
            self.model.apply(id, &ready.call, answer);
        }
    }

    /// The message on its way to an actor arrives; what the call answers then.
    fn land(&mut self, index: usize) -> Answer {
        let Actor {
            task,
            id,
            is_ending,
            ..
        } = self.actors[index];
        let flight = self
            .model
            .in_flight
            .iter()
            .find(|flight| flight.receiver == id);
        let at = flight.map(crate::model::InFlight::place);
        let world = &mut self.world;
        self.model.land(id, false, || match at {
            Some(Place::Window(offset)) if !is_ending => world.peek(task, offset as u64, 16),
            _ => Vec::new(),
        })
    }

    /// A step of a call waits. What it does to the books is done.
    fn hold(&mut self, index: usize, ready: &Ready, expected: [Expected; 2]) {
        let id = self.actors[index].id;
        self.actors[index].doing = Doing::Held(ready.number);
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
                let sleeper = self.actors.iter_mut().find(is_sleeper);
                sleeper.expect("somebody was to be woken").is_kept_asleep = true;
            }
            _ => self.model.apply(id, &ready.call, Ok(0)),
        }
        let may_be_held =
            expected.contains(&Expected::Is(Ok(0))) || matches!(ready.call, Call::Get { .. });
        assert!(
            may_be_held,
            "{ready:?} waits in a step, though the model says {expected:?}"
        );
    }

    fn fall_asleep(
        &mut self,
        index: usize,
        ready: &Ready,
        timeout_ms: Option<u32>,
        coverage: &mut Coverage,
    ) {
        let Call::Wait { port, .. } = ready.call else {
            unreachable!("only wait_msg sleeps");
        };
        let task = self.actors[index].task;
        if !R::FACTS.virtual_clock && timeout_ms.is_some_and(|timeout| timeout < SHORT_SLEEP_MS) {
            let said = self.world.reply(task);
            self.wake(index, &said, Err(Error::NoMsg), coverage);
            return;
        }
        if R::FACTS.virtual_clock {
            let said = self.world.reply_within(task, NOTHING_COMES);
            assert_eq!(said, None, "{ready:?} did not sleep");
        }
        let until_ms = timeout_ms.map(|timeout| self.clock_ms + u64::from(timeout));
        self.actors[index].doing = Doing::Asleep { port, until_ms };
    }

    /// A sleeper's call has come to its end.
    fn wake(&mut self, index: usize, said: &Said, wanted: Answer, coverage: &mut Coverage) {
        let answer = said_answer(Number::WaitMsg, said);
        assert_eq!(answer, wanted, "the end of a sleep");
        let actor = &mut self.actors[index];
        actor.doing = Doing::Nothing;
        actor.is_kept_asleep = false;
        let id = actor.id;
        self.model.note(id, answer);
        self.diary.note(Deed::Answered { id, answer });
        coverage.note(Number::WaitMsg, answer);
    }

    /// Everybody who sleeps on a port with a message wakes, unless the waking waits.
    fn expect_wakes(&mut self, coverage: &mut Coverage) {
        for index in self.living() {
            let Actor {
                task,
                id,
                doing,
                is_kept_asleep,
                ..
            } = self.actors[index];
            if let Doing::Asleep { port, .. } = doing
                && !is_kept_asleep
                && self.model.has_message(id, port)
            {
                let said = self.world.reply(task);
                self.wake(index, &said, Ok(0), coverage);
            }
        }
    }

    // Time and trouble.

    fn advance(&mut self, milliseconds: u8, coverage: &mut Coverage) {
        self.world.rig.advance(milliseconds.into());
        self.clock_ms += u64::from(milliseconds);
        for index in self.living() {
            let Actor {
                task, id, doing, ..
            } = self.actors[index];
            if let Doing::Asleep {
                port,
                until_ms: Some(until_ms),
            } = doing
                && until_ms <= self.clock_ms
            {
                let has_message = self.model.has_message(id, port);
                let wanted = if has_message {
                    Ok(0)
                } else {
                    Err(Error::NoMsg)
                };
                let said = self.world.reply(task);
                self.wake(index, &said, wanted, coverage);
            }
        }
    }

    fn one_of(&self, troubles: &[Trouble], draw: Option<Draw>) -> Option<Trouble> {
        let draw = draw.filter(|_| M::CAN && !troubles.is_empty())?;
        Some(troubles[among(troubles.len(), draw)])
    }

    fn make_trouble(&mut self, trouble: Option<Trouble>) {
        if let Some(trouble) = trouble {
            M::make_trouble(&mut self.world.rig, trouble);
        }
    }

    /// All steps that wait go on, one actor's after the other's.
    fn go_on(&mut self, coverage: &mut Coverage) {
        self.diary.note(Deed::GoesOn);
        for index in 0..self.actors.len() {
            let Actor {
                task,
                doing,
                is_ending,
                ..
            } = self.actors[index];
            if matches!(doing, Doing::Held(_)) || is_ending {
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
        if let Doing::Held(number) = doing {
            let said = (!is_ending).then(|| self.world.reply(task));
            let wanted = if number == Number::GetMsg {
                self.land(index)
            } else {
                Ok(0)
            };
            if let Some(said) = said {
                let answer = said_answer(number, &said);
                assert_eq!(answer, wanted, "{} was held", number.name());
                self.model.note(id, answer);
                coverage.note(number, answer);
            }
            self.actors[index].doing = Doing::Nothing;
        }
        if is_ending && !is_gone {
            self.finish_end(index, coverage);
        }
    }

    // Memory.

    fn store(&mut self, who: Draw, at: Draw, byte: u8) {
        if let Some(index) = self.idle(who) {
            let Actor { task, id, .. } = self.actors[index];
            let start = usize::from(at) % WINDOW_BYTES;
            let bytes: Vec<u8> = (start..WINDOW_BYTES)
                .zip(byte..)
                .map(|(_, byte)| byte)
                .collect();
            self.world.poke(task, start as u64, &bytes);
            self.diary.note(Deed::Stores { id, offset: start });
            let memory = &mut self.model.tasks.get_mut(&id).expect("a living task").memory;
            memory[start..start + bytes.len()].copy_from_slice(&bytes);
        }
    }

    /// Every byte of everybody who can say what they see, and the kernel's own books.
    fn compare(&mut self) {
        for index in self.living() {
            let Actor {
                task, id, doing, ..
            } = self.actors[index];
            if doing == Doing::Nothing {
                let seen = self.world.peek(task, 0, WINDOW_BYTES as u64);
                let known = &self.model.tasks[&id].memory;
                let wrong = seen
                    .iter()
                    .zip(known)
                    .position(|(seen, known)| seen != known);
                let byte = wrong.map(|offset| (offset, seen[offset], known[offset]));
                assert_eq!(
                    byte, None,
                    "offset, byte and the model's byte, in task {id}"
                );
            }
        }
        assert!(
            M::invariants_hold(&self.world.rig),
            "the kernel's books contradict each other"
        );
    }
}

/// The troubles that can come to pass in this call.
fn troubles_of(number: Number) -> &'static [Trouble] {
    match number {
        Number::ClaimMem | Number::PassMem => &[Trouble::BarrierWaits],
        Number::SendMsg => &[Trouble::WakeWaits],
        Number::GetMsg => &[Trouble::DeliveryWaits, Trouble::DeliveryFails],
        Number::ReadMem | Number::WriteMem => &[Trouble::OwnerFails, Trouble::CallerFails],
        _ => &[],
    }
}

/// What is expected when a step fails: of what would have succeeded, that it does not.
fn with_trouble(expected: Expected, call: &Call, trouble: Option<Trouble>) -> Expected {
    let moves = match (call, trouble) {
        (Call::Get { .. }, Some(Trouble::DeliveryFails)) => true,
        (Call::Copy { size, .. }, Some(Trouble::OwnerFails | Trouble::CallerFails)) => *size > 0,
        _ => false,
    };
    match expected {
        Expected::Is(Ok(_)) if moves => Expected::Is(Err(Error::InvalidPtr)),
        expected => expected,
    }
}

/// What was said, as an answer; `last_error` is one that can not contradict itself.
fn said_answer(number: Number, said: &Said) -> Answer {
    if number == Number::LastError {
        assert_eq!(said.result, said.last_error, "last_error changed itself");
        return Ok(said.result);
    }
    answer(number, said.result, said.last_error)
}

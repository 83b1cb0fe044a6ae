//! The calls of a sequence: made on the machine, expected of the model.

use super::coverage::Coverage;
use super::diary::Deed;
use super::meddle::{Meddler, Trouble, troubles_of, with_trouble};
use super::named::{NAMES, name_of};
use super::player::{Actor, Doing, Player};
use super::resolve::{Ready, View};
use super::step::{Draw, Wish};
use crate::model::{Call, Expected, PageCall, Place};
use crate::rig::Rig;
use crate::world::{Answer, NAME_AT, NOTHING_COMES, Said, answer};
use usufruct_abi::{Error, MEMC_NOWRITE, Number, PortfolioError};

/// On a machine whose clock can not be held, a sleep that is sure to end soon.
const SHORT_SLEEP_MS: u32 = 100;

impl<R: Rig, M: Meddler<R>> Player<R, M> {
    pub(super) fn call(
        &mut self,
        who: Draw,
        wish: &Wish,
        trouble: Option<Draw>,
        coverage: &mut Coverage,
    ) {
        let Some(index) = self.idle(who) else {
            return;
        };
        if matches!(wish, Wish::Page(_)) && R::pool().is_none() {
            return;
        }
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
        let expected =
            [true, false].map(|counts_ending| self.model.expect(id, &ready.call, counts_ending));
        let is_sure = expected[0] == expected[1] && self.may_be_troubled(id, &ready.call);
        let trouble = self.one_of(troubles_of(ready.number), trouble.filter(|_| is_sure));
        let mut expected = with_trouble(expected, (id, &ready.call), trouble);
        if expected[0] == Expected::Word(0) && self.may_find_no_record(&ready.call) {
            expected.push(Expected::Word(PortfolioError::NoMem.code()));
        }

        self.diary.note(Deed::Calls { id, ready, trouble });
        self.make_trouble(trouble);
        self.world.post_call(task, ready.number, ready.words);
        let is_held = M::call_is_held(&self.world.rig, self.world.probe(task));
        if is_held {
            M::make_peace(&mut self.world.rig);
            coverage.troubles += 1;
            self.hold(index, &ready, &expected);
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
            let answer = self.check(id, &ready, &expected, &said);
            self.apply(index, &ready, answer);
            coverage.note(ready.number, answer);
            self.diary.note(Deed::Answered { id, answer });
        }
        self.expect_wakes(coverage);
    }

    /// Whether steps of a call may fail and wait. Not a block that is not sure to be given, for
    /// it could not be said which it is; nor a change in the middle of which others may come; nor
    /// a message for a page, which lands when somebody else waits for that page.
    fn may_be_troubled(&self, id: i32, call: &Call) -> bool {
        match call {
            Call::Page(PageCall::Alloc { .. }) => self.model.is_pool_certain(),
            Call::Page(control @ PageCall::Control { .. }) => {
                !self.may_find_no_record(call) && self.model.is_one_change(id, control)
            }
            Call::Get { at, sender_at, .. } => ![at, sender_at]
                .iter()
                .any(|place| matches!(place, Place::Pool(_))),
            _ => true,
        }
    }

    /// Whether a call needs records, while some are on their way back that can not be had yet.
    fn may_find_no_record(&self, call: &Call) -> bool {
        matches!(call, Call::Page(PageCall::Control { cmd, .. }) if *cmd != MEMC_NOWRITE)
            && !self.model.is_pool_certain()
    }

    /// What the machine said, if the model might have said so too.
    fn check(&self, id: i32, ready: &Ready, expected: &[Expected], said: &Said) -> Answer {
        let answer = self.said_answer(id, ready.number, said);
        let is_new = |id: i32| id > 0 && !self.model.smo_ids.contains(&id);
        let agrees = |expected: &Expected| match expected {
            Expected::Is(wanted) => *wanted == answer,
            Expected::Word(word) => answer == Ok(*word),
            Expected::AnyBlock(pages) => {
                answer.is_ok_and(|word| self.model.may_be_block(*pages, word))
            }
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
    pub(super) fn land(&mut self, index: usize) -> Answer {
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
            Some(Place::Pool(offset)) if !is_ending => {
                let address = i64::from(R::pool().map_or(0, |pool| pool.start));
                let offset = i64::try_from(offset).expect("a small pool");
                world.load(task, address + offset, 16)
            }
            _ => Vec::new(),
        })
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
        let answer = self.said_answer(self.actors[index].id, Number::WaitMsg, said);
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
    pub(super) fn expect_wakes(&mut self, coverage: &mut Coverage) {
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

    pub(super) fn advance(&mut self, milliseconds: u8, coverage: &mut Coverage) {
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

    /// What was said, as an answer. Some calls leave `last_error` as it is.
    pub(super) fn said_answer(&self, id: i32, number: Number, said: &Said) -> Answer {
        if number == Number::LastError || number as u32 >= Number::ControlMem as u32 {
            let known = self.model.tasks[&id].last_error.code();
            assert_eq!(said.last_error, known, "{} changed it", number.name());
            return Ok(said.result);
        }
        answer(number, said.result, said.last_error)
    }
}

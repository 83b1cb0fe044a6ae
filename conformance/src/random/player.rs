//! Plays a sequence on a machine and on the model side by side, and compares their worlds. Its
//! calls are in `calls.rs`.

use super::coverage::Coverage;
use super::diary::{Deed, Diary};
use super::meddle::{Meddler, Trouble};
use super::named::{NAMES, name_of};
use super::resolve::among;
use super::step::{Draw, Step};
use crate::model::{Model, Pool, Stretch, WINDOW_BYTES};
use crate::rig::{PageQuota, Rig, Tables};
use crate::world::{Task, World};
use std::marker::PhantomData;
use usufruct_abi::Number;

/// Objects that a task may own: fewer than it is sure of, some more, and more than there are.
const QUOTAS: [u32; 3] = [3, 14, 1024];
/// Pages that a task may own, and is sure of; one of them is not attached.
const PAGE_QUOTAS: [Option<(u32, u32)>; 6] = [
    Some((1024, 0)),
    Some((1024, 1)),
    Some((2, 0)),
    None,
    Some((4, 2)),
    Some((1024, 0)),
];
/// Tasks that there should be at least.
const FEW_TASKS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Nothing,
    /// Sleeps on this port, until then.
    Asleep {
        port: i32,
        until_ms: Option<u64>,
    },
    /// A step of this call waits; it will answer so.
    Held(Number, i32),
}

/// Steps of an end that may wait.
pub(super) const TROUBLES_OF_AN_END: &[Trouble] = &[
    Trouble::BarrierWaits,
    Trouble::ReapWaits,
    Trouble::TakingWaits,
    Trouble::FillWaits,
];

/// A task of the sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor {
    pub(super) task: Task,
    pub(super) id: i32,
    pub(super) doing: Doing,
    /// Its end has begun; a step of it, or of its last call, waits.
    pub(super) is_ending: bool,
    /// Its end is through all the same.
    pub(super) is_gone: bool,
    /// The step that would wake it waits.
    pub(super) is_kept_asleep: bool,
}

/// A machine and the model, side by side.
#[derive(Debug)]
pub(super) struct Player<R, M> {
    pub(super) world: World<R>,
    pub(super) model: Model,
    pub(super) actors: Vec<Actor>,
    pub(super) clock_ms: u64,
    pub(super) diary: Diary,
    pub(super) meddler: PhantomData<M>,
}

impl<R: Rig, M: Meddler<R>> Player<R, M> {
    /// A fresh machine.
    #[must_use]
    pub(super) fn new(tables: Tables, diary: Diary) -> Self {
        Self {
            world: World::new(tables),
            model: Model::new(
                tables,
                R::pool().map_or_else(Pool::default, |pool| Pool::new(pool, tables.pages)),
            ),
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
        self.notice_ends(coverage);
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
                    self.notice_ends(coverage);
                    self.call(*who, call, *trouble, coverage);
                }
            }
            Step::Store { who, at, byte } => self.store(*who, *at, *byte),
            Step::StorePage {
                who,
                store,
                trouble,
            } => self.store_page(*who, *store, *trouble, coverage),
            Step::Advance { milliseconds } if R::FACTS.virtual_clock => {
                self.advance(*milliseconds, coverage)
            }
            Step::Advance { .. } => {}
            Step::GoOn => self.go_on(coverage),
        }
    }

    /// Indices of the actors whose end has not begun.
    pub(super) fn living(&self) -> Vec<usize> {
        (0..self.actors.len())
            .filter(|index| !self.actors[*index].is_ending)
            .collect()
    }

    /// One that can do something now.
    pub(super) fn idle(&self, who: Draw) -> Option<usize> {
        let mut living = self.living();
        living.retain(|index| self.actors[*index].doing == Doing::Nothing);
        (!living.is_empty()).then(|| living[among(living.len(), who)])
    }

    fn start(&mut self, name: Draw, quota: Draw) {
        let name = name_of(name) % 8;
        let pages = PAGE_QUOTAS[among(PAGE_QUOTAS.len(), quota / 3)];
        let pages = pages.filter(|_| R::pool().is_some());
        let pages = pages.map(|(pages, reserve)| PageQuota { pages, reserve });
        let quota = QUOTAS[among(QUOTAS.len(), quota)];
        let mut may =
            [true, false].map(|counts_ending| self.model.may_start(name, pages, counts_ending));
        let is_promised = pages.is_some_and(|pages| pages.reserve > 0);
        if is_promised && !self.model.is_pool_certain() {
            may = [self.model.may_start(name, None, false), false];
        }
        let label = NAMES[usize::from(name)];
        let started = match pages {
            Some(pages) => self.world.try_start_attached(label, quota, pages),
            None => self.world.try_start(label, quota),
        };
        match started {
            Ok(task) => {
                assert!(
                    may.contains(&true),
                    "a task started, with its name taken, the table full or its pages promised"
                );
                let id = self.world.id(task);
                self.model.start(id, name, crate::index(quota), pages);
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
        let Actor { task, doing, .. } = self.actors[index];
        let trouble = self.one_of(TROUBLES_OF_AN_END, trouble);
        self.make_trouble(trouble);
        match (doing, how % 3) {
            (Doing::Nothing, 0) => self.world.begin_exit(task, i32::from(how)),
            (Doing::Nothing, 1) => self.world.begin_trap(task),
            _ => self.world.begin_kill(task),
        }
        self.ends(index, trouble, coverage);
    }

    /// The end of an actor has begun.
    pub(super) fn ends(&mut self, index: usize, trouble: Option<Trouble>, coverage: &mut Coverage) {
        let Actor {
            task, id, doing, ..
        } = self.actors[index];
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
        if !matches!(doing, Doing::Held(..)) {
            self.actors.remove(index);
        }
    }

    /// Ends that waited in a step are through when others had to wait for that step.
    fn notice_ends(&mut self, coverage: &mut Coverage) {
        for index in 0..self.actors.len() {
            let Actor {
                task,
                is_ending,
                is_gone,
                ..
            } = self.actors[index];
            let probe = self.world.probe(task);
            if is_ending && !is_gone && !M::end_is_held(&self.world.rig, probe) {
                self.finish_end(index, coverage);
            }
        }
        self.actors
            .retain(|actor| !actor.is_gone || matches!(actor.doing, Doing::Held(..)));
    }

    pub(super) fn finish_end(&mut self, index: usize, coverage: &mut Coverage) {
        let Actor { task, id, .. } = self.actors[index];
        let ending = self.world.ending(task);
        self.model.finish_end(id, ending);
        self.actors[index].is_gone = true;
        self.expect_wakes(coverage);
    }

    fn store(&mut self, who: Draw, at: Draw, byte: u8) {
        if let Some(index) = self.idle(who) {
            let Actor { task, id, .. } = self.actors[index];
            let start = usize::from(at) % WINDOW_BYTES;
            let following = std::iter::successors(Some(byte), |byte| Some(byte.wrapping_add(1)));
            let bytes: Vec<u8> = following.take(WINDOW_BYTES - start).collect();
            self.world.poke(task, start as u64, &bytes);
            self.diary.note(Deed::Stores { id, offset: start });
            let stretch = Stretch {
                in_pool: false,
                range: start..start + bytes.len(),
            };
            self.model.store(id, &stretch, &bytes);
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
        self.compare_pool();
        self.compare_page_books();
        assert!(
            M::invariants_hold(&self.world.rig),
            "the kernel's books contradict each other"
        );
    }
}

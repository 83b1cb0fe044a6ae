//! Calls about pages, births and deaths at once, a step of one of them at a time,
//! while the machine has no mapping left now and then, or protects more than it
//! was asked to. At rest the books agree with each other, the hardware lets nothing
//! through that they do not, and in the end all that they do, streams
//! read into pages of their tasks only, and what nobody owns holds zeros.

use usufruct_core::{Access, Machine, PageRequest, PoolQuota, Progress, Question, Run, TaskId};

use crate::random::Random;
use crate::world::{PAGE, START, World, size};

/// Few pages, so that what is under way meets.
const FEW_PAGES: u32 = 10;
const PLAYERS: usize = 7;
/// The one of the players that has been promised pages, and may not have many.
const PROMISED: usize = 3;
/// So that for each player one life is being cleared away at times.
const PLACES: u32 = 12;
const MOST_AT_ONCE: usize = 7;
/// Turns of one game, and in how many of a period nothing new begins.
const TURNS: u32 = 400;
const PERIOD: u32 = 80;
const CALM: u32 = 20;
/// Steps of one call before it is said to wait for ever.
const MANY_STEPS: u32 = 3000;

#[derive(Clone, Copy, Debug)]
enum Act {
    Call(usize, PageRequest),
    Store(usize, u64),
    Read(usize, u64),
    End(usize),
}

/// Something under way.
struct Flight {
    act: Act,
    progress: Progress,
    steps: u32,
}

struct Game {
    seed: u64,
    world: World,
    random: Random,
    flights: Vec<Flight>,
    /// Calls that have been over, and how many of them were not refused.
    over: u32,
    done: u32,
}

/// Says which game it was that failed.
impl Drop for Game {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the game of seed {}", self.seed);
        }
    }
}

fn quota_of(who: usize) -> PoolQuota {
    if who == PROMISED {
        PoolQuota {
            pages: 6,
            reserve: 2,
        }
    } else {
        PoolQuota::default()
    }
}

/// Where each page begins.
fn pages() -> impl Iterator<Item = u64> {
    (0..u64::from(FEW_PAGES)).map(|page| START + page * PAGE)
}

impl Game {
    fn new(seed: u64) -> Self {
        let mut world = World::with_pool(PLACES, PAGE, FEW_PAGES);
        for who in world.threads.len()..PLAYERS {
            world.join(quota_of(who));
        }
        Self {
            seed,
            world,
            random: Random::new(seed),
            flights: Vec::new(),
            over: 0,
            done: 0,
        }
    }

    fn play(&mut self) {
        for turn in 0..TURNS {
            let begins = turn % PERIOD < PERIOD - CALM && self.random.one_in(2);
            if begins && self.flights.len() < MOST_AT_ONCE {
                let act = self.any_act();
                self.begin(act);
            } else if !self.flights.is_empty() {
                let number = self.random.index(self.flights.len());
                self.go_on(number);
            }
            if turn % PERIOD == PERIOD - 1 {
                self.come_to_rest();
                self.check();
                self.store_anywhere();
            }
        }
        for who in 0..PLAYERS {
            let progress = self.world.begin_end(who);
            self.take_off(Act::End(who), progress);
        }
        self.come_to_rest();
        self.check();
        let heir = self.world.join(PoolQuota::default());
        assert_ne!(self.world.allocate(heir, FEW_PAGES), 0, "pages are lost");
    }

    fn any_act(&mut self) -> Act {
        let random = &mut self.random;
        let (who, other) = (random.index(PLAYERS), random.index(PLAYERS));
        let first = random.below(u64::from(FEW_PAGES));
        let pages = 1 + random.below((u64::from(FEW_PAGES) - first).min(5));
        let (start, size) = (START + first * PAGE, size(pages * PAGE));
        match random.below(20) {
            0..7 => {
                let request = PageRequest::Control {
                    start,
                    size,
                    command: random.command(),
                    task: [self.world.id(other), 0][usize::from(random.one_in(3))],
                };
                // Who does not own what it names is refused, mostly.
                let is_owners = !random.one_in(4);
                let owner = self.owner_of(start).filter(|_| is_owners);
                let mut threads = self.world.threads.iter();
                let owner = threads.position(|thread| Some(thread.task()) == owner);
                Act::Call(owner.unwrap_or(who), request)
            }
            7..10 => Act::Call(who, PageRequest::Allocate { size, flags: 0 }),
            10..15 => Act::Store(who, start),
            15..18 => Act::Read(who, start),
            _ => Act::End(who),
        }
    }

    fn owner_of(&self, at: u64) -> Option<TaskId> {
        let page = u32::try_from((at - START) / PAGE).unwrap();
        let machine = &self.world.machine;
        machine.with_kernel(|kernel| kernel.page_owner(page))
    }

    fn begin(&mut self, act: Act) {
        let progress = match act {
            Act::Call(who, request) => self.world.begin(who, request),
            Act::Store(who, at) => {
                let key = self.world.threads[who].key();
                if self.world.is_mapped(who, at) {
                    self.world.machine.put(key, at, &[0xff]);
                    return;
                }
                let machine = &self.world.machine;
                machine.with_kernel(|kernel| kernel.touch(key, at))
            }
            Act::Read(who, at) => {
                self.world.begin_read(who, at);
                return;
            }
            Act::End(who) => {
                let end = self.world.begin_end(who);
                // Without a place for it, the dead go on playing.
                if let Ok(newcomer) = self.world.start(quota_of(who)) {
                    self.world.threads[who] = newcomer;
                }
                end
            }
        };
        self.take_off(act, progress);
    }

    fn take_off(&mut self, act: Act, progress: Progress) {
        self.flights.push(Flight {
            act,
            progress,
            steps: 0,
        });
    }

    /// Takes one of those under way a step further.
    fn go_on(&mut self, number: usize) {
        let flight = self.flights.swap_remove(number);
        let steps = flight.steps + 1;
        assert!(steps < MANY_STEPS, "{:?} waits for ever", flight.act);
        match flight.progress {
            Progress::Do(step) => {
                let fails = self.random.one_in(6).then_some(0);
                self.world.machine.fails_after.set(fails);
                self.world.machine.takes_all.set(self.random.one_in(4));
                let progress = self.world.go_on(step);
                self.world.machine.fails_after.set(None);
                self.flights.push(Flight {
                    progress,
                    steps,
                    ..flight
                });
            }
            Progress::Answer(answer) => {
                self.over += 1;
                self.done += u32::from(answer.is_ok());
            }
            Progress::Block(wait) => panic!("{:?}: {wait:?}", flight.act),
        }
    }

    fn come_to_rest(&mut self) {
        while !self.flights.is_empty() {
            let number = self.random.index(self.flights.len());
            self.go_on(number);
        }
    }

    fn may_write(&self, who: usize, at: u64) -> bool {
        let question = PageRequest::Ask {
            question: Question::Writable,
            start: at,
            size: 1,
            is_private: false,
        };
        self.world.finish(self.world.begin(who, question)) == Ok(1)
    }

    /// A store goes through exactly where it may, whatever the machine has mapped.
    fn store_anywhere(&mut self) {
        let (who, page) = (
            self.random.index(PLAYERS),
            self.random.below(u64::from(FEW_PAGES)),
        );
        let at = START + page * PAGE;
        assert_eq!(
            self.world.stores(who, at),
            self.may_write(who, at),
            "{who} to {at:#x}"
        );
        assert!(self.world.books_hold());
    }

    fn check(&self) {
        let world = &self.world;
        assert!(world.books_hold());
        let reads = world.machine.reads.borrow().clone();
        for (reader, page) in reads {
            let run = Run::between(page, page + 1).unwrap();
            let may = world
                .machine
                .with_kernel(|kernel| kernel.may_stream(reader, run, Access::Store));
            assert!(may, "{reader:?} reads into page {page}");
        }
        for at in pages() {
            for who in (0..PLAYERS).filter(|who| world.is_mapped(*who, at)) {
                assert!(self.may_write(who, at), "{who} can store to {at:#x}");
            }
        }
        for at in pages() {
            let left = world.machine.bytes(world.threads[0].key(), at, PAGE);
            let is_bare = left.iter().all(|byte| *byte == 0);
            assert!(is_bare || self.owner_of(at).is_some(), "left at {at:#x}");
        }
    }
}

#[test]
fn the_books_hold_whatever_comes_in_between() {
    let games = if cfg!(miri) { 3 } else { 2000 };
    let (mut over, mut done) = (0, 0);
    for seed in 0..games {
        let mut game = Game::new(seed);
        game.play();
        over += game.over;
        done += game.done;
    }
    // Games in which all is refused would show nothing.
    assert!(done > over / 4, "{done} of {over}");
}

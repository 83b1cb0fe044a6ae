//! Calls in no order, one after the other, while the machine has no mapping left
//! now and then.

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, Number};
use usufruct_core::PoolQuota;

use crate::world::{PAGE, PAGES, START, TASKS, World, size};

/// The same numbers from the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Seeds that follow each other begin far apart.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    /// One time in so many.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// NOWRITE, OKWRITE or GIVE.
    pub(crate) fn command(&mut self) -> i32 {
        let commands = MEMC_NOWRITE..=MEMC_GIVE;
        commands.start() + size(self.below(3))
    }
}

/// The books agree with each other after each call, and the hardware never lets
/// through what they do not.
#[test]
fn the_books_hold_whatever_is_called() {
    let mut world = World::new(TASKS);
    let mut random = Random::new(7);
    let rounds = if cfg!(miri) { 200 } else { 20_000 };
    let mut done = 0;
    for round in 0..rounds {
        let who = random.index(3);
        let at = START + random.below(u64::from(PAGES)) * PAGE;
        let bytes = 1 + random.below(4 * PAGE);
        let fails = random.one_in(8).then(|| u32::from(random.one_in(2)));
        world.machine.fails_after.set(fails);
        match random.below(10) {
            0..4 => {
                let other = random.index(3);
                let task = [world.id(other), 0][usize::from(random.one_in(3))];
                let answer = world.control(who, (at, size(bytes)), random.command(), task);
                done += u32::from(answer == 0);
            }
            4..6 => {
                world.allocate(who, 1 + u32::try_from(random.below(9)).unwrap());
            }
            6..9 => {
                let lands = world.stores(who, at);
                let may = world.is(who, Number::IsMemWritable, at);
                assert!(may || !lands, "{who} stored to {at:#x} in round {round}");
            }
            _ if random.one_in(20) => {
                world.machine.fails_after.set(None);
                world.end(who);
                world.threads[who] = world.start(PoolQuota::default()).unwrap();
            }
            _ => {}
        }
    }
    assert!(done > rounds / 50, "{done} of {rounds}");
}

//! Two processors that take rights to pages from each other, and look for what comes too late.
//!
//! `USUFRUCT_X86_64_DUEL_S` says how long they fight, in seconds.
#![cfg(qemu)]

use std::time::{Duration, Instant};
use usufruct_conformance::{PATIENCE, PageQuota, Probe, Rig, Tables};
use usufruct_x86_64_rig::{BareRig, Program, Setup};
use usufruct_x86_64_wire::duel::{Order, Score, Terms};

const USUAL_S: u64 = 3;
/// Rounds that a fighter makes before it says how it went.
const ROUNDS: u32 = 500;

fn boot() -> BareRig {
    let setup = Setup {
        processors: Setup::stated().processors.max(2),
        ..Setup::stated()
    };
    BareRig::boot_on(setup, Program::Duelist, Tables::OF_THE_SUITE)
}

fn start(rig: &mut BareRig, name: &str) -> (Probe, i32) {
    let all = PageQuota {
        pages: u32::MAX,
        reserve: 0,
    };
    let probe = rig.start_attached(name.as_bytes(), 8, all).unwrap();
    let id = ask(rig, probe, Order::WhoAreYou);
    (probe, i32::from_le_bytes(id.try_into().unwrap()))
}

fn ask(rig: &mut BareRig, probe: Probe, order: Order) -> Vec<u8> {
    rig.post(probe, &order.encode());
    answer(rig, probe)
}

/// # Panics
///
/// If none comes: they have locked each other up, or one is dead.
fn answer(rig: &mut BareRig, probe: Probe) -> Vec<u8> {
    rig.take(probe, PATIENCE)
        .unwrap_or_else(|| panic!("{probe:?} says nothing: {}", rig.last_words(probe)))
}

fn seconds() -> u64 {
    std::env::var("USUFRUCT_X86_64_DUEL_S").map_or(USUAL_S, |stated| {
        stated
            .parse()
            .unwrap_or_else(|cause| panic!("USUFRUCT_X86_64_DUEL_S={stated}: {cause}"))
    })
}

/// Each gives and takes the right to its page, and copies into the other's.
#[test]
fn two_processors_take_from_each_other_without_deadlock_or_late_byte() {
    let mut rig = boot();
    let [(a, a_id), (b, b_id)] = ["a", "b"].map(|name| start(&mut rig, name));
    assert_ne!(rig.processor(a), rig.processor(b));
    let [of_a, of_b] = [(a, b_id), (b, a_id)]
        .map(|(fighter, peer)| Terms::decode(&ask(&mut rig, fighter, Order::Prepare { peer })));
    let sides = [(a, b_id, of_b), (b, a_id, of_a)];
    let mut sums = [Score::default(); 2];
    let until = Instant::now() + Duration::from_secs(seconds());
    while Instant::now() < until {
        for (fighter, peer, terms) in sides {
            let order = Order::Fight {
                peer,
                terms,
                rounds: ROUNDS,
            };
            rig.post(fighter, &order.encode());
        }
        for ((fighter, ..), sum) in sides.into_iter().zip(&mut sums) {
            let score = Score::decode(&answer(&mut rig, fighter));
            assert_eq!((score.late, score.wrong), (0, 0), "{score:?}");
            assert_eq!(score.rounds, ROUNDS);
            sum.rounds += score.rounds;
            sum.copies += score.copies;
            sum.refusals += score.refusals;
        }
    }
    println!("{sums:?}");
    for sum in sums {
        assert!(
            sum.copies > 0 && sum.refusals > 0,
            "they did not meet: {sums:?}"
        );
    }
}

/// One stores as fast as it can; the other takes the right, and from the moment when its call
/// answers nothing moves. Who stored ends, and another takes its place.
#[test]
fn no_store_lands_once_the_call_that_takes_the_right_has_answered() {
    let mut rig = boot();
    let (owner, _) = start(&mut rig, "owner");
    let terms = Terms::decode(&ask(&mut rig, owner, Order::Prepare { peer: 0 }));
    let mut seen_storing = 0;
    for round in 0..100 {
        let (storer, task) = start(&mut rig, "storer");
        assert_ne!(rig.processor(owner), rig.processor(storer));
        ask(&mut rig, owner, Order::Allow { task });
        ask(&mut rig, storer, Order::Store { page: terms.page });
        let score = Score::decode(&ask(&mut rig, owner, Order::Strike { task }));
        assert_eq!(
            (score.late, score.wrong),
            (0, 0),
            "round {round}: {score:?}"
        );
        seen_storing += score.copies;
        assert!(rig.ending(storer, PATIENCE).is_some(), "round {round}");
    }
    assert!(seen_storing > 0, "nobody was seen storing");
}

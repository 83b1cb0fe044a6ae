//! Places that come back, under no engine and under this machine's.

use std::sync::Arc;

use super::mapping::Place;
use super::used::Scanner;
use super::{Held, Inside, MOST_SPARE, Places};
use crate::layout::{HEAP_LIMIT_BYTES, WASM_PAGE_BYTES};
use crate::pool::{Pool, Protection};

#[allow(clippy::cast_possible_truncation, reason = "it is 64 KiB")]
const PAGE: usize = WASM_PAGE_BYTES as usize;

/// Where the operating system says what was stored to, and where it does not.
fn both() -> [Places; 2] {
    let without = Inside {
        spare: Default::default(),
        scanner: None,
    };
    [Places::default(), Places(Arc::new(without))]
}

/// A place for so many bytes, as the engine would open it.
fn opened(places: &Places, bytes: usize) -> Held {
    let held = places.take(bytes, false).unwrap();
    held.place.open(bytes).unwrap();
    held
}

/// Stores to every so many bytes, or says whether any such byte is not zero.
fn each(held: &Held, step: usize, store: Option<u8>) -> bool {
    let offsets = (0..held.place.open_bytes()).step_by(step);
    offsets.fold(false, |is_dirty, offset| {
        let at = held.place.start().wrapping_add(offset);
        if let Some(byte) = store {
            // SAFETY: an open byte of a place that this test alone has.
            unsafe { at.write_volatile(byte) }
        }
        // SAFETY: the same.
        is_dirty || unsafe { at.read_volatile() } != 0
    })
}

#[test]
fn a_place_comes_back_with_no_byte_of_its_last_task() {
    // A few pages, runs upon runs, far more than is kept, and all of them.
    let lives = [
        (PAGE, 50_000),
        (64 * PAGE, 8192),
        (64 * PAGE, 100_000),
        (256 * PAGE, 1000),
    ];
    for places in both() {
        let mut start = None;
        for (bytes, step) in lives {
            let held = opened(&places, bytes);
            assert!(start.is_none_or(|start| start == held.place.start()));
            start = Some(held.place.start());
            assert!(each(&held, step, Some(0xA5)));
            held.give_back(None);
            let next = opened(&places, bytes);
            assert_eq!(Some(next.place.start()), start);
            assert!(
                !each(&next, 1, None),
                "{bytes} bytes, stored to every {step}"
            );
            next.give_back(None);
        }
    }
}

#[test]
fn what_a_task_before_has_grown_by_is_closed_and_zero_when_it_is_opened_again() {
    let places = Places::default();
    let held = opened(&places, PAGE);
    held.place.open(40 * PAGE).unwrap();
    each(&held, 4096, Some(1));
    held.give_back(None);
    let next = opened(&places, 2 * PAGE);
    assert_eq!(next.place.open_bytes(), 2 * PAGE);
    assert!(is_closed(&next, 2 * PAGE) && is_closed(&next, 39 * PAGE));
    next.place.open(40 * PAGE).unwrap();
    assert!(!each(&next, 1, None));
}

/// Whether a page of a place can not even be loaded from, as the operating system
/// has it.
fn is_closed(held: &Held, offset: usize) -> bool {
    let address = held.place.start().addr() + offset;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapping = maps.lines().find(|line| {
        let (range, _) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(from)..number(to)).contains(&address)
    });
    mapping.unwrap().contains(" ---p ")
}

#[test]
fn a_memory_can_not_reach_the_pool() {
    let places = Places::default();
    let held = opened(&places, PAGE);
    let most = usize::try_from(HEAP_LIMIT_BYTES).unwrap();
    assert!(held.place.open(most).is_ok());
    assert!(held.place.open(most + PAGE).is_err());
    assert_eq!(held.place.open_bytes(), most);
}

#[test]
fn the_pool_is_shown_to_those_who_are_attached_and_to_nobody_after_them() {
    let pool = Pool::new(1 << 20, Protection::Mprotect).unwrap();
    let places = Places::default();
    let mut held = places.take(PAGE, true).unwrap();
    let start = held.place.start();
    let at_pool = usize::try_from(crate::layout::POOL_START).unwrap();
    let view = held.show(&pool, start).unwrap();
    assert!(view.allow(&(0..4)).is_ok());
    assert!(view.retire());
    held.give_back(Some(view.clone()));

    // Whoever held the old view has nothing in its hands.
    let mut next = places.take(PAGE, true).unwrap();
    assert_eq!(next.place.start(), start);
    let new = next.show(&pool, start).unwrap();
    assert!(view.successor(&pool).is_none());
    assert_eq!(view.allow(&(0..4)), Ok(()));
    assert_eq!(view.restore(&(0..4)), Ok(()));
    assert!(view.close());
    assert!(is_readable_only(&next, at_pool));
    assert!(new.retire());
    next.give_back(Some(new));

    let stranger = places.take(PAGE, false).unwrap();
    assert_eq!(stranger.place.start(), start);
    assert!(is_closed(&stranger, at_pool));
}

fn is_readable_only(held: &Held, offset: usize) -> bool {
    let start = format!("{:x}-", held.place.start().addr() + offset);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapping = maps.lines().find(|line| line.starts_with(&start));
    mapping.unwrap().contains(" r--s ")
}

#[test]
fn a_place_that_something_still_has_is_not_given_to_the_next() {
    let places = Places::default();
    let held = opened(&places, PAGE);
    let memory = held.place();
    held.give_back(None);
    assert_eq!(places.count(), 0);
    let next = opened(&places, PAGE);
    assert_ne!(next.place.start(), memory.start());
}

#[test]
fn no_more_places_are_kept_than_some() {
    let places = Places::default();
    let many: Vec<_> = (0..2 * MOST_SPARE).map(|_| opened(&places, PAGE)).collect();
    many.into_iter().for_each(|held| held.give_back(None));
    assert_eq!(places.count(), MOST_SPARE);
}

#[test]
fn a_place_that_can_not_be_wiped_is_not_kept() {
    let places = Places::default();
    let held = opened(&places, 64 * PAGE);
    each(&held, 4096, Some(1));
    // SAFETY: pages of this test's own, which stay in memory from now on: such can
    // not be given back.
    let locked = unsafe { libc::mlock(held.place.start().cast(), 64 * PAGE) };
    assert_eq!(locked, 0);
    held.give_back(None);
    assert_eq!(places.count(), 0);
}

#[test]
fn the_scanner_sees_stores_and_no_loads() {
    let Some(scanner) = Scanner::new() else {
        eprintln!("skipped: this kernel has no PAGEMAP_SCAN (Linux 6.7)");
        return;
    };
    let place = Place::new().unwrap();
    place.open(64 * PAGE).unwrap();
    let stored = [3, 4, 900].map(|page| page * 4096);
    for offset in stored {
        // SAFETY: an open byte of a place of this test's own.
        unsafe { place.start().wrapping_add(offset).write_volatile(1) };
    }
    let loaded = 500 * 4096;
    // SAFETY: the same.
    let _ = unsafe { place.start().wrapping_add(loaded).read_volatile() };
    let mut used = super::used::Used::default();
    let looked = scanner.look(place.start(), 64 * PAGE, &mut used);
    assert_eq!(looked.unwrap(), 64 * PAGE);
    let sees = |offset| used.runs().any(|run| run.contains(&offset));
    assert_eq!(stored.map(sees), [true; 3]);
    assert!(!sees(loaded));
}

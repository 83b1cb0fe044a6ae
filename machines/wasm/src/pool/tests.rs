//! The pool under plain engines: what a guest can store, and what it costs in mappings.

use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use usufruct_core::NoMapping;

use super::mappings::Mappings;
use super::protect::Protector;
use super::self_test::{Subject, Trial};
use super::view::View;
use super::{Pool, Protection, leaked_views, test_assumptions};
use crate::engine::{self, Beginning};

pub(super) const WAYS: [Protection; 2] = [Protection::Mprotect, Protection::Userfault];

const PAGES: u32 = 64;

#[test]
fn what_the_pool_assumes_is_true_here() {
    for way in WAYS {
        assert_eq!(
            test_assumptions(&engine::new(Beginning::Copied, None).unwrap(), way),
            Ok(()),
            "{way}"
        );
    }
}

fn subject_of(protector: Protector) -> Subject {
    let pool = Pool::with(PAGES, protector);
    Trial::of(&engine::new(Beginning::Copied, None).unwrap(), pool)
        .unwrap()
        .subject()
        .unwrap()
}

/// A task whose views may make so many mappings beyond those that each is sure
/// of: an eighth of what there is.
fn budgeted(most_of_a_view: usize) -> (Subject, Arc<Mappings>) {
    let mappings = Arc::new(Mappings::new(most_of_a_view * 8));
    (subject_of(Protector::Mprotect(mappings.clone())), mappings)
}

/// The view's mappings, as the operating system counts them.
fn mappings_of(view: &View) -> usize {
    let (start, len_bytes) = view.window().span(&view.window().all());
    let place = start.addr()..start.addr() + len_bytes;
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let starts = maps.lines().filter_map(|line| line.split('-').next());
    starts
        .filter(|start| place.contains(&usize::from_str_radix(start, 16).unwrap()))
        .count()
}

/// Which pages the guest can store to, tried out.
fn writable(subject: &mut Subject) -> Vec<u32> {
    let page_bytes = subject.page_bytes();
    let mut can = |page: &u32| {
        let at = *page as usize * page_bytes;
        !subject.is_stopped(at, at).unwrap()
    };
    (0..PAGES).filter(|page| can(page)).collect()
}

fn every_other(below: u32) -> impl Iterator<Item = Range<u32>> {
    (1..below).step_by(2).map(|page| page..page + 1)
}

#[test]
fn scattered_rights_are_refused_before_mappings_run_out() {
    let (mut subject, mappings) = budgeted(6);
    let all = mappings.free();
    let granted: Vec<_> = every_other(PAGES)
        .map(|pages| subject.view.allow(&pages))
        .collect();
    let expected: Vec<_> = (0..granted.len())
        .map(|run| if run < 4 { Ok(()) } else { Err(NoMapping) })
        .collect();
    assert_eq!(granted, expected);
    assert_eq!(writable(&mut subject), [1, 3, 5, 7]);
    assert_eq!(mappings_of(&subject.view), 9);
    // What joins runs takes nothing, and gives back.
    assert_eq!(subject.view.allow(&(2..7)), Ok(()));
    assert_eq!(mappings_of(&subject.view), 3);
    assert_eq!(mappings.free(), all);
    drop(subject);
    assert_eq!(mappings.free(), all);
}

#[test]
fn taking_without_a_mapping_left_protects_more_and_restores_what_is_missed() {
    let (mut subject, mappings) = budgeted(0);
    assert_eq!(subject.view.allow(&(8..24)), Ok(()));
    subject.view.forbid(&(12..13));
    assert_eq!(writable(&mut subject), Vec::<u32>::new());
    // Core restores page by page, whenever a store of the task's asks for one.
    for page in [9, 10, 20, 8, 21] {
        assert_eq!(subject.view.restore(&(page..page + 1)), Ok(()));
        let at = page as usize * subject.page_bytes();
        assert!(subject.lands(at, 77).unwrap(), "{page}");
        assert!(mappings_of(&subject.view) <= 3);
    }
    assert_eq!(writable(&mut subject), [21]);
    // A store may need two pages at once.
    for page in [30, 31] {
        assert_eq!(subject.view.restore(&(page..page + 1)), Ok(()));
    }
    assert_eq!(writable(&mut subject), [30, 31]);
    assert_eq!(mappings.free(), 0);
}

/// What of a mapping is there by huge pages, in KiB.
fn huge_kib(start: usize) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let from = maps.find(&format!("{start:x}-")).unwrap();
    let line = maps[from..]
        .lines()
        .find(|line| line.starts_with("ShmemPmdMapped:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

#[test]
fn the_pool_says_truly_whether_it_has_huge_pages() {
    let pool = Pool::new(8 << 20, Protection::Auto).unwrap();
    let pages = pool.bytes().pages();
    pool.bytes().fill(0..pages, 1);
    let start = pool.bytes().at(0, 1).unwrap().addr();
    let has_them = huge_kib(start) > 0;
    assert_eq!(has_them, pool.huge().are_there(), "{}", pool.huge());
    let way = if has_them {
        Protection::Mprotect
    } else {
        pool.way()
    };
    assert_eq!(pool.way(), way);
}

#[test]
fn scattered_rights_cost_no_mappings_with_userfaultfd() {
    let protector = Protector::new(Protection::Userfault, super::HugePages::None).unwrap();
    let mut subject = subject_of(protector);
    for pages in every_other(PAGES) {
        assert_eq!(subject.view.allow(&pages), Ok(()));
    }
    assert_eq!(mappings_of(&subject.view), 1);
    subject.view.forbid(&(3..30));
    let expected: Vec<_> = (1..PAGES)
        .step_by(2)
        .filter(|page| !(3..30).contains(page))
        .collect();
    assert_eq!(writable(&mut subject), expected);
}

#[test]
fn no_store_lands_after_the_right_was_taken() {
    const COUNTER: &str = r#"(module (memory (export "memory") 1)
        (func (export "load") (drop (i32.load (i32.const 0x80000000))))
        (func (export "store") (i32.store (i32.const 0x80000000) (i32.const 1)))
        (func (export "count") (loop
            (i32.store (i32.const 0x80001000)
                (i32.add (i32.load (i32.const 0x80001000)) (i32.const 1)))
            (br 0))))"#;
    for way in WAYS {
        let engine = engine::new(Beginning::Copied, None).unwrap();
        let pool = Pool::new(8 << 12, way).unwrap();
        let mut guest = super::lives::Guest::new(&engine, &pool, COUNTER);
        let view = guest.view.clone();
        view.allow(&(1..2)).unwrap();
        let counting = thread::spawn(move || guest.call("count"));
        let counted = || pool.bytes().word(1 << 12);
        while counted() == 0 {
            thread::yield_now();
        }
        view.forbid(&(1..2));
        let at_return = counted();
        thread::sleep(Duration::from_millis(20));
        assert_eq!(counted(), at_return, "{way}");
        assert!(counting.join().unwrap().is_err(), "{way}");
    }
}

#[test]
fn a_view_that_can_not_go_keeps_its_place_for_ever() {
    let protector = Protector::new(Protection::Userfault, super::HugePages::None).unwrap();
    let subject = subject_of(protector);
    subject.view.allow(&(3..4)).unwrap();
    let view = subject.view.clone();
    let (start, len_bytes) = view.window().span(&view.window().all());
    // SAFETY: seals a mapping of this test's against every change, for ever.
    if unsafe { libc::syscall(libc::SYS_mseal, start, len_bytes, 0) } != 0 {
        eprintln!("skipped: this kernel has no mseal (Linux 6.10)");
        return;
    }
    let before = leaked_views();
    drop(subject);
    assert_eq!(leaked_views(), before + 1);
    assert_eq!(mappings_of(&view), 1);
}

//! In the heap, and wherever no pool is: the same as the native operations.

use wasmtime::Trap;

use super::super::PART_BYTES;
use super::{Dice, Operation, POOL, Subject, Words, guest, index};
use crate::engine::{self, Beginning};
use crate::report::ending_of;

/// Room for ranges of several parts.
const PAGES: u32 = 96;
const HEAP_BYTES: u32 = PAGES << 16;
const SEGMENT_BYTES: u32 = 5 << 19;

const CASES: u32 = 1_000_000;

fn segment(len: u32) -> String {
    let mut dice = Dice(5);
    let letter = |_| char::from(b'a' + u8::try_from(dice.below(26)).unwrap());
    (0..len).map(letter).collect()
}

/// Both ways of the same program, with the same bytes in their memories.
struct Pair {
    rewritten: Subject,
    native: Subject,
}

impl Pair {
    fn new(segment_bytes: u32) -> Self {
        let engine = engine::new(Beginning::Copied, None).unwrap();
        let text = guest(PAGES, &segment(segment_bytes));
        let mut pair = Self {
            rewritten: Subject::rewritten(&engine, &text),
            native: Subject::native(&engine, &text),
        };
        Dice(1).fill(pair.rewritten.heap());
        Dice(1).fill(pair.native.heap());
        pair
    }

    /// Does it both ways, and compares the outcomes and the bytes around `to`.
    fn compare(&mut self, operation: Operation, words: Words) {
        let expected = self.native.outcome(operation, as_native(operation, words));
        let found = self.rewritten.outcome(operation, words);
        let expected = match (operation, expected) {
            // The report turns it into a sentence.
            (Operation::Init, Err(_)) if words.0 >= POOL => Err(Trap::UnreachableCodeReached),
            (_, expected) => expected,
        };
        assert_eq!(found, expected, "{operation:x?} {words:x?}");
        let start = words.0.min(HEAP_BYTES).saturating_sub(100);
        // What a refused operation may have done is seen in front, or by `compare_all`.
        let len = if found.is_ok() { words.2 } else { 1000 };
        let end = words.0.saturating_add(len).saturating_add(100);
        let around = index(start)..index(end.min(HEAP_BYTES));
        let same = self.rewritten.heap()[around.clone()] == self.native.heap()[around];
        assert!(same, "{operation:x?} {words:x?}");
    }

    fn compare_all(&mut self) {
        assert!(self.rewritten.heap() == self.native.heap());
    }
}

/// The one difference: of an empty range nothing is touched, so in the pool's
/// place it is as good as in the heap.
fn as_native(operation: Operation, (to, second, len): Words) -> Words {
    let is_address = |word: u32| word >= POOL && len == 0 && operation != Operation::Init;
    let to = if is_address(to) { 0 } else { to };
    match operation {
        Operation::Copy if is_address(second) => (to, 0, len),
        _ => (to, second, len),
    }
}

fn address(dice: &mut Dice, other: u32, end: u32) -> u32 {
    match dice.below(16) {
        0 => dice.near(end, 300),
        1 => dice.near(0, 300),
        2 => dice.near(POOL, 300),
        3 => dice.below(u32::MAX),
        4..8 => dice.near(other, 300),
        _ => dice.below(end),
    }
}

fn len(dice: &mut Dice, to: u32) -> u32 {
    let rest = HEAP_BYTES.wrapping_sub(to);
    match dice.below(64) {
        0..4 => 0,
        4..8 if rest < 1000 || dice.one_in(50) => rest.wrapping_add(dice.below(2)),
        8 => 0_u32.wrapping_sub(to).wrapping_add(dice.below(2)),
        9 => dice.near(0, 300),
        10 => dice.below(20_000),
        11 if dice.one_in(16) => dice.near(u32::try_from(PART_BYTES).unwrap(), 300),
        12 if dice.one_in(16) => dice.below(HEAP_BYTES),
        _ => dice.below(300),
    }
}

#[test]
fn a_million_random_operations_do_what_the_native_ones_do() {
    let mut pair = Pair::new(100);
    let mut dice = Dice(2026);
    let mut long = 0;
    for case in 0..CASES {
        let from = address(&mut dice, 0, HEAP_BYTES);
        let to = address(&mut dice, from, HEAP_BYTES);
        // Most lengths up to the end are short: the heap's edge is common.
        let to = if dice.one_in(4) {
            dice.near(HEAP_BYTES, 300)
        } else {
            to
        };
        let len = len(&mut dice, to);
        if dice.one_in(3) {
            pair.compare(Operation::Fill, (to, from, len));
        } else {
            pair.compare(Operation::Copy, (to, from, len));
        }
        long += u32::from(index(len) > PART_BYTES && len < HEAP_BYTES);
        if case % 4096 == 0 {
            pair.compare_all();
        }
    }
    pair.compare_all();
    assert!(long > 1000, "{long} of several parts");
}

/// Ranges of several parts, one byte more and less, at distances that make the
/// parts overlap with themselves and with each other.
#[test]
fn long_copies_overlap_as_if_through_a_buffer() {
    let part = u32::try_from(PART_BYTES).unwrap();
    let mut pair = Pair::new(100);
    for len in [
        part - 1,
        part,
        part + 1,
        2 * part,
        2 * part + 1,
        3 * part - 7,
    ] {
        for distance in [
            0,
            1,
            15,
            4096,
            part - 1,
            part,
            part + 1,
            len - 1,
            len,
            len + 1,
        ] {
            for (to, from) in [(0, distance), (distance, 0)] {
                pair.compare(Operation::Copy, (to, from, len));
                pair.compare_all();
            }
        }
    }
}

#[test]
fn segments_long_and_short_are_copied_as_the_native_operation_does() {
    for bytes in [100, SEGMENT_BYTES] {
        let mut pair = Pair::new(bytes);
        let mut dice = Dice(7);
        for _ in 0..3000 {
            let from = address(&mut dice, bytes, bytes);
            let to = address(&mut dice, HEAP_BYTES, HEAP_BYTES);
            let len = match dice.below(8) {
                0 => bytes.wrapping_sub(from).wrapping_add(dice.below(2)),
                1 => dice.below(u32::MAX),
                2 => dice.below(bytes),
                _ => dice.below(300),
            };
            pair.compare(Operation::Init, (to, from, len));
        }
        let part = u32::try_from(PART_BYTES).unwrap();
        for len in [0, part, part + 1, 2 * part, bytes, bytes + 1] {
            for (to, from) in [(0, 0), (HEAP_BYTES - len, 0), (HEAP_BYTES - len, 1)] {
                pair.compare(Operation::Init, (to, from, len));
                pair.compare(Operation::Init, (to + 1, from, len));
            }
        }
        pair.compare_all();
    }
}

#[test]
fn a_range_that_is_out_of_bounds_is_reported_at_the_guests_own_function() {
    let engine = engine::new(Beginning::Copied, None).unwrap();
    let mut guest = Subject::rewritten(&engine, &guest(PAGES, &segment(SEGMENT_BYTES)));
    let cases = [
        (Operation::Copy, (0, HEAP_BYTES - 1, 2), "in copying"),
        (Operation::Copy, (HEAP_BYTES - 1, 0, 2 << 20), "in copying"),
        (Operation::Copy, (POOL, 0, 1), "in copying"),
        (Operation::Copy, (1, POOL, u32::MAX), "in copying"),
        (Operation::Fill, (HEAP_BYTES, 0, 1), "in filling"),
        (Operation::Fill, (POOL - 1, 0, 2), "in filling"),
        (Operation::Fill, (POOL + 8, 0, 100), "in filling"),
        (Operation::Init, (HEAP_BYTES, 0, 2 << 20), "in initializing"),
    ];
    for (operation, words, function) in cases {
        let error = guest.call(operation, words).map(|()| 0);
        let (_, text) = ending_of(error, guest.generated_from);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert!(lines[0].starts_with("memory fault") || lines[0].contains("out of bounds"));
        assert_eq!(lines[1..], [function], "{operation:?} {words:x?}: {text}");
    }
}

#[test]
fn a_segment_can_not_go_into_the_pool_and_the_report_says_so() {
    let engine = engine::new(Beginning::Copied, None).unwrap();
    for bytes in [100, SEGMENT_BYTES] {
        let mut guest = Subject::rewritten(&engine, &guest(PAGES, &segment(bytes)));
        for len in [0, 1, bytes] {
            let error = guest.call(Operation::Init, (POOL + 64, 0, len)).map(|()| 0);
            let (_, text) = ending_of(error, guest.generated_from);
            assert!(
                text.starts_with("memory.init can not store into the pool"),
                "{text}"
            );
            assert!(text.ends_with("\n  in initializing"), "{text}");
        }
    }
}

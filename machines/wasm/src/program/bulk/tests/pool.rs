//! In the pool's place: loads and stores that the MMU checks, against an oracle
//! of plain bytes. The pool here is anonymous memory with one page that can only
//! be read.

use std::ops::Range;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
use wasmtime::Trap;

use super::{Dice, Operation, POOL, Subject, Words, guest, index};
use crate::engine::{self, Beginning};
use crate::layout::{POOL_START, RESERVATION_BYTES};
use crate::report::ending_of;

const HEAP_BYTES: u32 = 2 << 16;
const POOL_BYTES: u32 = 16 << 20;
const PAGE_BYTES: u32 = 4096;
/// Into this page, by its address, nothing can be stored.
const FORBIDDEN: u32 = POOL + POOL_BYTES / 2;

const CASES: u32 = 200_000;

/// A guest with a pool.
struct Attached {
    guest: Subject,
    pool: *mut u8,
}

impl Attached {
    fn new() -> Self {
        let engine = engine::new(Beginning::Copied, None).unwrap();
        let guest = Subject::rewritten(&engine, &guest(2, "segment"));
        let place = usize::try_from(POOL_START).unwrap();
        let base = guest.memory.data_ptr(&guest.store);
        let pool = base.wrapping_add(place);
        const { assert!(POOL_START + (POOL_BYTES as u64) < RESERVATION_BYTES) };
        let readable = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY:
        // 1. The range lies in the address space that the memory has reserved
        //    (`RESERVATION_BYTES` from `base` on), so nobody else's mapping goes.
        // 2. It lies above the heap, where nothing was mapped that could be used:
        //    no reference points there.
        // 3. It goes with the reservation, when the Store is dropped.
        let mapped = unsafe {
            mmap_anonymous(
                pool.cast(),
                index(POOL_BYTES),
                readable,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        };
        assert_eq!(mapped.unwrap().cast(), pool);
        let mut attached = Self { guest, pool };
        Dice(3).fill(attached.guest.heap());
        Dice(4).fill(attached.pool());
        let forbidden = pool.wrapping_add(index(FORBIDDEN - POOL));
        // SAFETY: the page lies in the mapping just made, and only the guest and
        // `Self::pool` use it; who looks there only reads from now on.
        unsafe { mprotect(forbidden.cast(), index(PAGE_BYTES), MprotectFlags::READ) }.unwrap();
        attached
    }

    /// The pool's bytes. Those of the forbidden page must not be stored to.
    fn pool(&mut self) -> &mut [u8] {
        // SAFETY:
        // 1. The range is mapped as long as the guest's Store lives, and the
        //    slice borrows `self`, which has it.
        // 2. The guest runs only in calls that borrow `self` mutably, so nobody
        //    else looks at the bytes while the slice lives.
        unsafe { std::slice::from_raw_parts_mut(self.pool, index(POOL_BYTES)) }
    }

    fn bytes(&mut self, range: Range<u64>) -> Vec<u8> {
        let place = |address: u64| usize::try_from(address).unwrap();
        if range.is_empty() {
            return Vec::new();
        }
        if range.end <= u64::from(HEAP_BYTES) {
            return self.guest.heap()[place(range.start)..place(range.end)].to_vec();
        }
        let (start, end) = (range.start - POOL_START, range.end - POOL_START);
        self.pool()[place(start)..place(end)].to_vec()
    }
}

/// What a range is, before anything moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// All of it is there.
    There,
    /// A first part of so many bytes is there.
    Partly(u64),
    /// Refused before anything moves.
    Refused,
}

fn place(start: u32, len: u32) -> Place {
    let (start, end) = (u64::from(start), u64::from(start) + u64::from(len));
    let pool_end = POOL_START + u64::from(POOL_BYTES);
    match start {
        0..POOL_START if end <= u64::from(HEAP_BYTES) => Place::There,
        0..POOL_START => Place::Refused,
        _ if end > 1 << 32 => Place::Refused,
        _ if end <= pool_end || len == 0 => Place::There,
        _ => Place::Partly(pool_end.saturating_sub(start)),
    }
}

/// Which bytes of a range that is there a store can reach, counted from its
/// start, if it stores in this direction.
fn reached(to: u32, len: u32, is_forward: bool) -> Range<usize> {
    let forbidden = FORBIDDEN..FORBIDDEN + PAGE_BYTES;
    let touches = len > 0 && to < forbidden.end && to + (len - 1) >= forbidden.start;
    match touches {
        false => 0..index(len),
        true if is_forward => 0..index(forbidden.start.saturating_sub(to)),
        true => index(forbidden.end.saturating_sub(to).min(len))..index(len),
    }
}

fn check_copy(attached: &mut Attached, (to, from, len): Words) {
    let context = format!("copy to {to:x} from {from:x} of {len:x}");
    let range = |start: u32| u64::from(start)..u64::from(start) + u64::from(len);
    let (source, target) = (place(from, len), place(to, len));
    if (source, target) != (Place::There, Place::There) {
        return check_broken_copy(attached, (to, from, len));
    }
    let new = attached.bytes(range(from));
    let mut expected = attached.bytes(range(to));
    let reached = reached(to, len, to.wrapping_sub(from) >= len);
    expected[reached.clone()].copy_from_slice(&new[reached.clone()]);
    let outcome = attached.guest.outcome(Operation::Copy, (to, from, len));
    let is_whole = reached.len() == index(len);
    assert_eq!(outcome.is_ok(), is_whole, "{context}");
    assert!(is_whole || outcome == Err(Trap::MemoryOutOfBounds));
    assert!(attached.bytes(range(to)) == expected, "{context}");
}

/// A copy that leaves the pool at its end, or is refused: what is stored is a
/// first part of the source, and nothing if it is refused.
fn check_broken_copy(attached: &mut Attached, (to, from, len): Words) {
    let context = format!("copy to {to:x} from {from:x} of {len:x}");
    let present = |start: u32| match place(start, len) {
        Place::There => u64::from(len),
        Place::Partly(present) => present,
        Place::Refused => 0,
    };
    let both = present(from).min(present(to));
    let range = |start: u32| u64::from(start)..u64::from(start) + both;
    let is_refused = [from, to]
        .map(|start| place(start, len))
        .contains(&Place::Refused);
    let (old, new) = match is_refused || both == 0 {
        true => (Vec::new(), Vec::new()),
        false => (attached.bytes(range(to)), attached.bytes(range(from))),
    };
    let before = attached.bytes(0..u64::from(HEAP_BYTES));
    let outcome = attached.guest.outcome(Operation::Copy, (to, from, len));
    assert_eq!(outcome, Err(Trap::MemoryOutOfBounds), "{context}");
    if old.is_empty() {
        let same = attached.bytes(0..u64::from(HEAP_BYTES)) == before;
        assert!(same, "{context}");
        return;
    }
    let found = attached.bytes(range(to));
    let moved = found
        .iter()
        .zip(&new)
        .take_while(|(found, new)| found == new);
    let moved = moved.count();
    assert!(found[moved..] == old[moved..], "{context}: {moved} moved");
}

fn check_fill(attached: &mut Attached, (to, byte, len): Words) {
    let context = format!("fill from {to:x} of {len:x}");
    let present = match place(to, len) {
        Place::There => len,
        Place::Partly(present) => u32::try_from(present).unwrap(),
        Place::Refused => 0,
    };
    let is_mapped = present > 0 || place(to, len) == Place::There;
    let range = u64::from(to)..u64::from(to) + u64::from(present);
    let mut expected = if is_mapped {
        attached.bytes(range.clone())
    } else {
        Vec::new()
    };
    let reached = reached(to, present, true);
    expected[reached.clone()].fill(byte.to_le_bytes()[0]);
    let outcome = attached.guest.outcome(Operation::Fill, (to, byte, len));
    let is_whole = reached.len() == index(len) && place(to, len) == Place::There;
    assert_eq!(outcome.is_ok(), is_whole, "{context}");
    assert!(is_whole || outcome == Err(Trap::MemoryOutOfBounds));
    if is_mapped {
        assert!(attached.bytes(range) == expected, "{context}");
    }
}

fn address(dice: &mut Dice, other: u32) -> u32 {
    match dice.below(16) {
        0 => dice.near(POOL, 300),
        1 => dice.near(POOL + POOL_BYTES, 300),
        2 => dice.near(0, 300),
        3 => dice.near(HEAP_BYTES, 300),
        4 | 5 => dice.below(HEAP_BYTES),
        6 => dice.near(FORBIDDEN, 300),
        7 => dice.near(FORBIDDEN + PAGE_BYTES, 300),
        8..12 => dice.near(other, 300),
        _ => POOL + dice.below(POOL_BYTES),
    }
}

fn len(dice: &mut Dice) -> u32 {
    match dice.below(32) {
        0 => 0,
        1 => dice.below(20_000),
        2 if dice.one_in(20) => dice.below(POOL_BYTES),
        3 => dice.near(0, 300),
        4 => dice.near(POOL, 300),
        _ => dice.below(400),
    }
}

#[test]
fn random_operations_store_what_they_may_and_stop_where_they_may_not() {
    let mut attached = Attached::new();
    let mut dice = Dice(11);
    for _ in 0..CASES {
        let from = address(&mut dice, FORBIDDEN);
        let to = address(&mut dice, from);
        let len = len(&mut dice);
        if dice.one_in(3) {
            check_fill(&mut attached, (to, from, len));
        } else {
            check_copy(&mut attached, (to, from, len));
        }
    }
}

#[test]
fn nothing_is_stored_around_a_range() {
    let mut attached = Attached::new();
    for start in POOL..POOL + 40 {
        for len in 0..200 {
            attached.pool()[..400].fill(1);
            attached.guest.heap()[..300].fill(2);
            attached
                .guest
                .call(Operation::Copy, (start + 16, 0, len))
                .unwrap();
            let mut expected = [1; 400];
            let at = index(start - POOL) + 16;
            expected[at..at + index(len)].fill(2);
            assert_eq!(attached.pool()[..400], expected);
            attached
                .guest
                .call(Operation::Fill, (start + 16, 0x103, len))
                .unwrap();
            expected[at..at + index(len)].fill(3);
            assert_eq!(attached.pool()[..400], expected);
        }
    }
}

#[test]
fn a_forbidden_store_is_a_trap_in_the_guests_own_function() {
    let mut attached = Attached::new();
    let cases = [
        (
            Operation::Copy,
            (FORBIDDEN - 100, 0, 200),
            FORBIDDEN,
            "in copying",
        ),
        (
            Operation::Copy,
            (FORBIDDEN, POOL, 1),
            FORBIDDEN,
            "in copying",
        ),
        // Backward: the last bytes of the page come first.
        (
            Operation::Copy,
            (FORBIDDEN + 64, FORBIDDEN - 64, PAGE_BYTES),
            FORBIDDEN + PAGE_BYTES - 16,
            "in copying",
        ),
        (
            Operation::Fill,
            (FORBIDDEN - 1000, 7, 3000),
            FORBIDDEN,
            "in filling",
        ),
    ];
    for (operation, words, fault, function) in cases {
        let error = attached.guest.call(operation, words).map(|()| 0);
        let (_, text) = ending_of(error, attached.guest.generated_from);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let sentence = format!("memory fault at wasm address {fault:#x}");
        assert!(lines[0].starts_with(&sentence), "{text}");
        assert_eq!(lines[1..], [function], "{text}");
    }
}

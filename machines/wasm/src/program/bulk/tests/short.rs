//! Copies whose length is a constant.

use std::fmt::Write;

use wasmtime::{Engine, Result, Trap};

use super::{Dice, POOL, Subject, guest, index};
use crate::engine::{self, Beginning};
use crate::report::ending_of;

const HEAP_BYTES: u32 = 1 << 16;

/// Up to and over the longest that is written out where it stands.
const LENGTHS: std::ops::Range<u32> = 0..140;

/// One function for each length, with a parameter and locals of its own.
fn text() -> String {
    let mut functions = String::new();
    for len in LENGTHS {
        let function = format!(
            r#"(func $short{len} (export "short{len}") (param i32 i32) (result i32)
                (local $a i64) (local $b v128) (local $c i32)
                (local.set $a (i64.const -1)) (local.set $c (i32.const 77))
                (memory.copy (local.get 0) (local.get 1) (i32.const {len}))
                (i32.add (local.get $c) (i32.wrap_i64 (local.get $a))))"#
        );
        write!(functions, "{function}").unwrap();
    }
    guest(1, "segment").replace("(module", &format!("(module {functions}"))
}

fn copy(subject: &mut Subject, len: u32, to: u32, from: u32) -> Result<i32> {
    let name = format!("short{len}");
    let function = subject
        .instance
        .get_typed_func::<(u32, u32), i32>(&mut subject.store, &name)?;
    function.call(&mut subject.store, (to, from))
}

fn pair(engine: &Engine) -> (Subject, Subject) {
    let mut rewritten = Subject::rewritten(engine, &text());
    let mut native = Subject::native(engine, &text());
    Dice(1).fill(rewritten.heap());
    Dice(1).fill(native.heap());
    (rewritten, native)
}

#[test]
fn short_copies_do_what_the_native_ones_do() {
    let (mut rewritten, mut native) = pair(&engine::new(Beginning::Copied, None).unwrap());
    let mut dice = Dice(8);
    for case in 0..100_000 {
        let len = dice.below(LENGTHS.end);
        let from = match dice.below(4) {
            0 => dice.near(HEAP_BYTES, 200),
            1 => dice.near(0, 200),
            _ => dice.below(HEAP_BYTES),
        };
        let to = match dice.below(4) {
            0 => dice.near(HEAP_BYTES, 200),
            1 => dice.near(from, 200),
            _ => dice.below(HEAP_BYTES),
        };
        if len == 0 && (to >= POOL || from >= POOL) {
            // The one difference, see `heap`.
            continue;
        }
        let trap =
            |outcome: Result<i32>| outcome.map_err(|error| *error.downcast_ref::<Trap>().unwrap());
        let expected = trap(copy(&mut native, len, to, from));
        let found = trap(copy(&mut rewritten, len, to, from));
        assert_eq!(found, expected, "{len} to {to:x} from {from:x}");
        if let Ok(sum) = found {
            assert_eq!(sum, 76, "the function's own locals are as they were");
        }
        let around = index(to.min(HEAP_BYTES).saturating_sub(200))
            ..index(to.saturating_add(300).min(HEAP_BYTES));
        let same = rewritten.heap()[around.clone()] == native.heap()[around];
        assert!(same, "{len} to {to:x} from {from:x}");
        if case % 1000 == 0 {
            assert!(rewritten.heap() == native.heap());
        }
    }
}

#[test]
fn a_short_copy_into_no_pool_is_reported_at_the_guests_own_function() {
    let engine = engine::new(Beginning::Copied, None).unwrap();
    let mut rewritten = Subject::rewritten(&engine, &text());
    for (to, from) in [(POOL, 0), (0, POOL + 8), (HEAP_BYTES - 7, 0)] {
        let error = copy(&mut rewritten, 8, to, from);
        let (_, text) = ending_of(error, rewritten.generated_from);
        assert!(text.ends_with("memory access\n  in short8"), "{text}");
    }
}

//! Atomic instructions on the heap and on the pool: they work like loads and stores, and
//! those that store are stopped like stores.

use usufruct_wasm::{Config, Protection, Reason, Report, Spec, System};

const WAYS: [Protection; 2] = [Protection::Mprotect, Protection::Userfault];

const PRELUDE: &str = r#"
    (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func $check (param $code i32) (param $found i64) (param $expected i64)
        (if (i64.ne (local.get $found) (local.get $expected))
            (then (call $exit (local.get $code)))))"#;

fn system(way: Protection) -> System {
    let mut config = Config::default();
    config.workers = 2;
    // The last page of the pool is page 15.
    config.pool_bytes = 64 << 10;
    config.protection = way;
    System::new(config).unwrap()
}

fn run(system: &System, body: &str) -> Report {
    let text = format!("(module {PRELUDE} {body})");
    let program = system
        .load(text.as_bytes())
        .unwrap_or_else(|error| panic!("{error}\n{body}"));
    let task = system.make(&program, &Spec::new("task")).unwrap();
    task.start();
    task.wait()
}

/// Every atomic instruction, as what it leaves on the stack in 64 bits, with what it answers
/// and what it leaves in memory where 0x81 was. `@` is the place, and the width is in bytes.
fn instructions() -> Vec<(String, u64, u64)> {
    let mut all = Vec::new();
    for (ty, bits) in [("i32", 32), ("i64", 64)] {
        for width in [8, 16, 32, 64] {
            if width > bits {
                continue;
            }
            let (narrow, sign) = match width == bits {
                true => (String::new(), ""),
                false => (width.to_string(), "_u"),
            };
            let wide = |code: String| match ty {
                "i32" => format!("(i64.extend_i32_u ({code}))"),
                _ => format!("({code})"),
            };
            let load = format!("{ty}.atomic.load{narrow}{sign} @");
            all.push((wide(load), 0x81, 0x81));
            let store = format!("({ty}.atomic.store{narrow} @ ({ty}.const 0x33)) (i64.const 1)");
            all.push((store, 1, 0x33));
            for (operation, left) in [
                ("add", 0x84),
                ("sub", 0x7e),
                ("and", 0x01),
                ("or", 0x83),
                ("xor", 0x82),
                ("xchg", 0x03),
            ] {
                let code = format!("{ty}.atomic.rmw{narrow}.{operation}{sign} @ ({ty}.const 3)");
                all.push((wide(code), 0x81, left));
            }
            for (expected, left) in [(0x81, 0x44), (0x80, 0x81)] {
                let code = format!(
                    "{ty}.atomic.rmw{narrow}.cmpxchg{sign} @ ({ty}.const {expected}) ({ty}.const 0x44)"
                );
                all.push((wide(code), 0x81, left));
            }
        }
    }
    let notify = "(i64.extend_i32_u (memory.atomic.notify @ (i32.const 1)))";
    all.push((notify.to_owned(), 0, 0x81));
    all
}

/// The heap, a page that the task owns, and one that it may write because everybody may.
#[test]
fn they_do_on_pages_what_they_do_on_the_heap() {
    let mut body = String::from(
        r#"(func (export "_start") (local $at i32) (local $turn i32)
            (drop (call $alloc (i32.const 4096) (i32.const 0)))
            (loop $turns"#,
    );
    for (index, (code, answer, left)) in instructions().iter().enumerate() {
        let code = code.replace('@', "(local.get $at)");
        body += &format!(
            "(i64.store (local.get $at) (i64.const 0x81))
             (call $check (i32.const {index}) {code} (i64.const {answer}))
             (call $check (i32.const {index}) (i64.load (local.get $at)) (i64.const {left}))"
        );
    }
    body += "(local.set $turn (i32.add (local.get $turn) (i32.const 1)))
             (local.set $at (i32.const 0x80000ff8))
             (br_if $turns (i32.eq (local.get $turn) (i32.const 1)))))";
    for way in WAYS {
        let report = run(&system(way), &body);
        assert!(report.is_success(), "{way}: {report}");
    }
}

/// Each by itself, on a page that nobody owns: loads see zeros, all others end the task.
#[test]
fn those_that_store_are_stopped_where_the_task_may_not_write() {
    for way in WAYS {
        let system = system(way);
        for (code, ..) in instructions() {
            let code = code.replace('@', "(i32.const 0x80003008)");
            let body = format!(
                r#"(func $strike (result i64) {code})
                   (func (export "_start") (call $check (i32.const 1) (call $strike) (i64.const 0)))"#
            );
            let report = run(&system, &body);
            if code.contains(".load") || code.contains("notify") {
                assert!(report.is_success(), "{way} {code}: {report}");
                continue;
            }
            let text = report.to_string();
            assert_eq!(
                report.ending.reason,
                Reason::ForbiddenStore,
                "{way} {code}: {text}"
            );
            assert!(
                text.contains("0x80003008 in page 3, which nobody owns"),
                "{way} {code}: {text}"
            );
            assert!(text.contains("\n  in strike"), "{way} {code}: {text}");
        }
        assert!(system.invariants_hold());
    }
}

/// The first store to a page that everybody may write is stopped and executed again: once.
#[test]
fn one_that_takes_up_a_grant_to_everybody_is_done_once() {
    let body = r#"(func (export "main") (result i32) (local $at i32)
        (local.set $at (call $alloc (i32.const 4096) (i32.const 0x100)))
        (drop (call $control (local.get $at) (i32.const 1) (i32.const 1) (i32.const 0)))
        (drop (call $control (local.get $at) (i32.const 1) (i32.const 2) (i32.const 0)))
        (drop (i32.atomic.rmw.add (local.get $at) (i32.const 1)))
        (i32.atomic.rmw.add (local.get $at) (i32.const 1)))"#;
    for way in WAYS {
        let report = run(&system(way), body);
        assert_eq!(report.ending.reason, Reason::Exit, "{way}: {report}");
        assert_eq!(report.ending.status, 1, "{way}");
    }
}

/// What is no memory, or not aligned, is that for every atomic instruction, in the heap, in
/// the pool and behind both; offsets count.
#[test]
fn wrong_addresses_trap_with_the_right_words() {
    let notify = |at: &str| format!("(memory.atomic.notify {at} (i32.const 1))");
    let wait32 = |at: &str| format!("(memory.atomic.wait32 {at} (i32.const 0) (i64.const 0))");
    let wait64 = |at: &str| format!("(memory.atomic.wait64 {at} (i64.const 0) (i64.const 0))");
    let add = |at: &str| format!("(i32.atomic.rmw.add {at} (i32.const 1))");
    let (outside, crooked) = ("out of bounds memory access", "unaligned atomic");
    let waiting = "atomic wait on non-shared memory";
    for (code, words) in [
        (notify("(i32.const 0x10000)"), outside),
        (notify("offset=8 (i32.const 0xfff8)"), outside),
        (notify("(i32.const 0x80010000)"), outside),
        (notify("offset=8 (i32.const 0x8000fff8)"), outside),
        (notify("offset=8 (i32.const -8)"), outside),
        (notify("offset=0x80000000 (i32.const 0x80000000)"), outside),
        (notify("offset=2 (i32.const 4)"), crooked),
        (notify("offset=2 (i32.const 0x80000000)"), crooked),
        (wait32("(i32.const 8)"), waiting),
        (wait64("(i32.const 8)"), waiting),
        (wait32("offset=12 (i32.const 0x80000000)"), waiting),
        (wait64("offset=16 (i32.const 0x80000000)"), waiting),
        (wait32("(i32.const 0x80000002)"), crooked),
        (wait64("offset=4 (i32.const 0x80000000)"), crooked),
        (wait64("(i32.const 0x80010000)"), outside),
        (wait32("offset=8 (i32.const -8)"), outside),
        (add("(i32.const 0x80010000)"), outside),
        (add("(i32.const 0x80000002)"), crooked),
        (add("offset=0x80000000 (i32.const 0x80000000)"), outside),
    ] {
        let system = system(Protection::Auto);
        let body = format!(r#"(func $strike (export "_start") (drop {code}))"#);
        let report = run(&system, &body);
        assert_eq!(report.ending.reason, Reason::Trap, "{code}: {report}");
        let text = report.to_string();
        assert!(text.contains(words), "{code}: {text}");
        assert!(text.ends_with("\n  in strike"), "{code}: {text}");
    }
    // An offset leads into the pool, and the last word of it is there.
    let code = notify("offset=0x80000000 (i32.const 0xfffc)");
    let body = format!(r#"(func (export "main") (result i32) {code})"#);
    let report = run(&system(Protection::Auto), &body);
    assert!(report.is_success(), "{report}");
}

//! Copies through one object again and again: with a fence each, or light after the first.

mod common;

use common::{start, status};
use usufruct_wasm::{Config, System};

/// Reads what it has lent to itself, many times, and then what it may not.
const HABIT: &str = r#"
    (func $refused (param $code i32) (param $answer i32) (param $error i32)
        (call $check (local.get $code) (local.get $answer) (i32.const -1))
        (call $check (local.get $code) (call $error) (local.get $error)))
    (func $read_often (param $id i32) (local $times i32)
        (local.set $times (i32.const 100))
        (loop $again
            (i32.store8 (i32.const 0x13f) (local.get $times))
            (call $check (i32.const 1)
                (call $read (local.get $id) (i32.const 0) (i32.const 64) (i32.const 0x400)) (i32.const 0))
            (call $check (i32.const 2) (i32.load8_u (i32.const 0x43f)) (local.get $times))
            (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
    (func (export "_start") (local $id i32)
        (local.set $id (call $share (call $me) (i32.const 0x100) (i32.const 64) (i32.const 2)))
        (call $read_often (local.get $id))
        (call $refused (i32.const 3)
            (call $write (local.get $id) (i32.const 0) (i32.const 64) (i32.const 0x400)) (i32.const 5))
        (call $read_often (local.get $id))
        (call $refused (i32.const 4)
            (call $read (local.get $id) (i32.const 1) (i32.const 64) (i32.const 0x400)) (i32.const 12))
        (call $refused (i32.const 5)
            (call $read (local.get $id) (i32.const 0) (i32.const 64) (i32.const 65473)) (i32.const 1))
        (call $refused (i32.const 6)
            (call $read (local.get $id) (i32.const 0) (i32.const 64) (i32.const 0x80000000)) (i32.const 1))
        (call $read_often (local.get $id))
        (call $check (i32.const 7) (call $error) (i32.const 0))
        (call $check (i32.const 8) (call $claim (local.get $id)) (i32.const 0))
        (call $refused (i32.const 9)
            (call $read (local.get $id) (i32.const 0) (i32.const 64) (i32.const 0x400)) (i32.const 24)))
"#;

#[test]
fn light_copies_and_fenced_ones_are_refused_alike() {
    for config in [
        Config::default().with_streak(1),
        Config::default().with_fenced_copies(),
    ] {
        let system = System::new(config).unwrap();
        let task = start(&system, "habit", HABIT);
        assert_eq!(status(&task.wait()), 0);
        assert_eq!(task.usage().refusals, 5);
        assert_eq!(task.usage().read_bytes, 300 * 64);
    }
}

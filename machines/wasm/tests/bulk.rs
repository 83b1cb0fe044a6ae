//! Operations on up to two gibibytes at once: they keep nobody out, and they
//! are cut short by a kill.

mod common;

use std::time::{Duration, Instant};

use common::{load, run, start, status, system, system_with};
use usufruct_wasm::{Reason, Spec, System, Task};

/// Each is one operation of half a second and more, if nothing comes between.
const LONG: [&str; 4] = [
    "(memory.fill (i32.const 0) (i32.const 7) (i32.const 0x7ff00000))",
    "(memory.fill (i32.const 0x10000) (i32.const 7) (i32.const 0x7f000000))",
    "(memory.copy (i32.const 0) (i32.const 0x100000) (i32.const 0x7fe00000))",
    "(memory.copy (i32.const 0x100000) (i32.const 0) (i32.const 0x7fe00000))",
];

/// How late a kill may be: many slices, for the machine may be busy, and a small
/// part of what the whole operation takes.
const LATEST: Duration = Duration::from_millis(100);

/// A task that says by its first call that its operation comes next.
fn begin(system: &System, operation: &str) -> Task {
    let body = format!(
        r#"(func (export "main") (result i32)
            (drop (memory.grow (i32.const 32766)))
            (drop (call $me))
            {operation}
            (i32.const 5))"#
    );
    let task = start(system, "long", &body);
    while task.usage().calls == 0 {
        std::thread::yield_now();
    }
    task
}

#[test]
fn a_kill_acts_in_the_middle_of_a_long_operation_and_others_run_meanwhile() {
    let system = system_with(1);
    let slices = r#"
        (func (export "main") (result i32) (local i32)
            (local.set 0 (i32.const 10000000))
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (i32.const 3))
    "#;
    let slices = load(&system, slices);
    for operation in LONG {
        let long = begin(&system, operation);
        // On the only worker: some slices' worth of work.
        let other = system.make(&slices, &Spec::new("other")).unwrap();
        other.start();
        assert_eq!(status(&other.wait()), 3);
        assert!(long.report().is_none(), "{operation}: nobody ran meanwhile");
        // Now it has the worker to itself.
        common::a_moment();
        let begun = Instant::now();
        long.kill();
        let report = long.wait();
        let lateness = begun.elapsed();
        assert_eq!(report.ending.reason, Reason::Killed, "{operation}");
        assert!(lateness < LATEST, "{operation}: {lateness:?}");
        println!("{operation}: killed after {lateness:?}");
    }
}

/// What the loader has put in their place is no function of the guest's.
#[test]
fn what_goes_wrong_is_reported_at_the_guests_own_function() {
    let into_pool = "memory.init can not store into the pool";
    let cases = [
        (
            "memory.copy (i32.const 65535) (i32.const 0) (i32.const 2)",
            "out of bounds",
        ),
        (
            "memory.copy (i32.const 0) (i32.const 0) (i32.const -1)",
            "out of bounds",
        ),
        (
            "memory.fill (i32.const 0x80000000) (i32.const 0) (i32.const 1)",
            "0x80000000",
        ),
        (
            "memory.init 0 (i32.const 65535) (i32.const 0) (i32.const 2)",
            "out of bounds",
        ),
        (
            "memory.init 0 (i32.const 0x80000000) (i32.const 0) (i32.const 2)",
            into_pool,
        ),
    ];
    for (operation, sentence) in cases {
        let body = format!(
            r#"(data "segment") (func $culprit ({operation}))
            (func $main (export "_start") (call $culprit))"#
        );
        let report = run(&system(), "culprit", &body);
        assert_eq!(report.ending.reason, Reason::Trap, "{operation}");
        assert!(report.text.contains(sentence), "{}", report.text);
        assert!(
            report.text.ends_with("\n  in culprit\n  in main"),
            "{}",
            report.text
        );
        assert_eq!(report.text.lines().count(), 3, "{}", report.text);
    }
}

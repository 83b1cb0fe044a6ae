//! How tasks run, stop and are stopped: slices, kills, limits, exit codes.

mod common;

use std::time::{Duration, Instant};

use common::{capturing, load, run, start, status, system, system_with};
use usufruct_wasm::{
    Config, Input, Limits, LoadError, MakeError, Reason, Spec, StartError, System,
};

const SPIN: &str = r#"(func (export "_start") (loop (br 0)))"#;

/// Two tasks that wake each other without end, on the only worker, beside one
/// that computes for some slices.
#[test]
fn tasks_that_wake_each_other_keep_nobody_out() {
    // One message goes to and fro: each waits until the other has sent.
    let chatter = |other: &str, begins: u32| {
        format!(
            r#"(data (i32.const 0) "{other}")
            (func $send_on (result i32)
                (call $send (call $find (i32.const 0) (i32.const 4)) (i32.const 0) (i32.const 16)))
            (func (export "_start")
                (drop (call $open (i32.const 0)))
                (if (i32.const {begins}) (then (loop $again (br_if $again (call $send_on)))))
                (loop
                    (drop (call $wait (i32.const 0) (i32.const -1)))
                    (drop (call $get (i32.const 0) (i32.const 32) (i32.const 48)))
                    (drop (call $send_on))
                    (br 0)))"#
        )
    };
    let worker = r#"
        (func (export "_start") (local i32)
            (local.set 0 (i32.const 20000000))
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    "#;
    let system = system_with(1);
    let talkers = [("this", "that", 1), ("that", "this", 0)].map(|(name, other, begins)| {
        system
            .make(&load(&system, &chatter(other, begins)), &Spec::new(name))
            .unwrap()
    });
    talkers.iter().for_each(usufruct_wasm::Task::start);
    while talkers[0].usage().calls < 1000 {
        std::thread::yield_now();
    }
    let worker = start(&system, "worker", worker);
    let begun = Instant::now();
    while worker.report().is_none() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(
        worker
            .report()
            .is_some_and(usufruct_wasm::Report::is_success)
    );
    assert!(
        talkers.iter().all(|talker| talker.usage().calls > 1000),
        "they did talk meanwhile"
    );
}

/// Its tasks' memories go while others copy from them, unless the barriers hold.
#[test]
fn a_system_is_dropped_while_its_tasks_copy_from_each_other() {
    let lender = r#"
        (data (i32.const 0) "borrower")
        (func (export "_start") (local $id i32)
            (drop (memory.grow (i32.const 256)))
            (i32.store (i32.const 16) (call $share
                (call $find (i32.const 0) (i32.const 8)) (i32.const 0) (i32.const 0x1000000) (i32.const 6)))
            (loop $again (br_if $again
                (call $send (call $find (i32.const 0) (i32.const 8)) (i32.const 0) (i32.const 16))))
            (loop (br 0)))
    "#;
    let borrower = r#"
        (func (export "_start")
            (drop (memory.grow (i32.const 256)))
            (drop (call $open (i32.const 0)))
            (drop (call $wait (i32.const 0) (i32.const -1)))
            (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
            (loop (drop (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 0x1000000) (i32.const 64)))
                (br 0)))
    "#;
    for _ in 0..20 {
        let system = system();
        let borrower = system
            .make(&load(&system, borrower), &Spec::new("borrower"))
            .unwrap();
        let lender = system
            .make(&load(&system, lender), &Spec::new("lender"))
            .unwrap();
        borrower.start();
        lender.start();
        while borrower.usage().read_bytes == 0 {
            std::thread::yield_now();
        }
        drop(system);
        assert_eq!(lender.wait().ending.reason, Reason::Killed);
    }
}

/// The name is free again, and so is the place in the table.
#[test]
fn a_task_that_is_made_and_never_started_ends_with_its_last_handle() {
    let system = system();
    let program = load(&system, SPIN);
    for _ in 0..1000 {
        drop(system.make(&program, &Spec::new("unborn")).unwrap());
    }
}

#[test]
fn a_start_section_runs_first_and_as_the_task() {
    let body = r#"
        (global $id (mut i32) (i32.const 0))
        (func $go (global.set $id (call $me)))
        (start $go)
        (func (export "main") (result i32) (i32.eq (global.get $id) (call $me)))
    "#;
    assert_eq!(status(&run(&system(), "starter", body)), 1);
}

#[test]
fn exit_codes_come_from_main_and_from_proc_exit() {
    let system = system();
    assert_eq!(
        status(&run(
            &system,
            "a",
            r#"(func (export "main") (result i32) (i32.const -7))"#
        )),
        -7
    );
    assert_eq!(
        status(&run(
            &system,
            "b",
            r#"(func (export "_start") (call $exit (i32.const 9)))"#
        )),
        9
    );
    let of_llvm = r#"(func (export "main") (param i32 i32) (result i32)
        (i32.add (i32.const 5) (i32.or (local.get 0) (local.get 1))))"#;
    assert_eq!(status(&run(&system, "d", of_llvm)), 5);
    assert_eq!(status(&run(&system, "c", r#"(func (export "main"))"#)), 0);
}

#[test]
fn traps_are_told_in_words() {
    let system = system();
    let cases = [
        (
            "(drop (i32.load (i32.const 0x7fffffff)))",
            "out of bounds memory access",
        ),
        (
            "(drop (i32.load (i32.const 0x80000000)))",
            "memory fault at wasm address 0x80000000",
        ),
        (
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            "integer divide by zero",
        ),
        ("(call $deep)", "call stack exhausted"),
    ];
    for (code, sentence) in cases {
        let body = format!(
            r#"(func $deep (call $deep)) (func $fall {code}) (func (export "_start") (call $fall))"#
        );
        let report = run(&system, "faller", &body);
        assert_eq!(report.ending.reason, Reason::Trap);
        assert!(report.text.contains(sentence), "{}", report.text);
        assert!(report.to_string().starts_with("trapped: "), "{report}");
    }
}

#[test]
fn data_that_does_not_fit_ends_the_task_with_a_report() {
    let report = run(
        &system(),
        "misfit",
        r#"(data (i32.const 65535) "two") (func (export "_start"))"#,
    );
    assert_eq!(report.ending.reason, Reason::Trap);
    assert!(report.text.contains("out of bounds"), "{}", report.text);
}

#[test]
fn a_heap_ends_at_the_declared_maximum_at_the_tasks_limit_and_below_the_pool() {
    let system = system();
    let grow = r#"(func (export "main") (result i32) (memory.grow (i32.const 4)))"#;
    let module = |memory: &str| {
        system
            .load(format!(r#"(module (memory (export "memory") {memory}) {grow})"#).as_bytes())
            .unwrap()
    };
    let run = |memory: &str, limit: u64| {
        let spec = Spec {
            memory_bytes: limit,
            ..Spec::new("grower")
        };
        let task = system.make(&module(memory), &spec).unwrap();
        task.start();
        status(&task.wait())
    };
    assert_eq!(run("1 4", u64::MAX), -1, "one over the declared maximum");
    assert_eq!(run("1 5", u64::MAX), 1);
    assert_eq!(run("1", 5 << 16), 1);
    assert_eq!(run("1", (5 << 16) - 1), -1, "one byte under what it wants");
    assert_eq!(run("32764", u64::MAX), -1, "one page above 2 GiB - 64 KiB");
    assert_eq!(run("32763", u64::MAX), 32763);

    let spec = Spec {
        memory_bytes: 1 << 16,
        ..Spec::new("large")
    };
    let refused = system.make(&module("2"), &spec).unwrap_err();
    assert!(
        matches!(
            refused,
            MakeError::Memory {
                minimum_bytes: 0x2_0000,
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn tables_end_at_their_limit() {
    let body = r#"(table 1 funcref)
        (func (export "main") (result i32) (table.grow (ref.null func) (i32.const 0x100000)))"#;
    assert_eq!(status(&run(&system(), "tables", body)), -1);
}

#[test]
fn arguments_input_and_output_pass_through() {
    let system = system();
    let body = r#"
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $is (param i32 i32) (if (i32.ne (local.get 0) (local.get 1)) (then unreachable)))
        (func (export "_start")
            (call $is (call $args (i32.const 0) (i32.const 4)) (i32.const 0))
            (call $is (i32.load (i32.const 0)) (i32.const 2))
            (i32.store (i32.const 8) (i32.const 64))
            (i32.store (i32.const 12) (i32.const 100))
            (call $is (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)) (i32.const 0))
            (i32.store (i32.const 12) (i32.load (i32.const 0)))
            (call $is (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)) (i32.const 0)))
    "#;
    let program = system.load(format!("(module {body})").as_bytes()).unwrap();
    let (mut spec, output) = capturing("speaker");
    spec.streams.arguments = vec!["speaker".to_owned(), "one".to_owned()];
    spec.streams.stdin = Input::Bytes(b"usus fructus".to_vec());
    let task = system.make(&program, &spec).unwrap();
    task.start();
    assert_eq!(status(&task.wait()), 0);
    assert_eq!(output.contents(), b"usus fructus");
}

#[test]
fn what_can_not_start_is_refused_with_the_way_out() {
    let mut config = Config::default();
    config.workers = 0;
    let refused = System::new(config.clone()).unwrap_err();
    assert!(matches!(refused, StartError::Workers));
    config.workers = 1;
    config.limits = Limits {
        tasks: 0,
        ..Limits::default()
    };
    let refused = System::new(config).unwrap_err();
    assert!(refused.to_string().contains("`tasks` must be"), "{refused}");

    let system = system();
    assert!(matches!(
        system.load(b"\0asm\x01\0\0\0junk"),
        Err(LoadError::Broken { .. })
    ));
    let mut spec = Spec::new("lost");
    spec.streams.directories.push(usufruct_wasm::Directory {
        host: "/nonexistent/usufruct".into(),
        guest: "/".to_owned(),
        writable: false,
    });
    let refused = system.make(&load(&system, SPIN), &spec).unwrap_err();
    assert!(
        refused.to_string().contains("/nonexistent/usufruct"),
        "{refused}"
    );
}

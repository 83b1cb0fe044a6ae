//! What the tests share: a system, and small guests in text.

use std::time::Duration;

use usufruct_wasm::{Capture, Config, Output, Program, Report, Spec, System, Task};

/// The imports and the memory that most guests here have, and a few helpers:
/// `$check` ends the guest with a code unless a result is the expected one.
const PRELUDE: &str = r#"
    (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "claim_mem" (func $claim (param i32) (result i32)))
    (import "usufruct" "pass_mem" (func $pass (param i32 i32) (result i32)))
    (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "write_mem" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "mem_size" (func $size (param i32) (result i32)))
    (import "usufruct" "last_error" (func $error (result i32)))
    (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
    (import "usufruct" "watch_task" (func $watch (param i32 i32) (result i32)))
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "usufruct" "open_port" (func $open (param i32) (result i32)))
    (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
    (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
    (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (func $check (param $code i32) (param $found i32) (param $expected i32)
        (if (i32.ne (local.get $found) (local.get $expected))
            (then (call $exit (local.get $code)))))
"#;

#[allow(dead_code, reason = "not every test file takes the usual one")]
pub(crate) fn system() -> System {
    system_with(2)
}

#[allow(dead_code, reason = "not every test file takes the usual one")]
pub(crate) fn system_with(workers: u32) -> System {
    let mut config = Config::default();
    config.workers = workers;
    System::new(config).unwrap()
}

/// A guest with the prelude and one page of memory, exported.
pub(crate) fn guest(body: &str) -> String {
    format!(r#"(module {PRELUDE} (memory (export "memory") 1) {body})"#)
}

pub(crate) fn load(system: &System, body: &str) -> Program {
    system
        .load(guest(body).as_bytes())
        .unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn start(system: &System, name: &str, body: &str) -> Task {
    let task = system.make(&load(system, body), &Spec::new(name)).unwrap();
    task.start();
    task
}

#[allow(dead_code, reason = "not every test file runs one to its end")]
pub(crate) fn run(system: &System, name: &str, body: &str) -> Report {
    start(system, name, body).wait()
}

/// The guest's exit status; whatever else ended it is a failed test.
pub(crate) fn status(report: &Report) -> i32 {
    assert_eq!(
        report.ending.reason,
        usufruct_wasm::Reason::Exit,
        "{report}"
    );
    report.ending.status
}

#[allow(dead_code, reason = "not every test file looks at output")]
pub(crate) fn capturing(name: &str) -> (Spec, Capture) {
    let capture = Capture::new(1 << 16);
    let mut spec = Spec::new(name);
    spec.streams.stdout = Output::Capture(capture.clone());
    (spec, capture)
}

#[allow(dead_code, reason = "not every test file waits")]
pub(crate) fn a_moment() {
    std::thread::sleep(Duration::from_millis(20));
}

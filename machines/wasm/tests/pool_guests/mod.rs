//! What tests of tasks with a pool share: both ways of protection, and small guests in text.

use usufruct_wasm::{Config, Protection, Report, Spec, System};

pub(crate) const WAYS: [Protection; 2] = [Protection::Mprotect, Protection::Userfault];

pub(crate) const IMPORTS: &str = r#"
    (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "usufruct" "GetPageSize" (func $page (param i32) (result i32)))
    (import "usufruct" "AvailMem" (func $avail (param i32 i32)))
    (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
    (import "usufruct" "open_port" (func $open (param i32) (result i32)))
    (memory (export "memory") 1)"#;

pub(crate) fn config(way: Protection) -> Config {
    let mut config = Config::default();
    config.workers = 2;
    config.pool_bytes = 1 << 20;
    config.protection = way;
    config
}

pub(crate) fn run_as(system: &System, spec: &Spec, body: &str) -> Report {
    let text = format!("(module {IMPORTS} {body})");
    let program = system
        .load(text.as_bytes())
        .unwrap_or_else(|error| panic!("{error}"));
    let task = system.make(&program, spec).unwrap();
    task.start();
    task.wait()
}

pub(crate) fn run(system: &System, body: &str) -> Report {
    run_as(system, &Spec::new("task"), body)
}

//! One task and its pages.

use std::mem;

use super::{Language, Part, WAYS, load, system, system_of};
use usufruct_wasm::{Protection, Spec};

const RUST: [&str; 5] = ["zeros", "sizes", "truncated", "letters", "heap"];
const C: [&str; 3] = ["pages", "letters", "heap"];

fn every_role_succeeds(language: Language, roles: &[&str]) {
    let Some(module) = language.module() else {
        return;
    };
    for way in WAYS {
        let system = system(way);
        let program = load(&system, module);
        for role in roles {
            println!("{role}, by {way}");
            Part::start(&system, &program, role).succeeds();
            assert!(system.invariants_hold());
        }
    }
}

#[test]
fn pages_and_blocks_of_the_rust_library_hold() {
    every_role_succeeds(Language::Rust, &RUST);
}

#[test]
fn pages_and_blocks_of_the_c_library_hold() {
    every_role_succeeds(Language::C, &C);
}

#[test]
fn a_task_that_is_not_attached_is_told_so() {
    let system = system(Protection::Auto);
    let mut spec = Spec::new("no-pool");
    spec.attached = Some(false);
    for language in [Language::Rust, Language::C] {
        if let Some(module) = language.module() {
            Part::start_as(&spec, &system, &load(&system, module)).succeeds();
        }
    }
}

/// By `mprotect`, for that has a limit.
#[test]
fn a_right_that_the_machine_can_not_hold_is_refused_and_nothing_is_lost() {
    let system = system_of(64 << 20, Protection::Mprotect);
    let program = load(&system, Language::Rust.module().unwrap());
    let parts = ["scattered", "idle"].map(|role| Part::start(&system, &program, role));
    parts.iter().for_each(Part::succeeds);
    assert!(system.invariants_hold());
}

/// Takes the largest pool but for its last 64 KiB, and waits.
const PLUG: &str = r#"(module
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "usufruct" "open_port" (func $open (param i32) (result i32)))
    (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (if (i32.eqz (call $alloc (i32.const 0x7fff0000) (i32.const 0))) (then (unreachable)))
        (drop (call $open (i32.const 0)))
        (drop (call $wait (i32.const 0) (i32.const -1)))))"#;

#[test]
fn pages_that_end_where_addresses_do_are_used() {
    let system = system_of(2 << 30, Protection::Mprotect);
    let plug = system
        .make(&load(&system, PLUG.as_bytes()), &Spec::new("plug"))
        .unwrap();
    plug.start();
    while plug.usage().calls < 2 {
        std::thread::yield_now();
    }
    for language in [Language::Rust, Language::C] {
        if let Some(module) = language.module() {
            Part::start(&system, &load(&system, module), "last-pages").succeeds();
        }
    }
    assert!(system.invariants_hold());
    // Freeing pages stores zeros to them: the plug's, which nobody has touched, would all
    // become memory. They end with the process instead.
    mem::forget((system, plug));
}

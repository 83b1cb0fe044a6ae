//! Objects and ports between real guests, end to end.

mod common;

use common::{load, run, start, status, system};
use usufruct_wasm::Spec;

/// Shares 300,000 bytes with the reader, tells it, and waits until it is done.
const LENDER: &str = r#"
    (func (export "_start") (local $id i32)
        (drop (memory.grow (i32.const 8)))
        (memory.fill (i32.const 65536) (i32.const 0xab) (i32.const 400000))
        (i32.store8 (i32.const 65536) (i32.const 1))
        (i32.store8 (i32.const 365535) (i32.const 2))
        (call $check (i32.const 1) (call $open (i32.const 0)) (i32.const 0))
        (call $check (i32.const 2) (call $wait (i32.const 0) (i32.const 5000)) (i32.const 0))
        (call $check (i32.const 3) (call $get (i32.const 0) (i32.const 16) (i32.const 32)) (i32.const 0))
        (local.set $id (call $share (i32.load (i32.const 32)) (i32.const 65536) (i32.const 300000) (i32.const 2)))
        (i32.store (i32.const 16) (local.get $id))
        (call $check (i32.const 4) (call $send (i32.load (i32.const 32)) (i32.const 0) (i32.const 16)) (i32.const 0))
        (call $check (i32.const 5) (call $wait (i32.const 0) (i32.const 5000)) (i32.const 0))
        (call $check (i32.const 6) (call $claim (local.get $id)) (i32.const 0)))
"#;

/// Asks the lender for an object, and reads it in one call of several bursts.
const READER: &str = r#"
    (data (i32.const 0) "lender")
    (func (export "_start") (local $lender i32) (local $id i32)
        (drop (memory.grow (i32.const 8)))
        (call $check (i32.const 1) (call $open (i32.const 0)) (i32.const 0))
        (loop $again
            (local.set $lender (call $find (i32.const 0) (i32.const 6)))
            (br_if $again (i32.ne (call $send (local.get $lender) (i32.const 0) (i32.const 64)) (i32.const 0))))
        (call $check (i32.const 2) (call $wait (i32.const 0) (i32.const 5000)) (i32.const 0))
        (call $check (i32.const 3) (call $get (i32.const 0) (i32.const 16) (i32.const 32)) (i32.const 0))
        (local.set $id (i32.load (i32.const 16)))
        (call $check (i32.const 4) (i32.load (i32.const 32)) (local.get $lender))
        (call $check (i32.const 5) (call $size (local.get $id)) (i32.const 300000))
        (call $check (i32.const 6)
            (call $read (local.get $id) (i32.const 0) (i32.const 300000) (i32.const 65536)) (i32.const 0))
        (call $check (i32.const 7) (i32.load8_u (i32.const 65536)) (i32.const 1))
        (call $check (i32.const 8) (i32.load8_u (i32.const 365535)) (i32.const 2))
        (call $check (i32.const 9) (i32.load8_u (i32.const 365534)) (i32.const 0xab))
        (call $check (i32.const 10) (i32.load8_u (i32.const 365536)) (i32.const 0))
        (call $check (i32.const 11)
            (call $write (local.get $id) (i32.const 0) (i32.const 1) (i32.const 0)) (i32.const -1))
        (call $check (i32.const 12) (call $error) (i32.const 5))
        (call $check (i32.const 13) (call $send (local.get $lender) (i32.const 0) (i32.const 16)) (i32.const 0)))
"#;

#[test]
fn an_object_of_several_bursts_is_lent_read_and_claimed() {
    let system = system();
    let lender = start(&system, "lender", LENDER);
    let reader = start(&system, "reader", READER);
    assert_eq!(status(&reader.wait()), 0);
    assert_eq!(status(&lender.wait()), 0);
    let usage = reader.usage();
    assert_eq!(usage.read_bytes, 300_000);
    assert_eq!(lender.usage().shares, 1);
    assert!(usage.refusals >= 1, "the write was refused");
    assert_eq!(
        lender.usage().message_bytes,
        2 * 16,
        "one sent, one received"
    );
}

/// Overlap across bursts, in both directions, within one memory.
#[test]
fn a_copy_onto_itself_is_as_if_through_a_buffer() {
    let body = r#"
        (func $fill (local $at i32)
            (loop $next
                (i32.store (i32.const 1024) (i32.const 0))
                (i32.store (i32.add (local.get $at) (i32.const 65536)) (local.get $at))
                (br_if $next (i32.lt_u
                    (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 900000)))))
        (func $compare (param $code i32) (param $begin i32) (local $at i32)
            (loop $next
                (call $check (local.get $code)
                    (i32.load (i32.add (local.get $begin) (local.get $at)))
                    (i32.add (local.get $at) (i32.const 100000)))
                (br_if $next (i32.lt_u
                    (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 700000)))))
        (func (export "_start") (local $id i32)
            (drop (memory.grow (i32.const 30)))
            (local.set $id (call $share (call $me) (i32.const 165536) (i32.const 700000) (i32.const 6)))
            (call $fill)
            (call $check (i32.const 1)
                (call $read (local.get $id) (i32.const 0) (i32.const 700000) (i32.const 165636)) (i32.const 0))
            (call $compare (i32.const 2) (i32.const 165636))
            (call $fill)
            (call $check (i32.const 3)
                (call $read (local.get $id) (i32.const 0) (i32.const 700000) (i32.const 165436)) (i32.const 0))
            (call $compare (i32.const 4) (i32.const 165436))
            (call $fill)
            (call $check (i32.const 5)
                (call $write (local.get $id) (i32.const 0) (i32.const 700000) (i32.const 165536)) (i32.const 0))
            (call $compare (i32.const 6) (i32.const 165536)))
    "#;
    assert_eq!(status(&run(&system(), "self", body)), 0);
}

/// Every range is looked up in the memory as it is now: grown memory counts at
/// once, memory behind the end never.
#[test]
fn ranges_are_looked_up_in_the_memory_as_it_is() {
    let body = r#"
        (func (export "_start") (local $id i32)
            (call $check (i32.const 1)
                (call $share (call $me) (i32.const 65536) (i32.const 1) (i32.const 2)) (i32.const -1))
            (call $check (i32.const 2) (call $error) (i32.const 1))
            (drop (memory.grow (i32.const 1)))
            (local.set $id (call $share (call $me) (i32.const 65536) (i32.const 65536) (i32.const 2)))
            (call $check (i32.const 3) (i32.gt_s (local.get $id) (i32.const 0)) (i32.const 1))
            (call $check (i32.const 4)
                (call $read (local.get $id) (i32.const 0) (i32.const 2) (i32.const 131071)) (i32.const -1))
            (call $check (i32.const 5) (call $error) (i32.const 1))
            (call $check (i32.const 6)
                (call $read (local.get $id) (i32.const 0) (i32.const 2) (i32.const 0x80000000)) (i32.const -1))
            (call $check (i32.const 7)
                (call $read (local.get $id) (i32.const 0) (i32.const 2) (i32.const -1)) (i32.const -1))
            (call $check (i32.const 8)
                (call $read (local.get $id) (i32.const 0) (i32.const 1) (i32.const 131071)) (i32.const 0))
            (call $check (i32.const 9)
                (call $read (local.get $id) (i32.const 0) (i32.const -1) (i32.const 0)) (i32.const -1))
            (call $check (i32.const 10) (call $error) (i32.const 12))
            (call $check (i32.const 11)
                (call $read (local.get $id) (i32.const 65536) (i32.const 0) (i32.const 0)) (i32.const 0)))
    "#;
    assert_eq!(status(&run(&system(), "ranges", body)), 0);
}

#[test]
fn waiting_ends_with_a_message_with_the_timeout_and_with_nothing_else() {
    let system = system();
    let waiter = r#"
        (func (export "_start")
            (call $check (i32.const 1) (call $wait (i32.const 0) (i32.const 1)) (i32.const -1))
            (call $check (i32.const 2) (call $error) (i32.const 17))
            (drop (call $open (i32.const 0)))
            (call $check (i32.const 3) (call $wait (i32.const 0) (i32.const 0)) (i32.const -1))
            (call $check (i32.const 4) (call $error) (i32.const 19))
            (call $check (i32.const 5) (call $wait (i32.const 0) (i32.const 30)) (i32.const -1))
            (call $check (i32.const 6) (call $error) (i32.const 19))
            (call $check (i32.const 7) (call $wait (i32.const 0) (i32.const -1)) (i32.const 0)))
    "#;
    let waiter = start(&system, "waiter", waiter);
    common::a_moment();
    common::a_moment();
    let sender = r#"
        (data (i32.const 0) "waiter")
        (func (export "main") (result i32)
            (loop $again (br_if $again (i32.ne (i32.const 0)
                (call $send (call $find (i32.const 0) (i32.const 6)) (i32.const 0) (i32.const 16)))))
            (i32.const 0))
    "#;
    assert_eq!(status(&run(&system, "sender", sender)), 0);
    assert_eq!(status(&waiter.wait()), 0);
    assert!(
        waiter.usage().run_time.as_millis() < 50,
        "waiting is not running"
    );
}

/// The watcher learns the id, the status and the reason, and the dead task's
/// objects are gone.
#[test]
fn a_task_that_traps_is_reported_to_its_watcher_and_its_objects_are_gone() {
    let system = system();
    let watcher = r#"
        (data (i32.const 0) "doomed")
        (func (export "_start") (local $doomed i32)
            (drop (call $open (i32.const 0)))
            (drop (call $open (i32.const 1)))
            (local.set $doomed (call $find (i32.const 0) (i32.const 6)))
            (call $check (i32.const 1) (call $watch (local.get $doomed) (i32.const 0)) (i32.const 0))
            (call $check (i32.const 2) (call $send (local.get $doomed) (i32.const 0) (i32.const 64)) (i32.const 0))
            (call $check (i32.const 3) (call $wait (i32.const 1) (i32.const 5000)) (i32.const 0))
            (call $check (i32.const 4) (call $get (i32.const 1) (i32.const 64) (i32.const 80)) (i32.const 0))
            (call $check (i32.const 5) (call $wait (i32.const 0) (i32.const 5000)) (i32.const 0))
            (call $check (i32.const 6) (call $get (i32.const 0) (i32.const 16) (i32.const 32)) (i32.const 0))
            (call $check (i32.const 7) (i32.load (i32.const 16)) (local.get $doomed))
            (call $check (i32.const 8) (i32.load (i32.const 20)) (i32.const 1))
            (call $check (i32.const 9) (i32.load (i32.const 24)) (i32.const 1))
            (call $check (i32.const 10) (i32.load (i32.const 32)) (i32.const 0))
            (call $check (i32.const 11)
                (call $read (i32.load (i32.const 64)) (i32.const 0) (i32.const 1) (i32.const 0)) (i32.const -1))
            (call $check (i32.const 12) (call $error) (i32.const 24)))
    "#;
    let doomed = r#"
        (func $fall unreachable)
        (func (export "_start")
            (drop (call $open (i32.const 0)))
            (drop (call $wait (i32.const 0) (i32.const -1)))
            (drop (call $get (i32.const 0) (i32.const 0) (i32.const 32)))
            (i32.store (i32.const 0) (call $share (i32.load (i32.const 32)) (i32.const 0) (i32.const 8) (i32.const 2)))
            (drop (call $send (i32.load (i32.const 32)) (i32.const 1) (i32.const 0)))
            (call $fall))
    "#;
    let doomed = start(&system, "doomed", doomed);
    common::a_moment();
    let watcher = run(&system, "watcher", watcher);
    assert_eq!(status(&watcher), 0);
    let report = doomed.wait();
    assert_eq!(report.ending.reason, usufruct_wasm::Reason::Trap);
    assert!(report.text.contains("unreachable"), "{}", report.text);
    assert!(report.text.contains("\n  in fall"), "{}", report.text);
    assert!(
        !report.text.contains("function 2"),
        "only the guest's own functions: {}",
        report.text
    );
}

#[test]
fn a_name_is_free_again_when_its_task_has_ended_and_a_program_runs_again() {
    let system = system();
    let program = load(&system, r#"(func (export "_start"))"#);
    let first = system.make(&program, &Spec::new("again")).unwrap();
    let taken = system.make(&program, &Spec::new("again")).unwrap_err();
    assert!(taken.to_string().contains("'again'"), "{taken}");
    first.start();
    assert_eq!(status(&first.wait()), 0);
    let second = system.make(&program, &Spec::new("again")).unwrap();
    assert_ne!(first.id(), second.id());
    second.start();
    assert_eq!(status(&second.wait()), 0);
}

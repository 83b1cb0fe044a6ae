//! Where one task's memory was the next one's is: whatever was under way when the
//! one was killed, the other has nothing of it, and gives nothing to it.

mod common;

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};

use common::{load, start, status, system, system_with};
use usufruct_wasm::{Input, Reason, Source, Spec, System, Task};

/// Has a memory of a mebibyte full of one byte, lends it to the task `reader`, and
/// tells it the object.
const LENDER: &str = r#"
    (data (i32.const 0) "reader")
    (func (export "_start")
        (local $reader i32)
        (drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 65536) (i32.const 0x11) (i32.const 0x100000))
        (local.set $reader (call $find (i32.const 0) (i32.const 6)))
        (i32.store (i32.const 16)
            (call $share (local.get $reader) (i32.const 65536) (i32.const 0x100000) (i32.const 2)))
        (loop $again (br_if $again (call $send (local.get $reader) (i32.const 0) (i32.const 16))))
        (loop (br 0)))
"#;

/// Copies what it is lent until it is refused. It ends with 1 when it has seen
/// another byte than the lender's, whatever became of the copy.
const READER: &str = r#"
    (func (export "main") (result i32)
        (local $id i32) (local $at i32) (local $refused i32) (local $word i32)
        (drop (memory.grow (i32.const 16)))
        (drop (call $open (i32.const 0)))
        (drop (call $wait (i32.const 0) (i32.const -1)))
        (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
        (local.set $id (i32.load (i32.const 16)))
        (loop $again
            (local.set $refused
                (call $read (local.get $id) (i32.const 0) (i32.const 0x100000) (i32.const 65536)))
            (local.set $at (i32.const 65536))
            (loop $next
                (local.set $word (i32.load (local.get $at)))
                (if (i32.and
                        (i32.ne (local.get $word) (i32.const 0))
                        (i32.ne (local.get $word) (i32.const 0x11111111)))
                    (then (return (i32.const 1))))
                (br_if $next (i32.lt_u
                    (local.tee $at (i32.add (local.get $at) (i32.const 64))) (i32.const 0x110000))))
            (br_if $again (i32.eqz (local.get $refused))))
        (i32.const 0))
"#;

/// The same memory, full of a secret.
const NEXT: &str = r#"
    (func (export "_start")
        (drop (memory.grow (i32.const 16)))
        (loop $again
            (memory.fill (i32.const 65536) (i32.const 0x22) (i32.const 0x100000))
            (br $again)))
"#;

fn make(system: &System, program: &usufruct_wasm::Program, name: &str) -> Task {
    let task = system.make(program, &Spec::new(name)).unwrap();
    task.start();
    task
}

#[test]
fn a_copy_from_a_task_that_is_killed_never_sees_who_has_its_place_next() {
    const ROUNDS: u32 = 300;
    let system = system_with(2);
    let [lender, reader, next] = [LENDER, READER, NEXT].map(|body| load(&system, body));
    for _ in 0..ROUNDS {
        let reader = make(&system, &reader, "reader");
        let lender = make(&system, &lender, "lender");
        while reader.usage().read_bytes < 0x10_0000 {
            std::thread::yield_now();
        }
        lender.kill();
        assert_eq!(lender.wait().ending.reason, Reason::Killed);
        let next = make(&system, &next, "next");
        assert_eq!(
            status(&reader.wait()),
            0,
            "it has read another task's secret"
        );
        next.kill();
        assert_eq!(next.wait().ending.reason, Reason::Killed);
    }
}

/// Says nothing until it is let.
struct Gate(Receiver<()>);

impl Read for Gate {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let _ = self.0.recv();
        into.fill(0x33);
        Ok(into.len())
    }
}

#[test]
fn input_that_a_killed_task_waited_for_does_not_land_in_who_has_its_place_next() {
    let system = system();
    let (open, gate) = channel();
    let reader = r#"
        (import "wasi_snapshot_preview1" "fd_read"
            (func $fd_read (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (i32.store (i32.const 0) (i32.const 4096))
            (i32.store (i32.const 4) (i32.const 32768))
            (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))
    "#;
    let reader = system.load(format!("(module {reader}").as_bytes()).unwrap();
    let mut spec = Spec::new("reader");
    spec.streams.stdin = Input::Source(Source::new(Gate(gate)));
    let reader = system.make(&reader, &spec).unwrap();
    reader.start();
    common::a_moment();
    reader.kill();
    assert_eq!(reader.wait().ending.reason, Reason::Killed);
    let next = r#"
        (func (export "main") (result i32) (local $at i32) (local $rounds i32)
            (loop $round
                (local.set $at (i32.const 0))
                (loop $next
                    (if (i32.load (local.get $at)) (then (return (i32.const 1))))
                    (br_if $next (i32.lt_u
                        (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 65536))))
                (br_if $round (i32.lt_u
                    (local.tee $rounds (i32.add (local.get $rounds) (i32.const 1))) (i32.const 10000))))
            (i32.const 0))
    "#;
    let next = start(&system, "next", next);
    open.send(()).unwrap();
    assert_eq!(status(&next.wait()), 0);
}

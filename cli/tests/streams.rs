//! What `usufruct run` does with its own standard streams: readers that are slow, that
//! stop, that go, and streams that take nothing.

mod common;

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::Place;

/// Writes 64 KiB to descriptor `fd`, `times` times.
fn writes(fd: u32, times: u32) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (func (export "main") (result i32) (local $left i32) (local $error i32)
            (memory.fill (i32.const 0x10000) (i32.const 120) (i32.const 0x10000))
            (i32.store (i32.const 0) (i32.const 0x10000))
            (i32.store (i32.const 4) (i32.const 0x10000))
            (local.set $left (i32.const {times}))
            (loop $again
                (local.set $error (call $write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 8)))
                (if (local.get $error) (then (return (local.get $error))))
                (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
            (i32.const 0)))"#
    )
}

/// Writes "out" and "err" in turns to the two outputs, a hundred times.
const TURNS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0x100) "out\nerr\n")
    (func $put (param $fd i32) (param $from i32)
        (i32.store (i32.const 0) (local.get $from))
        (i32.store (i32.const 4) (i32.const 4))
        (if (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
    (func (export "_start") (local $left i32)
        (local.set $left (i32.const 100))
        (loop $again
            (call $put (i32.const 1) (i32.const 0x100))
            (call $put (i32.const 2) (i32.const 0x104))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#;

fn interrupt(child: &Child) {
    let number = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &number]).status();
    assert!(sent.unwrap().success());
}

/// The last piece is on its way when the task has ended, and for longer than the end of
/// a system waits.
#[test]
fn everything_is_written_before_the_end() {
    let place = Place::new("slow_reader").with("writes.wat", &writes(1, 3));
    let mut command = place.command(&["run", "one=writes.wat"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_secs(3));
    assert!(
        child.try_wait().unwrap().is_none(),
        "it waits for its reader"
    );
    let mut taken = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut taken)
        .unwrap();
    assert_eq!(taken.len(), 3 * 0x10000);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_interrupt_ends_tasks_whose_reader_has_stopped() {
    let place = Place::new("stopped_reader").with("writes.wat", &writes(1, 1000));
    let mut command = place.command(&["run", "one=writes.wat"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    interrupt(&child);
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody reads");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_reader_that_goes_is_an_error_for_the_task() {
    let place = Place::new("gone_reader").with("writes.wat", &writes(1, 1000));
    let mut command = place.command(&["run", "one=writes.wat"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let said = child.wait_with_output().unwrap();
    let err = String::from_utf8(said.stderr).unwrap();
    assert!(err.contains("exited with status 64"), "EPIPE: {err}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_lost_at_the_end_is_a_failure() {
    let place = Place::new("full_disk").with("writes.wat", &writes(1, 1));
    let mut command = place.command(&["run", "one=writes.wat"]);
    let full = std::fs::File::options().write(true).open("/dev/full");
    let said = command.stdout(full.unwrap()).output().unwrap();
    let err = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1), "{err}");
    assert!(err.contains("standard output did not take all"), "{err}");
}

#[test]
fn two_outputs_that_are_one_stay_in_order() {
    let place = Place::new("one_output").with("turns.wat", TURNS);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = place.command(&["run", "one=turns.wat"]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut taken = String::new();
    reader.read_to_string(&mut taken).unwrap();
    assert_eq!(taken, "out\nerr\n".repeat(100));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

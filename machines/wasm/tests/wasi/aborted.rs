//! Reads into pages, aborted by whoever takes the pages or the right to write them.
//!
//! A task's one thread waits in its read, so it can not call itself. What others can
//! do to a page that is not theirs: end a grant to everybody, by a refusal that the
//! table has no room for. And the host can end the task.

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Config, Input, Protection, Source, Spec, System, Task};

use crate::{a_moment, place, start, status};

const WAYS: [Protection; 2] = [Protection::Mprotect, Protection::Userfault];

/// How long a test waits for what may not come to pass for a while.
const PATIENCE: Duration = Duration::from_secs(60);

const IMPORTS: &str = r#"
    (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "usufruct" "open_port" (func $open (param i32) (result i32)))
    (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0xf00) "file")
    ;; Where reads begin; -1: where the descriptor stands.
    (global $offset (mut i64) (i64.const -1))
    (func $is (param $found i32) (param $expected i32)
        (if (i32.ne (local.get $found) (local.get $expected)) (then unreachable)))
    (func $no (param $error i32) (if (local.get $error) (then unreachable)))
    (func $page (param $command i32) (param $task i32)
        (call $no (call $control (i32.const 0x80000000) (i32.const 1) (local.get $command) (local.get $task))))
    (func $open_file (result i32)
        (call $no (call $path_open (i32.const 3) (i32.const 0) (i32.const 0xf00)
            (i32.const 4) (i32.const 0) (i64.const 0x26) (i64.const 0) (i32.const 0) (i32.const 0x10)))
        (i32.load (i32.const 0x10)))
    (func $take_page
        (call $is (call $alloc (i32.const 0x1000) (i32.const 0)) (i32.const 0x80000000)))
    ;; Reads up to 64 bytes into the page, whose other bytes are 0xff then: the right
    ;; to write it stands on a grant to everybody.
    (func $read_as_everybody (param $fd i32) (result i32)
        (call $page (i32.const 2) (call $me))
        (memory.fill (i32.const 0x80000000) (i32.const 0xff) (i32.const 0x1000))
        (call $page (i32.const 1) (i32.const 0))
        (call $page (i32.const 2) (i32.const 0))
        (call $read (local.get $fd)))
    (func $read (param $fd i32) (result i32)
        (i32.store (i32.const 0x100) (i32.const 0x80000000))
        (i32.store (i32.const 0x104) (i32.const 64))
        (i32.store (i32.const 0x18) (i32.const 0))
        (if (result i32) (i64.ge_s (global.get $offset) (i64.const 0))
            (then (call $fd_pread (local.get $fd) (i32.const 0x100) (i32.const 1)
                (global.get $offset) (i32.const 0x18)))
            (else (call $fd_read (local.get $fd) (i32.const 0x100) (i32.const 1) (i32.const 0x18)))))
    ;; From this byte on the page is as it was before the read.
    (func $is_blank_from (param $at i32)
        (loop $next
            (call $is (i32.load8_u (i32.add (i32.const 0x80000000) (local.get $at))) (i32.const 0xff))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 0x1000)))))
"#;

/// Gives up its right to write page 0, and stays.
const STRANGER: &str = r#"(func (export "main") (result i32)
    (call $page (i32.const 1) (call $me))
    (call $no (call $open (i32.const 0)))
    (call $wait (i32.const 0) (i32.const -1)))"#;

/// With four pages and nine records: a page and three refusals beside its owner are
/// one too many.
fn system(way: Protection) -> System {
    let mut config = Config::default();
    config.workers = 2;
    config.pool_bytes = 0x4000;
    config.protection = way;
    System::new(config).unwrap()
}

fn begin(system: &System, spec: &Spec, body: &str) -> Task {
    start(system, spec, &format!("(module {IMPORTS} {body})"))
}

fn wait_for_calls(task: &Task, calls: u64) {
    while task.usage().calls < calls && task.report().is_none() {
        a_moment();
    }
}

/// The read of a task that waits for input ends when another has taken away what it
/// stands on, before that one's call returns. What comes afterwards lands nowhere, and
/// the next read gets it.
#[test]
fn a_read_that_waits_is_aborted_with_the_right_that_it_stands_on() {
    let body = r#"(func (export "main") (result i32)
        (call $take_page)
        (call $is (call $read_as_everybody (i32.const 0)) (i32.const 11))
        (call $is (i32.load (i32.const 0x18)) (i32.const 0))
        (call $is_blank_from (i32.const 0))
        (call $is (call $read (i32.const 0)) (i32.const 21))
        (call $no (call $open (i32.const 0)))
        (drop (call $wait (i32.const 0) (i32.const 100)))
        (call $is_blank_from (i32.const 0))
        (call $page (i32.const 2) (call $me))
        (call $no (call $read (i32.const 0)))
        (call $is_blank_from (i32.load (i32.const 0x18)))
        (call $is (i32.load (i32.const 0x80000000)) (i32.const 0x20746170))
        (i32.load (i32.const 0x18)))"#;
    for way in WAYS {
        let system = system(way);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut spec = Spec::new("reader");
        spec.streams.stdin = Input::Source(Source::new(reader));
        let task = begin(&system, &spec, body);
        wait_for_calls(&task, 5);
        a_moment();
        let mut strangers = Vec::new();
        for name in ["one", "two", "three"] {
            assert!(task.report().is_none(), "before {name}: it still reads");
            let stranger = begin(&system, &Spec::new(name), STRANGER);
            wait_for_calls(&stranger, 3);
            strangers.push(stranger);
        }
        writer.write_all(b"pat of butter").unwrap();
        drop(writer);
        assert_eq!(status(&task.wait()), 13, "{way}");
        assert!(strangers.iter().all(|stranger| stranger.report().is_none()));
        assert!(system.invariants_hold());
    }
}

/// Reads everything and looks whether it comes in order, whatever becomes of single
/// reads: one that is refused or aborted has stored nothing and taken nothing. Then
/// once more, until so many were aborted; answers how many.
fn reads_all(fd: &str, is_by_offset: bool, (bytes, aborted): (u32, u32)) -> String {
    let offset = if is_by_offset {
        "(global.set $offset (i64.extend_i32_u (local.get $done)))"
    } else {
        ""
    };
    format!(
        r#"(func (export "main") (result i32)
        (local $fd i32) (local $error i32) (local $done i32) (local $aborted i32) (local $at i32)
        (call $take_page)
        (loop $once_more
        (local.set $fd {fd})
        (local.set $done (i32.const 0))
        (loop $again
            {offset}
            (local.set $error (call $read_as_everybody (local.get $fd)))
            (if (i32.eq (local.get $error) (i32.const 11))
                (then (local.set $aborted (i32.add (local.get $aborted) (i32.const 1)))))
            (if (i32.eqz (local.get $error))
                (then
                    (call $is_blank_from (i32.load (i32.const 0x18)))
                    (local.set $at (i32.const 0))
                    (loop $check
                        (if (i32.lt_u (local.get $at) (i32.load (i32.const 0x18)))
                            (then
                                (call $is
                                    (i32.load8_u (i32.add (i32.const 0x80000000) (local.get $at)))
                                    (i32.rem_u (local.get $done) (i32.const 251)))
                                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                                (local.set $done (i32.add (local.get $done) (i32.const 1)))
                                (br $check))))
                    (br_if $again (local.get $at)))
                (else
                    (if (i32.ne (local.get $error) (i32.const 11))
                        (then (call $is (local.get $error) (i32.const 21))))
                    (call $is_blank_from (i32.const 0))
                    (br $again))))
        (call $is (local.get $done) (i32.const {bytes}))
        (call $no (call $fd_close (local.get $fd)))
        (br_if $once_more (i32.lt_u (local.get $aborted) (i32.const {aborted}))))
        (local.get $aborted))"#
    )
}

/// Three that take away what the reader stands on, again and again, with pauses.
fn attack(system: &System, pause_ms: u32) -> [Task; 3] {
    let body = format!(
        r#"(func (export "main") (result i32)
        (call $no (call $open (i32.const 0)))
        (loop $again
            (call $page (i32.const 1) (call $me))
            (drop (call $wait (i32.const 0) (i32.const {pause_ms})))
            (br $again))
        unreachable)"#
    );
    ["one", "two", "three"].map(|name| begin(system, &Spec::new(name), &body))
}

fn sequence(bytes: u32) -> Vec<u8> {
    (0..bytes)
        .map(|number| (number % 251).to_le_bytes()[0])
        .collect()
}

#[test]
fn what_aborted_reads_of_input_have_not_taken_comes_to_the_next() {
    const BYTES: u32 = 2000;
    for way in WAYS {
        let system = system(way);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut spec = Spec::new("reader");
        spec.streams.stdin = Input::Source(Source::new(reader));
        let task = begin(
            &system,
            &spec,
            &reads_all("(i32.const 0)", false, (BYTES, 0)),
        );
        wait_for_calls(&task, 5);
        let attackers = attack(&system, 1);
        for piece in sequence(BYTES).chunks(7) {
            writer.write_all(piece).unwrap();
            thread::sleep(Duration::from_micros(700));
        }
        drop(writer);
        let aborted = status(&task.wait());
        assert!(aborted > 0, "{way}: no read was aborted");
        assert!(attackers.iter().all(|task| task.report().is_none()));
    }
}

#[test]
fn aborted_reads_of_a_file_leave_it_where_it_stood() {
    const BYTES: u32 = 100_000;
    let (folder, spec) = place("aborted");
    fs::write(folder.join("file"), sequence(BYTES)).unwrap();
    for is_by_offset in [false, true] {
        let system = system(Protection::Auto);
        let body = reads_all("(call $open_file)", is_by_offset, (BYTES, 5));
        let task = begin(&system, &spec, &body);
        wait_for_calls(&task, 5);
        let attackers = attack(&system, 0);
        let begun = Instant::now();
        while task.report().is_none() {
            assert!(begun.elapsed() < PATIENCE, "no read is aborted");
            a_moment();
        }
        assert!(status(&task.wait()) >= 5);
        assert!(attackers.iter().all(|task| task.report().is_none()));
    }
}

/// Input without end, of one letter.
struct Letters;

impl std::io::Read for Letters {
    fn read(&mut self, piece: &mut [u8]) -> std::io::Result<usize> {
        piece.fill(b'x');
        Ok(piece.len())
    }
}

/// Killed while input lands in its pages: who gets them finds zeros, and goes on
/// finding them.
#[test]
fn nothing_lands_for_a_task_that_was_killed() {
    let reader = r#"(func (export "main") (result i32)
        (call $is (call $alloc (i32.const 0x40000) (i32.const 0x100)) (i32.const 0x80000000))
        (i32.store (i32.const 0x100) (i32.const 0x80000000))
        (i32.store (i32.const 0x104) (i32.const 0x40000))
        (loop $again
            (call $no (call $fd_read (i32.const 0) (i32.const 0x100) (i32.const 1) (i32.const 0x18)))
            (br $again))
        unreachable)"#;
    let heir = r#"(func (export "main") (result i32) (local $at i32) (local $rounds i32)
        (call $is (call $alloc (i32.const 0x40000) (i32.const 0x100)) (i32.const 0x80000000))
        (loop $rounds
            (local.set $at (i32.const 0x80000000))
            (loop $next
                (if (i32.load (local.get $at)) (then (return (i32.const 1))))
                (local.set $at (i32.add (local.get $at) (i32.const 64)))
                (br_if $next (i32.lt_u (local.get $at) (i32.const 0x80040000))))
            (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
            (br_if $rounds (i32.lt_u (local.get $rounds) (i32.const 20))))
        (i32.const 0))"#;
    let mut config = Config::default();
    config.workers = 2;
    config.pool_bytes = 0x40000;
    let system = System::new(config).unwrap();
    let load = |body: &str| {
        let module = format!("(module {IMPORTS} {body})");
        system.load(module.as_bytes()).unwrap()
    };
    let (reader, heir) = (load(reader), load(heir));
    let mut spec = Spec::new("reader");
    spec.streams.stdin = Input::Source(Source::new(Letters));
    for round in 0..300 {
        let task = system.make(&reader, &spec).unwrap();
        task.start();
        while task.usage().calls == 0 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_micros(37 * (round % 20)));
        task.kill();
        let next = system.make(&heir, &Spec::new("heir")).unwrap();
        next.start();
        assert_eq!(status(&next.wait()), 0, "in round {round}");
    }
    assert!(system.invariants_hold());
}

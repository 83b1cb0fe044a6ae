//! Streams of the host's that block: readers that stop, readers that go, several
//! tasks on one stream.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, PipeReader, Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Input, Output, Reason, Sink, Source, Spec, System, Task};

use crate::{a_moment, status, system, system_with};

/// WASI's number for EPIPE.
const PIPE: i32 = 64;

/// Imports, and `$put`, which writes all of some bytes and answers the error.
const PRELUDE: &str = r#"
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 40)
    (func $put (param $from i32) (param $len i32) (result i32) (local $error i32)
        (loop $more
            (i32.store (i32.const 0) (local.get $from))
            (i32.store (i32.const 4) (local.get $len))
            (local.set $error (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (if (local.get $error) (then (return (local.get $error))))
            (local.set $from (i32.add (local.get $from) (i32.load (i32.const 8))))
            (local.set $len (i32.sub (local.get $len) (i32.load (i32.const 8))))
            (br_if $more (local.get $len)))
        (i32.const 0))
"#;

/// Writes 256 KiB pieces of its own letter until that fails; exits with the error.
fn writes_for_ever(letter: char) -> String {
    format!(
        r#"(func (export "main") (result i32) (local $error i32)
            (memory.fill (i32.const 65536) (i32.const {}) (i32.const 0x40000))
            (loop $again
                (local.set $error (call $put (i32.const 65536) (i32.const 0x40000)))
                (br_if $again (i32.eqz (local.get $error))))
            (local.get $error))"#,
        u32::from(letter)
    )
}

fn start(system: &System, spec: &Spec, body: &str) -> Task {
    crate::start(system, spec, &format!("(module {PRELUDE} {body})"))
}

fn writing_to(name: &str, sink: &Sink) -> Spec {
    let mut spec = Spec::new(name);
    spec.streams.stdout = Output::Sink(sink.clone());
    spec
}

fn reading_from(name: &str, source: &Source) -> Spec {
    let mut spec = Spec::new(name);
    spec.streams.stdin = Input::Source(source.clone());
    spec
}

fn pipe_sink() -> (PipeReader, Sink) {
    let (reader, writer) = std::io::pipe().unwrap();
    (reader, Sink::new(writer))
}

#[test]
fn a_reader_that_stops_costs_no_worker() {
    let (reader, sink) = pipe_sink();
    let system = system_with(1);
    let writers =
        ["one", "two"].map(|name| start(&system, &writing_to(name, &sink), &writes_for_ever('x')));
    while sink.flush(Some(Duration::from_millis(50))).is_ok() {}
    let other = start(
        &system,
        &Spec::new("other"),
        r#"(func (export "main") (result i32) (i32.const 3))"#,
    );
    assert_eq!(status(&other.wait()), 3, "on the only worker");
    let begun = Instant::now();
    writers[0].kill();
    assert_eq!(writers[0].wait().ending.reason, Reason::Killed);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(writers[1].report().is_none(), "it still waits");
    drop(system);
    assert!(begun.elapsed() < Duration::from_secs(10), "nobody reads");
    assert_eq!(writers[1].wait().ending.reason, Reason::Killed);
    drop(reader);
}

#[test]
fn what_several_tasks_write_is_complete_and_in_order() {
    const LINES: u32 = 5000;
    let body = |letter: char| {
        let letter = u32::from(letter);
        // A line is the letter, the number as ten digits, and up to 99 dots.
        format!(
            r#"(func (export "main") (result i32) (local $line i32) (local $n i32) (local $at i32)
            (memory.fill (i32.const 64) (i32.const 46) (i32.const 200))
            (i32.store8 (i32.const 64) (i32.const {letter}))
            (loop $lines
                (local.set $n (local.get $line))
                (local.set $at (i32.const 74))
                (loop $digits
                    (i32.store8 (local.get $at)
                        (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
                    (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
                    (br_if $digits (i32.gt_u
                        (local.tee $at (i32.sub (local.get $at) (i32.const 1))) (i32.const 64))))
                (local.set $n (i32.add (i32.const 75) (i32.rem_u (local.get $line) (i32.const 100))))
                (i32.store8 (local.get $n) (i32.const 10))
                (if (call $put (i32.const 64) (i32.sub (local.get $n) (i32.const 63)))
                    (then unreachable))
                (i32.store8 (local.get $n) (i32.const 46))
                (local.set $line (i32.add (local.get $line) (i32.const 1)))
                (br_if $lines (i32.lt_u (local.get $line) (i32.const {LINES}))))
            (i32.const 0))"#
        )
    };
    let (reader, sink) = pipe_sink();
    let collected = thread::spawn(move || {
        let lines = BufReader::new(reader).lines();
        lines.map(Result::unwrap).collect::<Vec<_>>()
    });
    let system = system();
    let letters = ['a', 'b', 'c', 'd'];
    let tasks = letters.map(|letter| {
        start(
            &system,
            &writing_to(&letter.to_string(), &sink),
            &body(letter),
        )
    });
    for task in tasks {
        assert_eq!(status(&task.wait()), 0);
    }
    drop(system);
    drop(sink);
    let mut next = BTreeMap::new();
    for line in collected.join().unwrap() {
        let expected = next.entry(line.chars().next()).or_insert(0_u32);
        let dots = ".".repeat((*expected % 100) as usize);
        assert_eq!(line[1..], format!("{expected:010}{dots}"));
        *expected += 1;
    }
    assert_eq!(next, letters.map(|letter| (Some(letter), LINES)).into());
}

/// More than a pipe holds, and a reader who takes his time.
#[test]
fn the_end_of_a_system_waits_for_what_its_tasks_have_written() {
    let (mut reader, sink) = pipe_sink();
    let system = system();
    let body =
        r#"(func (export "main") (result i32) (call $put (i32.const 64) (i32.const 0x1c000)))"#;
    assert_eq!(
        status(&start(&system, &writing_to("one", &sink), body).wait()),
        0
    );
    let taken = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let mut taken = Vec::new();
        reader.read_to_end(&mut taken).map(|_| taken.len())
    });
    drop(system);
    sink.flush(Some(Duration::ZERO))
        .expect("everything is written");
    drop(sink);
    assert_eq!(taken.join().unwrap().unwrap(), 0x1c000);
}

/// On one worker, where the same task could always be the first to see room.
#[test]
fn tasks_that_write_to_one_reader_all_get_on() {
    let (mut reader, sink) = pipe_sink();
    let system = system_with(1);
    let letters = ['a', 'b', 'c'];
    let tasks = letters.map(|letter| {
        start(
            &system,
            &writing_to(&letter.to_string(), &sink),
            &writes_for_ever(letter),
        )
    });
    let mut seen = [0_usize; 3];
    let mut piece = vec![0; 4096];
    for _ in 0..2048 {
        reader.read_exact(&mut piece).unwrap();
        for (letter, seen) in letters.iter().zip(&mut seen) {
            *seen += piece.iter().filter(|byte| **byte == *letter as u8).count();
        }
    }
    let all: usize = seen.iter().sum();
    assert!(seen.iter().all(|seen| *seen > all / 6), "{seen:?}");
    drop(reader);
    for task in tasks {
        assert_eq!(status(&task.wait()), PIPE);
    }
}

#[test]
fn a_reader_that_goes_is_an_error_for_the_task() {
    let (reader, sink) = pipe_sink();
    drop(reader);
    let system = system();
    let body = writes_for_ever('x');
    assert_eq!(
        status(&start(&system, &writing_to("one", &sink), &body).wait()),
        PIPE
    );
    // And for those that come later.
    let once = r#"(func (export "main") (result i32) (call $put (i32.const 64) (i32.const 1)))"#;
    assert_eq!(
        status(&start(&system, &writing_to("two", &sink), once).wait()),
        PIPE
    );
    let failure = sink.flush(None).unwrap_err();
    assert_eq!(failure.kind(), std::io::ErrorKind::BrokenPipe);
}

/// Reads byte by byte until the end; exits with the number of bytes.
const COUNTS: &str = r#"(func (export "main") (result i32) (local $bytes i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 1))
    (loop $next
        (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
        (local.set $bytes (i32.add (local.get $bytes) (i32.load (i32.const 8))))
        (br_if $next (i32.load (i32.const 8))))
    (local.get $bytes))"#;

/// Three tasks wait for one stream, whose bytes come one by one: those that go
/// away empty-handed wait on, and at the end each byte has had one reader.
#[test]
fn tasks_that_read_one_stream_share_its_bytes() {
    const BYTES: i32 = 300;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let source = Source::new(reader);
    let system = system_with(1);
    let tasks =
        ["one", "two", "three"].map(|name| start(&system, &reading_from(name, &source), COUNTS));
    for _ in 0..BYTES {
        writer.write_all(b"x").unwrap();
        thread::sleep(Duration::from_micros(200));
    }
    drop(writer);
    let counts = tasks.map(|task| status(&task.wait()));
    assert_eq!(counts.iter().sum::<i32>(), BYTES);
    assert!(counts.iter().all(|count| *count > BYTES / 6), "{counts:?}");
}

#[test]
fn a_task_that_waits_for_input_is_killed_and_takes_nothing_along() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let source = Source::new(reader);
    let system = system_with(1);
    let first = start(&system, &reading_from("first", &source), COUNTS);
    a_moment();
    let other = start(
        &system,
        &Spec::new("other"),
        r#"(func (export "main") (result i32) (i32.const 3))"#,
    );
    assert_eq!(status(&other.wait()), 3, "on the only worker");
    first.kill();
    assert_eq!(first.wait().ending.reason, Reason::Killed);
    let second = start(&system, &reading_from("second", &source), COUNTS);
    writer.write_all(b"all of it").unwrap();
    drop(writer);
    assert_eq!(status(&second.wait()), 9);
}

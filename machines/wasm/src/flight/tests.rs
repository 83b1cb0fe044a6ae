//! Reads and writes in flight, cancelled as core would: also where no task can
//! bring core to it, for a task has one thread.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use usufruct_core::{Access, Machine as _, PoolQuota, Quota, Run, TaskKey, end_task};
use wasmtime::Engine;

use super::Noted;
use crate::life::KILLED;
use crate::machine::{Border, Shared};
use crate::{Config, Input, Source, Spec, System, Task};

const CANCELED: i32 = 11;

const A_MOMENT: Duration = Duration::from_millis(30);

fn run(first: u32, pages: u32) -> Run {
    Run::between(first, first + pages).unwrap()
}

/// A system with a pool of 16 pages, and what its machine shares.
fn system() -> (System, Arc<Shared>) {
    let config = Config {
        pool_bytes: 1 << 16,
        ..Config::default()
    };
    let system = System::new(config).unwrap();
    let shared = system.idle_store(&Engine::default()).data().shared.clone();
    (system, shared)
}

fn cancel(shared: &Shared, task: TaskKey, run: Run) {
    let border = Border {
        shared,
        caller: None,
        restores: false,
    };
    border.cancel_reads(task, run);
}

/// Two tasks' keys.
fn keys(shared: &Shared) -> [TaskKey; 2] {
    let quota = Quota {
        pool: Some(PoolQuota::default()),
        ..Quota::default()
    };
    ["one", "two"].map(|name| {
        let started = shared.kernel().start_task(name.as_bytes(), quota);
        started.unwrap().key()
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Reads into the second and third of four pages of its own, and exits with the
/// first byte, or with the error.
const READER: &str = r#"(module
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "main") (result i32) (local $error i32)
        (i32.store (i32.const 0) (i32.add (i32.const 0x1800)
            (call $alloc (i32.const 0x4000) (i32.const 0x100))))
        (i32.store (i32.const 4) (i32.const 0x1000))
        (local.set $error (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (select (local.get $error) (i32.load8_u (i32.load (i32.const 0))) (local.get $error))))"#;

/// A task in the middle of that.
fn reader(system: &System, shared: &Shared, source: &Source) -> Task {
    let task = begin(system, "reader", source);
    while shared.flights.of(task.life.key).is_none() {
        thread::yield_now();
    }
    thread::sleep(A_MOMENT);
    task
}

fn begin(system: &System, name: &str, source: &Source) -> Task {
    let mut spec = Spec::new(name);
    spec.streams.stdin = Input::Source(source.clone());
    let program = system.load(READER.as_bytes()).unwrap();
    let task = system.make(&program, &spec).unwrap();
    task.start();
    task
}

#[test]
fn a_read_is_cancelled_by_the_pages_that_it_touches() {
    for touched in [run(1, 1), run(2, 1), run(0, 2), run(2, 5), run(0, 16)] {
        let (system, shared) = system();
        let (input, _writer) = std::io::pipe().unwrap();
        let task = reader(&system, &shared, &Source::new(input));
        let key = task.life.key;
        let [other, _] = keys(&shared);
        cancel(&shared, key, run(0, 1));
        cancel(&shared, key, run(3, 13));
        cancel(&shared, other, run(0, 16));
        thread::sleep(A_MOMENT);
        assert!(task.report().is_none(), "none of these is its read's");
        cancel(&shared, key, touched);
        assert_eq!(task.wait().ending.status, CANCELED, "{touched:?}");
        assert!(shared.flights.of(key).is_none(), "it is over");
    }
}

/// What comes after a read was cancelled is the next one's, whosever that is.
#[test]
fn a_cancelled_read_takes_nothing_along() {
    let (system, shared) = system();
    let (input, mut writer) = std::io::pipe().unwrap();
    let source = Source::new(input);
    let first = reader(&system, &shared, &source);
    cancel(&shared, first.life.key, run(1, 1));
    writer.write_all(b"x").unwrap();
    assert_eq!(first.wait().ending.status, CANCELED);
    let second = begin(&system, "second", &source);
    assert_eq!(second.wait().ending.status, i32::from(b'x'));
}

/// Whoever cancels waits for a poll that is under way, and for bytes that are being
/// taken; afterwards there is no other.
#[test]
fn a_revoker_waits_for_what_is_being_moved() {
    let (_system, shared) = system();
    let [task, _] = keys(&shared);
    let is_done = AtomicBool::new(false);
    let begun = Barrier::new(2);
    let slowly = || {
        begun.wait();
        thread::sleep(A_MOMENT);
        is_done.store(true, Ordering::SeqCst);
    };
    let cancelled = || {
        begun.wait();
        cancel(&shared, task, run(0, 1));
        assert!(is_done.swap(false, Ordering::SeqCst), "it did not wait");
    };
    thread::scope(|scope| {
        scope.spawn(cancelled);
        let noted = Noted::new(&shared, task, Access::Store, vec![run(0, 2)]);
        let mut polls = 0;
        let read = std::future::poll_fn(|_| {
            polls += 1;
            slowly();
            Poll::<()>::Pending
        });
        assert_eq!(runtime().block_on(noted.unless_aborted(read)), None);
        assert_eq!(polls, 1);
    });
    thread::scope(|scope| {
        scope.spawn(cancelled);
        let noted = Noted::new(&shared, task, Access::Load, vec![run(0, 2)]);
        noted.hold(slowly);
    });
}

/// A read that was cancelled before it has begun to wait never begins.
#[test]
fn a_read_that_is_cancelled_at_once_touches_nothing() {
    let (_system, shared) = system();
    let [task, next] = keys(&shared);
    for end in [false, true] {
        let noted = Noted::new(&shared, task, Access::Store, vec![run(3, 1)]);
        let other = Noted::new(&shared, next, Access::Store, vec![run(3, 1)]);
        if end {
            shared.flights.end(task);
        } else {
            cancel(&shared, task, run(0, 16));
        }
        let read = async { unreachable!("polled") };
        assert_eq!(runtime().block_on(noted.unless_aborted(read)), None::<()>);
        let read = async { 7 };
        assert_eq!(runtime().block_on(other.unless_aborted(read)), Some(7));
    }
}

/// Killed on its processor, it goes on to call until it looks up; its place may be another's.
#[test]
fn who_has_ended_takes_no_seat_of_the_living() {
    let (_system, shared) = system();
    let start = |name: &[u8]| {
        let quota = Quota {
            pool: Some(PoolQuota::default()),
            ..Quota::default()
        };
        shared.kernel().start_task(name, quota).unwrap()
    };
    let dead = start(b"dead");
    let border = Border {
        shared: &shared,
        caller: None,
        restores: false,
    };
    end_task(&border, dead.task(), KILLED).unwrap();
    let (dead, heir) = (dead.key(), start(b"heir").key());
    assert_eq!(dead.index(), heir.index());
    let noted = Noted::new(&shared, heir, Access::Store, vec![run(0, 1)]);
    drop(Noted::new(&shared, dead, Access::Store, vec![run(0, 1)]));
    cancel(&shared, heir, run(0, 1));
    let read = async { unreachable!("polled") };
    assert_eq!(runtime().block_on(noted.unless_aborted(read)), None::<()>);
}

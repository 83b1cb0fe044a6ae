//! Kills: whatever the task is doing, and without its turn or its slice's end.

mod common;

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use common::{load, run, start, status, system, system_with};
use usufruct_wasm::{Config, Reason, Spec, System, Task};

const SPIN: &str = r#"(func (export "_start") (loop (br 0)))"#;

/// The same, and it can be seen that it has begun.
const CALL_AND_SPIN: &str = r#"(func (export "_start") (drop (call $me)) (loop (br 0)))"#;

fn await_begun(task: &Task) {
    while task.usage().calls == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A system of one worker, and so many spinners that a turn comes after seconds.
fn crowded(config: Config) -> (System, Vec<Task>) {
    const SPINNERS: usize = 40;
    let mut config = config;
    config.workers = 1;
    config.slice = Duration::from_millis(50);
    let system = System::new(config).unwrap();
    let program = load(&system, CALL_AND_SPIN);
    let spinners = (0..SPINNERS).map(|index| {
        let spec = Spec::new(format!("spinner {index}"));
        system.make(&program, &spec).unwrap()
    });
    let spinners: Vec<Task> = spinners.collect();
    spinners.iter().for_each(Task::start);
    spinners.iter().for_each(await_begun);
    (system, spinners)
}

#[test]
fn a_spinning_task_is_killed_and_the_others_go_on() {
    let system = system_with(1);
    let spinner = start(&system, "spinner", SPIN);
    let other = run(
        &system,
        "other",
        r#"(func (export "main") (result i32) (i32.const 3))"#,
    );
    assert_eq!(status(&other), 3, "on the only worker, beside the spinner");
    let begun = Instant::now();
    spinner.kill();
    let report = spinner.wait();
    assert_eq!(report.ending.reason, Reason::Killed);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert!(report.usage.run_time > Duration::ZERO);
    spinner.kill();
}

#[test]
fn a_task_is_killed_while_it_waits_before_it_runs_and_in_its_start_function() {
    let system = system();
    let waiter = r#"(func (export "_start") (drop (call $open (i32.const 0)))
        (drop (call $wait (i32.const 0) (i32.const -1))))"#;
    let waiter = start(&system, "waiter", waiter);
    common::a_moment();
    waiter.kill();
    assert_eq!(waiter.wait().ending.reason, Reason::Killed);

    let unborn = system
        .make(&load(&system, SPIN), &Spec::new("unborn"))
        .unwrap();
    unborn.kill();
    assert_eq!(unborn.wait().ending.reason, Reason::Killed);
    unborn.start();

    let body = r#"(func $go (loop (br 0))) (start $go) (func (export "_start"))"#;
    let starter = start(&system, "starter", body);
    common::a_moment();
    starter.kill();
    assert_eq!(starter.wait().ending.reason, Reason::Killed);
}

/// A copy of 128 MiB, again and again, in one call each: the bursts let the kill
/// in, so that the last copy ends in its middle.
#[test]
fn a_task_is_killed_in_the_middle_of_a_large_copy() {
    const COPY_BYTES: u64 = 0x800_0000;
    let system = system();
    let body = r#"
        (func (export "_start") (local $id i32)
            (drop (memory.grow (i32.const 4096)))
            (local.set $id (call $share (call $me) (i32.const 0) (i32.const 0x8000000) (i32.const 2)))
            (loop (drop (call $read (local.get $id) (i32.const 0) (i32.const 0x8000000) (i32.const 0x8000000)))
                (br 0)))
    "#;
    // By chance a kill may come between two copies; hardly ever several times.
    let ended_in_the_middle = (0..5).any(|_| {
        let copier = start(&system, "copier", body);
        while copier.usage().read_bytes == 0 {
            std::thread::yield_now();
        }
        copier.kill();
        assert_eq!(copier.wait().ending.reason, Reason::Killed);
        common::a_moment();
        !copier.usage().read_bytes.is_multiple_of(COPY_BYTES)
    });
    assert!(ended_in_the_middle);
}

#[test]
fn a_kill_does_not_wait_for_the_slices_end() {
    let mut config = Config::default();
    config.slice = Duration::from_secs(60);
    let system = System::new(config).unwrap();
    let spinner = start(&system, "spinner", CALL_AND_SPIN);
    await_begun(&spinner);
    let begun = Instant::now();
    spinner.kill();
    assert_eq!(spinner.wait().ending.reason, Reason::Killed);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_kill_does_not_wait_for_the_tasks_turn() {
    let (_system, spinners) = crowded(Config::default());
    let begun = Instant::now();
    // Backwards, so that the turn of each has just been when the one before it ends.
    for spinner in spinners.iter().rev().take(5) {
        spinner.kill();
        assert_eq!(spinner.wait().ending.reason, Reason::Killed);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}, where one round takes as long",
        begun.elapsed()
    );
}

/// It is killed on its processor, in a host's call that then waits for
/// something: nobody sends it to the queue's end for that.
#[test]
fn a_task_killed_in_a_call_that_goes_on_to_wait_ends_there() {
    let (entered, killed) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (enter, await_kill) = (entered.clone(), killed.clone());
    let config = Config::default().with_imports(move |linker| {
        let (enter, await_kill) = (enter.clone(), await_kill.clone());
        linker.func_wrap_async("host", "linger", move |_, (): ()| {
            let (enter, await_kill) = (enter.clone(), await_kill.clone());
            Box::new(async move {
                enter.wait();
                await_kill.wait();
                std::future::pending::<()>().await;
            })
        })?;
        Ok(())
    });
    let (system, _spinners) = crowded(config);
    let lingerer = system
        .load(
            br#"(module (import "host" "linger" (func $linger)) (memory (export "memory") 1)
                (func (export "_start") (call $linger)))"#,
        )
        .unwrap();
    let lingerer = system.make(&lingerer, &Spec::new("lingerer")).unwrap();
    lingerer.start();
    entered.wait();
    lingerer.kill();
    assert!(lingerer.report().is_none(), "it is on its processor");
    let begun = Instant::now();
    killed.wait();
    assert_eq!(lingerer.wait().ending.reason, Reason::Killed);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}, where a turn comes after twice that",
        begun.elapsed()
    );
}

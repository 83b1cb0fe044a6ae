//! Tasks with a pool: who sees it, when a right ends, and what is refused before anything
//! runs.

mod pool_guests;

use usufruct_wasm::{Config, MakeError, Protection, Reason, Report, Spec, StartError, System};

use pool_guests::{IMPORTS, WAYS, config, run, run_as};

fn status(report: &Report) -> i32 {
    assert_eq!(report.ending.reason, Reason::Exit, "{report}");
    report.ending.status
}

/// Allocates two pages, stores to and loads from them, and looks at their label.
const USE: &str = r#"(func (export "main") (result i32) (local $at i32)
    (local.set $at (call $alloc (i32.const 5000) (i32.const 0)))
    (if (i32.ne (i32.load (local.get $at)) (i32.mul (call $page (i32.const 0)) (i32.const 2)))
        (then (return (i32.const 1))))
    (i32.store offset=4096 (local.get $at) (i32.const 77))
    (i32.load offset=4096 (local.get $at)))"#;

#[test]
fn a_task_that_imports_a_call_on_pages_uses_them() {
    for way in WAYS {
        let system = System::new(config(way)).unwrap();
        assert_eq!(system.pool_facts().unwrap().0, way);
        assert_eq!(status(&run(&system, USE)), 77, "{way}");
        assert!(system.invariants_hold());
    }
}

/// The start section runs before the entry, and sees the pool too.
#[test]
fn a_start_section_uses_pages() {
    let system = System::new(config(Protection::Auto)).unwrap();
    let body = r#"(global $at (mut i32) (i32.const 0))
        (func $begin
            (global.set $at (call $alloc (i32.const 1) (i32.const 0)))
            (i32.store (global.get $at) (i32.const 9)))
        (start $begin)
        (func (export "main") (result i32) (i32.load (global.get $at)))"#;
    assert_eq!(status(&run(&system, body)), 9);
}

/// A grant to everybody changes no mapping: the first store takes it up.
#[test]
fn a_grant_to_everybody_is_taken_up_at_the_first_store() {
    for way in WAYS {
        let system = System::new(config(way)).unwrap();
        let owner = system
            .load(
                format!(
                    r#"(module {IMPORTS}
                    (func (export "_start") (local $at i32)
                        (local.set $at (call $alloc (i32.const 1) (i32.const 0)))
                        (drop (call $control (local.get $at) (i32.const 1) (i32.const 2) (i32.const 0)))
                        (drop (call $open (i32.const 0)))
                        (drop (call $wait (i32.const 0) (i32.const -1)))))"#
                )
                .as_bytes(),
            )
            .unwrap();
        let owner = system.make(&owner, &Spec::new("owner")).unwrap();
        owner.start();
        while owner.usage().calls < 3 {
            std::thread::yield_now();
        }
        let writer = r#"(func (export "main") (result i32)
            (i32.store (i32.const 0x80000000) (i32.const 5))
            (i32.load (i32.const 0x80000000)))"#;
        assert_eq!(status(&run(&system, writer)), 5, "{way}");
        // Beside the page nothing is granted.
        let beside = r#"(func (export "_start") (i32.store (i32.const 0x80000ffe) (i32.const 5)))"#;
        let report = run(&system, beside);
        assert_eq!(
            report.ending.reason,
            Reason::ForbiddenStore,
            "{way}: {report}"
        );
        owner.kill();
        assert!(system.invariants_hold());
    }
}

#[test]
fn a_task_that_is_not_attached_does_not_see_the_pool() {
    let system = System::new(config(Protection::Auto)).unwrap();
    let mut spec = Spec::new("stranger");
    spec.attached = Some(false);
    let refused = r#"(func (export "main") (result i32)
        (i32.and
            (i32.eq (i32.const 0xD57B9009)
                (call $control (i32.const 0x80000000) (i32.const 1) (i32.const 1) (call $me)))
            (i32.and (i32.eqz (call $alloc (i32.const 1) (i32.const 0)))
                (i32.eqz (call $page (i32.const 0))))))"#;
    assert_eq!(status(&run_as(&system, &spec, refused)), 1);
    let load = r#"(func (export "_start") (drop (i32.load (i32.const 0x80000000))))"#;
    assert_eq!(run_as(&system, &spec, load).ending.reason, Reason::Trap);
    // Without a pool, nobody is attached.
    let without = System::new(Config::default()).unwrap();
    assert!(without.pool_facts().is_none());
    assert_eq!(status(&run(&without, refused)), 1);
    spec.attached = Some(true);
    let text = format!("(module {IMPORTS} {load})");
    let program = without.load(text.as_bytes()).unwrap();
    assert!(matches!(
        without.make(&program, &spec),
        Err(MakeError::NoPool { .. })
    ));
}

/// Behind the pool's end there is nothing, and the report says trap.
#[test]
fn an_access_behind_the_pool_is_a_trap() {
    let system = System::new(config(Protection::Auto)).unwrap();
    for access in [
        "(i32.store (i32.const 0x80100000) (i32.const 1))",
        "(drop (i32.load (i32.const 0x80100000)))",
        "(i32.store (i32.const 0x7ffffffc) (i32.const 1))",
    ] {
        let body = format!(r#"(func (export "_start") {access})"#);
        assert_eq!(run(&system, &body).ending.reason, Reason::Trap, "{access}");
    }
}

#[test]
fn a_pool_that_can_not_be_is_refused_with_a_sentence() {
    let mut config = config(Protection::Auto);
    config.pool_bytes = (2 << 30) + 1;
    let refusal = System::new(config).unwrap_err();
    assert!(matches!(refusal, StartError::Pool(_)));
    let text = refusal.to_string();
    assert!(
        text.contains("a pool of 2147483649 bytes can not be"),
        "{text}"
    );
}

/// Ended while it stores, again and again: the next one in its place may not.
#[test]
fn a_right_ends_with_its_task() {
    for way in WAYS {
        let system = System::new(config(way)).unwrap();
        let spinner = r#"(func (export "_start") (local $at i32)
            (local.set $at (call $alloc (i32.const 65536) (i32.const 0)))
            (loop (i32.store (local.get $at) (i32.const 1)) (br 0)))"#;
        let program = system
            .load(format!("(module {IMPORTS} {spinner})").as_bytes())
            .unwrap();
        let heir = r#"(func (export "_start") (i32.store (i32.const 0x80000000) (i32.const 7)))"#;
        for _ in 0..50 {
            let task = system.make(&program, &Spec::new("spinner")).unwrap();
            task.start();
            while task.usage().calls == 0 {
                std::thread::yield_now();
            }
            task.kill();
            let report = run(&system, heir);
            assert_eq!(
                report.ending.reason,
                Reason::ForbiddenStore,
                "{way}: {report}"
            );
            let _ = task.wait();
        }
        assert!(system.invariants_hold());
    }
}

/// Killed while it fills all pages, which it does for as long as it is not looked at: the next
/// one finds nothing of it there, and nothing comes.
#[test]
fn nothing_lands_in_the_pages_of_a_killed_task() {
    for way in WAYS {
        let system = System::new(config(way)).unwrap();
        let filler = r#"(func (export "_start") (local $at i32)
            (local.set $at (call $alloc (i32.const 0x100000) (i32.const 0)))
            (loop (memory.fill (local.get $at) (i32.const 1) (i32.const 0x100000)) (br 0)))"#;
        let filler = system
            .load(format!("(module {IMPORTS} {filler})").as_bytes())
            .unwrap();
        let heir = r#"(func (export "main") (result i32) (local $at i32) (local $end i32)
            (local.set $at (call $alloc (i32.const 0x100000) (i32.const 0x100)))
            (if (i32.eqz (local.get $at)) (then (return (i32.const 2))))
            (local.set $end (i32.add (local.get $at) (i32.const 0x100000)))
            (loop
                (if (i32.load (local.get $at)) (then (return (i32.const 1))))
                (local.set $at (i32.add (local.get $at) (i32.const 4)))
                (br_if 0 (i32.ne (local.get $at) (local.get $end))))
            (i32.const 0))"#;
        for _ in 0..20 {
            let task = system.make(&filler, &Spec::new("filler")).unwrap();
            task.start();
            while task.usage().calls == 0 {
                std::thread::yield_now();
            }
            task.kill();
            assert_eq!(status(&run(&system, heir)), 0, "{way}");
            let _ = task.wait();
        }
        assert!(system.invariants_hold());
    }
}

//! What is said of a task that stored where it may not: where in its own file, whose page
//! that was, who may write it, and what would have allowed it.

mod pool_guests;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Function, Module};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

use usufruct_wasm::{Protection, Reason, Spec, System};

use pool_guests::{IMPORTS, WAYS, config, run};

#[test]
fn a_forbidden_store_is_reported_with_its_place_and_what_would_have_allowed_it() {
    for way in WAYS {
        let system = System::new(config(way)).unwrap();
        let body = r#"
            (func $scribble (param $at i32) (i32.store offset=8 (local.get $at) (i32.const 1)))
            (func (export "_start") (call $scribble (i32.const 0x80003000)))"#;
        let report = run(&system, body);
        assert_eq!(report.ending.reason, Reason::ForbiddenStore, "{report}");
        let text = report.to_string();
        for part in [
            // Locals (1 byte), local.get (2), i32.const (2): there the store stands.
            "stored where it may not: scribble + 0x5: task `task` (",
            "stored to 0x80003008 in page 3, which nobody owns and nobody may write; ",
            "AllocMemBlocks would have",
            "\n  in scribble",
        ] {
            assert!(text.contains(part), "{way}: `{part}` is not in: {text}");
        }

        let own = r#"
            (func (export "_start") (local $at i32)
                (local.set $at (call $alloc (i32.const 1) (i32.const 0)))
                (drop (call $control (local.get $at) (i32.const 1) (i32.const 1) (call $me)))
                (i32.store (local.get $at) (i32.const 1)))"#;
        let text = run(&system, own).to_string();
        let part = "and nobody may write; the task owns it: its own ControlMem(MEMC_OKWRITE)";
        assert!(text.contains(part), "{way}: {text}");
        assert!(system.invariants_hold());
    }
}

/// Offsets are those of the guest's file, whatever the loader has made of what comes before
/// the store: copies of a constant length, of another, and a constant in more bytes than
/// it needs, as linkers write them.
#[test]
fn the_offset_of_a_forbidden_store_is_that_of_the_guests_own_file() {
    let system = System::new(config(Protection::Auto)).unwrap();
    let before = "(memory.copy (i32.const 0) (i32.const 64) (i32.const 8))
        (memory.fill (i32.const 0) (i32.const 7) (i32.const 900))
        (i32.store (i32.const 0) (i32.const 1))";
    for forbidden in [
        "(i32.store (i32.const 0x80003000) (i32.const 1))",
        "(i64.atomic.store (i32.const 0x80003000) (i64.const 1))",
        // Fault in what the loader has put there instead.
        "(memory.copy (i32.const 0x80003000) (i32.const 64) (i32.const 8))",
        "(memory.copy (i32.const 0x80003000) (i32.const 64) (i32.const 800))",
        "(memory.fill (i32.const 0x80003000) (i32.const 64) (i32.const 800))",
    ] {
        for after in ["", before] {
            let body = format!(
                r#"(func $scribble {before} {forbidden} {after})
                (func (export "_start") (call $scribble))"#
            );
            let text = format!("(module {IMPORTS} {body})");
            let binary = padded(&wat::parse_str(text).unwrap());
            let expected = offset_of_access_to_pool(&binary);
            let program = system.load(&binary).unwrap();
            let task = system.make(&program, &Spec::new("task")).unwrap();
            task.start();
            let report = task.wait();
            let place = format!("stored where it may not: scribble + {expected:#x}: ");
            assert!(report.to_string().starts_with(&place), "{place} {report}");
        }
    }
}

/// The module with each `i32.const 0` of its code in five bytes, as a linker writes them.
fn padded(binary: &[u8]) -> Vec<u8> {
    struct Pads;
    impl Reencode for Pads {
        type Error = std::convert::Infallible;
        fn parse_function_body(
            &mut self,
            code: &mut CodeSection,
            body: FunctionBody<'_>,
        ) -> Result<(), reencode::Error<Self::Error>> {
            let mut function = Function::new([]);
            for operator in body.get_operators_reader()? {
                let operator = operator?;
                if matches!(operator, Operator::I32Const { value: 0 }) {
                    function.raw([0x41, 0x80, 0x80, 0x80, 0x80, 0x00]);
                } else {
                    function.instruction(&self.instruction(operator)?);
                }
            }
            code.function(&function);
            Ok(())
        }
    }
    let mut module = Module::new();
    Pads.parse_core_module(&mut module, Parser::new(0), binary)
        .unwrap();
    module.finish()
}

/// Where in its function the instruction stands that has the address of page 3 before it:
/// the first store, copy or fill after that constant.
fn offset_of_access_to_pool(binary: &[u8]) -> usize {
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else {
            continue;
        };
        let begin = body.range().start;
        let mut is_armed = false;
        for item in body
            .get_operators_reader()
            .unwrap()
            .into_iter_with_offsets()
        {
            let (operator, at) = item.unwrap();
            match operator {
                Operator::I32Const { value } if value.cast_unsigned() == 0x8000_3000 => {
                    is_armed = true;
                }
                Operator::I32Store { .. }
                | Operator::I64AtomicStore { .. }
                | Operator::MemoryCopy { .. }
                | Operator::MemoryFill { .. }
                    if is_armed =>
                {
                    return at - begin;
                }
                _ => {}
            }
        }
    }
    panic!("no access to the pool");
}

/// What is said of `victim`, which stores to a page of `owner`'s after `owner` has carried
/// out these commands, while `writer` lives.
fn said_of_victim(system: &System, commands: &str) -> String {
    let make = |name: &str, body: &str| {
        let text = format!("(module {IMPORTS} {body})");
        let program = system.load(text.as_bytes()).unwrap();
        system.make(&program, &Spec::new(name)).unwrap()
    };
    let owner = format!(
        r#"(data (i32.const 16) "writer") (data (i32.const 32) "victim")
        (func $victim (result i32) (call $find (i32.const 32) (i32.const 6)))
        (func $writer (result i32) (call $find (i32.const 16) (i32.const 6)))
        (func $may (param $command i32) (param $task i32)
            (drop (call $control (i32.const 0x80000000) (i32.const 1)
                (local.get $command) (local.get $task))))
        (func (export "_start")
            (drop (call $alloc (i32.const 1) (i32.const 0)))
            {commands}
            (drop (call $open (i32.const 0)))
            (drop (call $wait (i32.const 0) (i32.const -1))))"#
    );
    let store = "(i32.store (i32.const 0x80000000) (i32.const 5))";
    let _writer = make("writer", r#"(func (export "_start"))"#);
    let victim = make("victim", &format!(r#"(func (export "_start") {store})"#));
    let owner = make("owner", &owner);
    owner.start();
    // Whatever comes after these changes no rights.
    while owner.usage().calls < 4 {
        std::thread::yield_now();
    }
    victim.start();
    let report = victim.wait().to_string();
    owner.kill();
    let _ = owner.wait();
    report
}

/// All parts, one after the other.
#[track_caller]
fn contains(report: &str, parts: &[&str]) {
    let mut rest = report;
    for part in parts {
        let found = rest.find(part);
        let at = found.unwrap_or_else(|| panic!("`{part}` is not in: {report}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_report_names_owner_and_writers_and_says_when_everybody_may_write() {
    for way in WAYS {
        let system = System::new(config(way)).unwrap();
        let granted = said_of_victim(&system, "(call $may (i32.const 2) (call $writer))");
        contains(
            &granted,
            &[
                "in page 0, which task `owner` (",
                ") owns and tasks `writer` (",
                "), `owner` (",
                ") may write; a ControlMem(MEMC_OKWRITE) of task `owner` (",
                ") for task `victim` (",
            ],
        );
        let refused = "(call $may (i32.const 2) (i32.const 0))
            (call $may (i32.const 1) (call $victim))";
        contains(
            &said_of_victim(&system, refused),
            &[
                "task `victim` (",
                ", thread ",
                "in page 0, which task `owner` (",
                ") owns and everybody may write but those refused by name; a ControlMem",
                ") for task `victim` (",
            ],
        );
        assert!(system.invariants_hold());
    }
}

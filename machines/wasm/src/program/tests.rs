//! Each refusal with its sentence, and what a rewritten module looks like.

use wasmparser::{FuncType, Validator};

use super::proposal::SUPPORTED;
use super::{Known, LoadError, Prepared, prepare};

fn load(text: &str) -> Result<Prepared, LoadError> {
    let mut known = Known::usufruct();
    let i32 = wasmparser::ValType::I32;
    known.insert(
        "wasi_snapshot_preview1",
        "proc_exit",
        FuncType::new([i32], []),
    );
    known.insert(
        "wasi_snapshot_preview1",
        "fd_write",
        FuncType::new([i32; 4], [i32]),
    );
    prepare(text.as_bytes(), &known)
}

fn refusal(text: &str) -> String {
    load(text)
        .expect_err("this module must be refused")
        .to_string()
}

/// A module that is fine but for what `extra` adds, and `memory` in place of its memory.
fn module(memory: &str, extra: &str) -> String {
    format!(r#"(module {extra} {memory} (func (export "_start")))"#)
}

const MEMORY: &str = r#"(memory (export "memory") 1)"#;

#[test]
fn memories_that_a_task_can_not_have_are_refused_each_with_its_sentence() {
    let cases = [
        (r#"(memory (export "memory") i64 1)"#, "memory64"),
        (
            r#"(memory (export "memory") 1 (pagesize 1))"#,
            "custom-page-sizes",
        ),
        (r#"(memory (export "memory") 1) (memory 1)"#, "2 memories"),
        (
            r#"(memory (export "memory") 1 1 shared)"#,
            "threads come later",
        ),
        (
            r#"(memory (export "other") 1)"#,
            "exports no memory named 'memory'",
        ),
        (
            r#"(func (export "memory"))"#,
            "exports no memory named 'memory'",
        ),
        (
            r#"(memory (export "memory") 32768)"#,
            "starts with 2147483648 bytes",
        ),
    ];
    for (memory, sentence) in cases {
        let text = refusal(&module(memory, ""));
        assert!(text.contains(sentence), "{memory}: {text}");
    }
    let imported = r#"(import "env" "memory" (memory 1))"#;
    assert!(refusal(&module("", imported)).contains("imported from 'env' 'memory'"));
    assert!(load(&module(r#"(memory (export "memory") 32767)"#, "")).is_ok());
}

#[test]
fn files_that_are_no_module_are_refused() {
    assert!(refusal("hello").contains("neither WebAssembly nor its text format"));
    assert!(refusal("").contains("the file is empty"));
    assert!(refusal("(component)").contains("this is a component"));
    let whole = wat::parse_str(module(MEMORY, "")).unwrap();
    for len in 8..whole.len() {
        let cut = prepare(&whole[..len], &Known::usufruct());
        assert!(cut.is_err(), "cut after {len} bytes");
    }
    let broken = module(MEMORY, "(func (result i32))");
    assert!(refusal(&broken).contains("broken module: type mismatch"));
}

/// Names and text of a file reach a terminal as letters, whatever they are.
#[test]
fn a_refusal_has_no_control_characters_of_the_file() {
    let imported = module(MEMORY, "(import \"\\1b[2J\" \"a\\0d\" (func))");
    for text in [imported.as_str(), "\u{1b}[2J"] {
        let sentence = refusal(text);
        let is_tame = |letter: char| letter == '\n' || !letter.is_control();
        assert!(sentence.chars().all(is_tame), "{sentence:?}");
    }
}

#[test]
fn proposals_are_refused_by_name() {
    let cases = [
        ("(func return_call 0)", "tail calls"),
        ("(tag) (func (throw 0))", "exceptions"),
        (
            "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
            "extended constant expressions",
        ),
        ("(type (struct))", "garbage collection"),
        ("(func (param (ref func)))", "typed function references"),
        ("(func (param externref))", "external references"),
        (
            "(func (param v128 v128 v128) (result v128)
               (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))",
            "relaxed SIMD",
        ),
        (
            "(func (param i64 i64 i64 i64) (result i64 i64)
               (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))",
            "wide arithmetic",
        ),
        ("(type (cont 1)) (type (func))", "stack switching"),
    ];
    for (extra, name) in cases {
        let text = refusal(&module(MEMORY, extra));
        assert!(text.contains(&format!("uses {name}")), "{extra}: {text}");
    }
}

#[test]
fn what_webassembly_2_with_simd_and_atomics_allows_is_loaded() {
    let extras = [
        "(func (result i32 i32) i32.const 1 i32.const 2)",
        "(func (result v128) (v128.const i64x2 0 0))",
        "(func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 0))))",
        "(func (drop (i32.trunc_sat_f32_s (f32.const 0))))",
        "(table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 0))))",
        "(global (mut i32) (i32.const 0))",
    ];
    for extra in extras {
        let loaded = load(&module(MEMORY, extra));
        assert!(loaded.is_ok(), "{extra}: {}", loaded.unwrap_err());
    }
}

#[test]
fn all_imports_that_nobody_serves_are_listed_at_once_with_the_nearest_name() {
    let imports = r#"
        (import "usufruct" "reed_mem" (func (param i32 i32 i32 i32) (result i32)))
        (import "env" "share_mem" (func (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
        (import "env" "qqq" (func))
        (import "usufruct" "ControlMem" (func (param i32 i32 i32 i32) (result i32)))
        (import "usufruct" "claim_mem" (func (param i64) (result i32)))
        (import "usufruct" "mem_size" (global i32))
    "#;
    let LoadError::Imports(faults) = load(&module(MEMORY, imports)).unwrap_err() else {
        panic!("not about imports")
    };
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "'usufruct' 'reed_mem' is unknown; did you mean 'usufruct' 'read_mem'?",
            "'env' 'share_mem' is unknown; did you mean 'usufruct' 'share_mem'?",
            "'env' 'qqq' is unknown",
            "'usufruct' 'claim_mem' is (i64) -> (i32); expected (i32) -> (i32)",
            "'usufruct' 'mem_size' is a global; expected (i32) -> (i32)",
        ]
    );
}

#[test]
fn an_entry_is_there_and_takes_nothing() {
    let with = |entry: &str| format!("(module {MEMORY} {entry})");
    assert!(refusal(&with("")).contains("neither '_start' nor 'main'"));
    assert!(refusal(&with(r#"(func (export "_initialize"))"#)).contains("a WASI reactor"));
    assert!(refusal(&with(r#"(global (export "main") i32 (i32.const 0))"#)).contains("neither"));
    let arguments = r#"(func (export "main") (param i32) (result i32) i32.const 0)"#;
    assert!(refusal(&with(arguments)).contains("'main' is (i32) -> (i32)"));
    let start = r#"(func (export "_start") (param i32 i32))"#;
    assert!(refusal(&with(start)).contains("'_start' is (i32, i32) -> ()"));
    let of_llvm = r#"(func (export "main") (param i32 i32) (result i32) i32.const 0)"#;
    assert!(load(&with(of_llvm)).is_ok());
    let status = r#"(func (export "_start") (result i32) i32.const 0)"#;
    assert!(refusal(&with(status)).contains("'_start' is () -> (i32)"));
    assert!(load(&with(r#"(func (export "main") (result i32) i32.const 7)"#)).is_ok());
    assert!(load(&with(r#"(func (export "main"))"#)).is_ok());
}

#[test]
fn a_declared_maximum_is_kept_as_a_quota_and_leaves_the_type() {
    let loaded = load(&module(r#"(memory (export "memory") 1 3)"#, "")).unwrap();
    assert_eq!(
        (loaded.minimum_bytes, loaded.quota_bytes),
        (1 << 16, 3 << 16)
    );
    let types = Validator::new_with_features(SUPPORTED)
        .validate_all(&loaded.binary)
        .unwrap();
    assert_eq!(types.as_ref().memory_at(0).maximum, None);
}

/// Rewritten modules stay valid, whichever of the sections they lack.
#[test]
fn rewriting_keeps_every_kind_of_module_valid() {
    let copies = r#"
        (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "usufruct" "last_error" (func $error (result i32)))
        (import "usufruct" "write_mem" (func $write (param i32 i32 i32 i32) (result i32)))
    "#;
    let modules = [
        module(MEMORY, copies),
        format!(r#"(module {copies} {MEMORY} (export "main" (func $error)))"#),
        format!(
            r#"(module {copies} {MEMORY} (export "main" (func $error)) (data (i32.const 0) "x"))"#
        ),
        format!(
            r#"(module {copies} {MEMORY} (table 2 funcref) (elem (i32.const 0) $read $write)
                 (global funcref (ref.func $read)) (export "r" (func $read)) (start $go)
                 (func $go (drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
                   (drop (ref.func $write)))
                 (export "main" (func $error)) (export "usufruct:entry" (func $go)))"#
        ),
        format!(
            r#"(module {MEMORY} (func $go (export "_start")) (start $go) (data (i32.const 0) "x"))"#
        ),
    ];
    for text in modules {
        let loaded = load(&text).unwrap();
        let types = Validator::new_with_features(SUPPORTED)
            .validate_all(&loaded.binary)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let names: Vec<&str> = types
            .as_ref()
            .core_exports()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .collect();
        assert!(names.contains(&loaded.entry.as_str()));
        let printed = wasmparser::Parser::new(0).parse_all(&loaded.binary);
        let starts = printed
            .filter(|section| matches!(section, Ok(wasmparser::Payload::StartSection { .. })));
        assert_eq!(starts.count(), 0, "{text}");
    }
}

//! What `usufruct check` says of a file, whole, and its exit status.

mod common;

use common::Place;

/// What is said on standard output and on standard error, and the exit status.
#[track_caller]
fn checked(test: &str, file: &str, text: &str, (code, out, err): (i32, &str, &str)) {
    let place = Place::new(test).with(file, text);
    let said = place.usufruct(&["check", file]);
    assert_eq!((said.out.as_str(), said.err.as_str()), (out, err));
    assert_eq!(said.code, Some(code));
}

#[test]
fn a_command_that_can_run_is_described_with_the_line_that_runs_it() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (import "usufruct" "read_mem" (func (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_shutdown" (func (param i32 i32) (result i32)))
        (import "usufruct" "last_error" (func (result i32)))
        (memory (export "memory") 2) (func (export "_start")))"#;
    let out = format!(
        "reader.wat: a WASI command (it starts at '_start'), {} bytes
  calls       read_mem, last_error
  WASI        fd_write, sock_shutdown
  sockets     there are none, so these always fail: sock_shutdown
  memory      starts with 131072 bytes; no maximum is declared
  pool        not seen: no call on pages is imported (a system file can say `pool = true`)
  exports     memory, _start
can run: usufruct run reader=reader.wat
",
        text.len()
    );
    checked("check_command", "reader.wat", text, (0, &out, ""));
}

#[test]
fn a_module_that_uses_pages_is_run_with_a_pool() {
    let text = r#"(module
        (import "usufruct" "ControlMem" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1 3) (func (export "main") (result i32) i32.const 0))"#;
    let out = format!(
        "host.wat: a module that starts at 'main', {} bytes
  calls       ControlMem
  memory      starts with 65536 bytes; declares at most 196608
  pool        seen, if the system has one: a call on pages is imported
  exports     memory, main
can run: usufruct run --pool 64MiB NAME=host.wat
",
        text.len()
    );
    checked("check_pages", "host.wat", text, (0, &out, ""));
}

#[test]
fn what_is_not_served_is_told_apart_with_the_nearest_name() {
    let text = r#"(module
        (import "usufruct" "reed_mem" (func (param i32 i32 i32 i32) (result i32)))
        (import "usufruct" "mem_size" (func (param i32) (result i32)))
        (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (import "\1b[2J" "x" (func))
        (memory (export "memory") 1) (func (export "_start")))"#;
    let out = format!(
        r"unserved.wat: a WASI command (it starts at '_start'), {} bytes
  calls       mem_size
  not served  usufruct reed_mem, wasi_unstable fd_write, \u{{1b}}[2J x
  memory      starts with 65536 bytes; no maximum is declared
  pool        not seen: no call on pages is imported (a system file can say `pool = true`)
  exports     memory, _start
",
        text.len()
    );
    let err = r"error: unserved.wat: imports that can not be served:
  'usufruct' 'reed_mem' is unknown; did you mean 'usufruct' 'read_mem'?
  'wasi_unstable' 'fd_write' is unknown; did you mean 'wasi_snapshot_preview1' 'fd_write'?
  '\u{1b}[2J' 'x' is unknown
";
    checked("check_unserved", "unserved.wat", text, (1, &out, err));
}

#[test]
fn what_the_loader_refuses_is_described_all_the_same() {
    let reactor = r#"(module (memory (export "memory") 1) (func (export "_initialize")))"#;
    let place = Place::new("check_refused")
        .with("reactor.wat", reactor)
        .with(
            "tail.wat",
            r#"(module (memory (export "memory") 1) (func (export "_start") return_call 0))"#,
        )
        .with("nothing.wat", "(module)");
    for (file, kind, cause) in [
        ("reactor.wat", "a WASI reactor,", "this is a WASI reactor"),
        ("tail.wat", "a WASI command", "the module uses tail calls"),
        (
            "nothing.wat",
            "a module without a start,",
            "exports no memory",
        ),
    ] {
        let said = place.usufruct(&["check", file]);
        assert_eq!(said.code, Some(1), "{file}");
        assert!(said.out.starts_with(&format!("{file}: {kind}")), "{said:?}");
        assert!(said.err.contains(cause), "{said:?}");
        assert!(!said.out.contains("can run"), "{said:?}");
    }
}

#[test]
fn a_file_that_is_no_module_gets_one_sentence() {
    for (file, text, cause) in [
        (
            "note.txt",
            "hello",
            "this is neither WebAssembly nor its text format",
        ),
        ("empty.wasm", "", "the file is empty"),
        ("parts.wat", "(component)", "this is a component"),
        (
            "broken.wat",
            "(module (func (result i32)))",
            "broken module: type mismatch",
        ),
    ] {
        let said = Place::new("check_no_module")
            .with(file, text)
            .usufruct(&["check", file]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{file}");
        assert!(
            said.err.starts_with(&format!("error: {file}: ")),
            "{said:?}"
        );
        assert!(said.err.contains(cause), "{said:?}");
    }
}

#[test]
fn of_a_system_everything_is_checked_and_nothing_runs() {
    let trap = r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#;
    let task = |name: &str| format!("[[task]]\nname = \"{name}\"\nfile = \"trap.wat\"\n");
    let system = format!("{}args = [\"$1\"]\n{}", task("one"), task("two"));
    let place = Place::new("check_system")
        .with("trap.wat", trap)
        .with("system.toml", &system);
    let said = place.usufruct(&["check", "system.toml", "--", "a"]);
    let out = "system.toml: a system\n  tasks       one, two\n\
               can run: usufruct run system.toml -- a\n";
    assert_eq!((said.out.as_str(), said.err.as_str()), (out, ""));
    assert_eq!(said.code, Some(0));

    let said = place.usufruct(&["check", "system.toml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("it needs argument 1"), "{said:?}");

    let place = place.with("trap.wat", "(module)");
    let said = place.usufruct(&["check", "system.toml", "--", "a"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(
        said.err.contains("exports no memory named 'memory'"),
        "{said:?}"
    );
}

#[test]
fn a_pool_is_checked_as_it_would_be_run() {
    let program = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    let system = "[[task]]\nname = \"one\"\nfile = \"one.wat\"\npool = true\n";
    let place = Place::new("check_pool")
        .with("one.wat", program)
        .with("system.toml", system);
    let said = place.usufruct(&["check", "system.toml"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("pool"), "{said:?}");
    for (file, runs) in [("system.toml", "system.toml"), ("one.wat", "one=one.wat")] {
        let said = place.usufruct(&["check", "--pool", "1MiB", file]);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{file}");
        let way = format!("can run: usufruct run --pool 1MiB {runs}\n");
        assert!(said.out.ends_with(&way), "{said:?}");
        let said = place.usufruct(&["check", "--pool", "some", file]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{file}");
    }
    let said = place.usufruct(&["check", "--pool", "3GiB", "one.wat"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("give it 1 byte to"), "{said:?}");
}

#[test]
fn a_wrong_command_line_is_another_exit_status() {
    let place = Place::new("check_usage").with("one.wat", "(module)");
    let said = place.usufruct(&["check", "none.wasm"]);
    let message = "error: none.wasm: No such file or directory (os error 2)\n\
                   help: usufruct check FILE.wasm, or usufruct check SYSTEM.toml\n";
    assert_eq!((said.code, said.err.as_str()), (Some(2), message));
    let said = place.usufruct(&["check", "one.wat", "--", "a"]);
    let message = "error: `--`: a program takes no arguments to be checked\n\
                   help: leave them out\n";
    assert_eq!((said.code, said.err.as_str()), (Some(2), message));
    for arguments in [&["check"][..], &["check", "one.wat", "two.wat"]] {
        assert_eq!(place.usufruct(arguments).code, Some(2), "{arguments:?}");
    }
}

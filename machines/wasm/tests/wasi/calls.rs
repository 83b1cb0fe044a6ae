//! WASI's calls: pointers that are not the task's, numbers that are too large,
//! and what arrives where.

use std::fs;

use crate::{place, start, status, system};

const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const FAULT: i32 = 21;
const INVAL: i32 = 28;
const NAMETOOLONG: i32 = 37;
const NOMEM: i32 = 48;

/// Where a task's memory of one page has no byte: its end, the pool, the end of
/// all addresses.
const OUTSIDE: [&str; 4] = ["0xffff", "0x10000", "0x80000000", "-8"];

/// Calls with a pointer to `@`, which is not the task's; the others are good.
/// Descriptor 1 is standard output, 3 a directory. At 0 stands one iovec for 64
/// bytes at 0x400, at 0x100 one for 64 bytes at `@`, at 0x200 the name "name".
const STRAY: &[(&str, &str)] = &[
    ("args_get", "i32.const @) (i32.const 0x400"),
    ("args_get", "i32.const 0x400) (i32.const @"),
    ("args_sizes_get", "i32.const @) (i32.const 0x400"),
    ("environ_get", "i32.const 0x400) (i32.const @"),
    ("environ_sizes_get", "i32.const 0x400) (i32.const @"),
    ("clock_res_get", "i32.const 0) (i32.const @"),
    ("clock_time_get", "i32.const 0) (i64.const 0) (i32.const @"),
    ("fd_fdstat_get", "i32.const 1) (i32.const @"),
    ("fd_filestat_get", "i32.const 1) (i32.const @"),
    (
        "fd_pread",
        "i32.const 3) (i32.const 0x100) (i32.const 1) (i64.const 0) (i32.const 0x400",
    ),
    (
        "fd_pread",
        "i32.const 3) (i32.const @) (i32.const 1) (i64.const 0) (i32.const 0x400",
    ),
    (
        "fd_pwrite",
        "i32.const 3) (i32.const 0x100) (i32.const 1) (i64.const 0) (i32.const 0x400",
    ),
    (
        "fd_pwrite",
        "i32.const 3) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const @",
    ),
    (
        "fd_read",
        "i32.const 0) (i32.const 0x100) (i32.const 1) (i32.const 0x400",
    ),
    (
        "fd_read",
        "i32.const 0) (i32.const 0) (i32.const 1) (i32.const @",
    ),
    (
        "fd_write",
        "i32.const 1) (i32.const 0x100) (i32.const 1) (i32.const 0x400",
    ),
    (
        "fd_write",
        "i32.const 1) (i32.const @) (i32.const 1) (i32.const 0x400",
    ),
    (
        "fd_write",
        "i32.const 1) (i32.const 0) (i32.const 1) (i32.const @",
    ),
    ("fd_prestat_get", "i32.const 3) (i32.const @"),
    (
        "fd_prestat_dir_name",
        "i32.const 3) (i32.const @) (i32.const 64",
    ),
    (
        "fd_readdir",
        "i32.const 3) (i32.const @) (i32.const 64) (i64.const 0) (i32.const 0x400",
    ),
    (
        "fd_readdir",
        "i32.const 3) (i32.const 0x400) (i32.const 64) (i64.const 0) (i32.const @",
    ),
    (
        "fd_seek",
        "i32.const 3) (i64.const 0) (i32.const 0) (i32.const @",
    ),
    ("fd_tell", "i32.const 3) (i32.const @"),
    (
        "path_create_directory",
        "i32.const 3) (i32.const @) (i32.const 64",
    ),
    (
        "path_filestat_get",
        "i32.const 3) (i32.const 0) (i32.const 0x200) (i32.const 4) (i32.const @",
    ),
    (
        "path_open",
        "i32.const 3) (i32.const 0) (i32.const 0x200) (i32.const 4) (i32.const 1) (i64.const 64) \
         (i64.const 0) (i32.const 0) (i32.const @",
    ),
    (
        "path_readlink",
        "i32.const 3) (i32.const 0x200) (i32.const 4) (i32.const @) (i32.const 64) (i32.const 0x400",
    ),
    (
        "path_rename",
        "i32.const 3) (i32.const 0x200) (i32.const 4) (i32.const 3) (i32.const @) (i32.const 64",
    ),
    (
        "path_symlink",
        "i32.const 0x200) (i32.const 4) (i32.const 3) (i32.const @) (i32.const 64",
    ),
    (
        "path_unlink_file",
        "i32.const 3) (i32.const @) (i32.const 64",
    ),
    (
        "poll_oneoff",
        "i32.const @) (i32.const 0x400) (i32.const 1) (i32.const 0x500",
    ),
    (
        "poll_oneoff",
        "i32.const 0x600) (i32.const @) (i32.const 1) (i32.const 0x500",
    ),
    ("random_get", "i32.const @) (i32.const 64"),
    (
        "sock_recv",
        "i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const @) (i32.const 0",
    ),
];

/// Calls whose numbers are too large, with their answers.
const TOO_LARGE: &[(&str, &str, i32)] = &[
    (
        "fd_write",
        "i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 0x400",
        INVAL,
    ),
    (
        "fd_read",
        "i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0x400",
        INVAL,
    ),
    (
        "poll_oneoff",
        "i32.const 0) (i32.const 0) (i32.const 257) (i32.const 0x400",
        INVAL,
    ),
    (
        "poll_oneoff",
        "i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0x400",
        INVAL,
    ),
    (
        "path_create_directory",
        "i32.const 3) (i32.const 0x400) (i32.const 4097",
        NAMETOOLONG,
    ),
    (
        "path_create_directory",
        "i32.const 3) (i32.const 0x400) (i32.const -1",
        FAULT,
    ),
    (
        "fd_readdir",
        "i32.const 3) (i32.const 0x400) (i32.const 0x100001) (i64.const 0) (i32.const 0",
        NOMEM,
    ),
    (
        "fd_readdir",
        "i32.const 3) (i32.const 0x400) (i32.const 0x100000) (i64.const 0) (i32.const 0",
        SUCCESS,
    ),
    (
        "fd_prestat_dir_name",
        "i32.const 3) (i32.const 0x400) (i32.const 0x100000",
        SUCCESS,
    ),
    (
        "random_get",
        "i32.const 0x400) (i32.const 0x110000",
        SUCCESS,
    ),
    ("fd_close", "i32.const 77", BADF),
];

/// The imports that calls need: WASI's types, from the words that are passed.
fn import(name: &str, words: &str) -> String {
    let types: Vec<&str> = words
        .split(['(', ')'])
        .filter_map(|word| word.trim().split('.').next())
        .filter(|ty| !ty.is_empty())
        .collect();
    let types = types.join(" ");
    format!(
        r#"(import "wasi_snapshot_preview1" "{name}" (func $call (param {types}) (result i32)))"#
    )
}

/// A task that makes one call and exits with its answer.
fn one_call(pages: u32, name: &str, words: &str, stray: &str) -> String {
    let words = words.replace('@', stray);
    format!(
        r#"(module {}
        (memory (export "memory") {pages})
        (data (i32.const 0x200) "name")
        (func (export "main") (result i32)
            (i32.store (i32.const 0) (i32.const 0x400))
            (i32.store (i32.const 4) (i32.const 64))
            (i32.store (i32.const 0x100) (i32.const {stray}))
            (i32.store (i32.const 0x104) (i32.const 64))
            (call $call ({words}))))"#,
        import(name, &words)
    )
}

#[test]
fn a_pointer_that_is_not_the_tasks_is_an_error_and_nothing_happens() {
    let system = system();
    let (folder, spec) = place("stray");
    for (name, words) in STRAY {
        for stray in OUTSIDE {
            let report = start(&system, &spec, &one_call(1, name, words, stray)).wait();
            assert_eq!(status(&report), FAULT, "{name}({words}), {stray}");
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "no file was made");
}

#[test]
fn numbers_that_are_too_large_are_refused_and_large_ones_served() {
    let system = system();
    let (_, spec) = place("large");
    for (name, words, expected) in TOO_LARGE {
        let report = start(&system, &spec, &one_call(40, name, words, "0")).wait();
        assert_eq!(status(&report), *expected, "{name}({words})");
    }
}

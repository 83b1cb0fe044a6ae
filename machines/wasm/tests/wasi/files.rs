//! What arrives where: files, directories, and the task's own strings.

use std::fs;

use usufruct_wasm::{Capture, Output};

use crate::{place, start, status, system};

/// What the tests import, and helpers: `$ok` ends the task with a code unless an
/// answer is 0, `$is` unless two numbers are equal.
const PRELUDE: &str = r#"
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $dir_name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_readlink" (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 40)
    (func $is (param $code i32) (param $found i32) (param $expected i32)
        (if (i32.ne (local.get $found) (local.get $expected)) (then (call $exit (local.get $code)))))
    (func $ok (param $code i32) (param $error i32)
        (if (local.get $error) (then (call $exit (local.get $code)))))
    (func $vector (param $at i32) (param $address i32) (param $len i32)
        (i32.store (local.get $at) (local.get $address))
        (i32.store offset=4 (local.get $at) (local.get $len)))
"#;

fn run(test: &str, body: &str) -> (std::path::PathBuf, Vec<u8>) {
    let (folder, mut spec) = place(test);
    let capture = Capture::new(1 << 22);
    spec.streams.stdout = Output::Capture(capture.clone());
    let module = format!("(module {PRELUDE} {body})");
    let report = start(&system(), &spec, &module).wait();
    assert_eq!(status(&report), 0, "the number of the check that failed");
    (folder, capture.contents())
}

/// Several buffers in one call, in the order of their array; what lies behind
/// the bytes that were read stays as it was.
#[test]
fn buffers_are_gathered_and_scattered_in_order() {
    let body = r#"
        (data (i32.const 0x200) "file") (data (i32.const 0x300) "usus") (data (i32.const 0x310) "fructus")
        (func (export "main") (result i32) (local $fd i32)
            (call $ok (i32.const 1) (call $path_open (i32.const 3) (i32.const 0) (i32.const 0x200)
                (i32.const 4) (i32.const 1) (i64.const 0x66) (i64.const 0) (i32.const 0) (i32.const 0x11)))
            (local.set $fd (i32.load (i32.const 0x11)))
            (call $vector (i32.const 0x20) (i32.const 0x300) (i32.const 4))
            (call $vector (i32.const 0x28) (i32.const 0) (i32.const 0))
            (call $vector (i32.const 0x30) (i32.const 0x310) (i32.const 7))
            (call $ok (i32.const 2) (call $write (local.get $fd) (i32.const 0x20) (i32.const 3) (i32.const 0x10)))
            (call $is (i32.const 3) (i32.load (i32.const 0x10)) (i32.const 11))
            (call $ok (i32.const 4) (call $pwrite (local.get $fd) (i32.const 0x30) (i32.const 1) (i64.const 20) (i32.const 0x10)))
            (call $ok (i32.const 5) (call $seek (local.get $fd) (i64.const 2) (i32.const 0) (i32.const 0x40)))
            (memory.fill (i32.const 0x400) (i32.const 0x5f) (i32.const 100))
            (call $vector (i32.const 0x20) (i32.const 0x400) (i32.const 3))
            (call $vector (i32.const 0x28) (i32.const 0x410) (i32.const 1))
            (call $vector (i32.const 0x30) (i32.const 0x420) (i32.const 100))
            (call $ok (i32.const 6) (call $read (local.get $fd) (i32.const 0x20) (i32.const 3) (i32.const 0x10)))
            (call $is (i32.const 7) (i32.load (i32.const 0x10)) (i32.const 25))
            (call $vector (i32.const 0x20) (i32.const 0x400) (i32.const 0x64))
            (call $ok (i32.const 8) (call $write (i32.const 1) (i32.const 0x20) (i32.const 1) (i32.const 0x10)))
            (call $ok (i32.const 9) (call $pread (local.get $fd) (i32.const 0x20) (i32.const 1) (i64.const 21) (i32.const 0x10)))
            (call $is (i32.const 10) (i32.load (i32.const 0x10)) (i32.const 6))
            (call $is (i32.const 11) (i32.load (i32.const 0x400)) (i32.const 0x74637572))
            (call $ok (i32.const 12) (call $close (local.get $fd)))
            (i32.const 0))
    "#;
    let (folder, output) = run("gathered", body);
    let file = b"ususfructus\0\0\0\0\0\0\0\0\0fructus";
    assert_eq!(fs::read(folder.join("file")).unwrap(), file);
    let mut expected = [b'_'; 100];
    expected[..3].copy_from_slice(&file[2..5]);
    expected[0x10] = file[5];
    expected[0x20..0x35].copy_from_slice(&file[6..]);
    assert_eq!(output, expected);
}

/// More than one piece: less is moved, and the number says how much.
#[test]
fn a_large_transfer_is_cut_short() {
    let body = r#"
        (data (i32.const 0x200) "file")
        (func (export "main") (result i32) (local $fd i32)
            (call $vector (i32.const 0x20) (i32.const 0x10000) (i32.const 0x200000))
            (call $ok (i32.const 1) (call $write (i32.const 1) (i32.const 0x20) (i32.const 1) (i32.const 0x10)))
            (call $is (i32.const 2) (i32.load (i32.const 0x10)) (i32.const 0x40000))
            (call $ok (i32.const 3) (call $path_open (i32.const 3) (i32.const 0) (i32.const 0x200)
                (i32.const 4) (i32.const 1) (i64.const 0x66) (i64.const 0) (i32.const 0) (i32.const 0x14)))
            (local.set $fd (i32.load (i32.const 0x14)))
            (call $ok (i32.const 4) (call $write (local.get $fd) (i32.const 0x20) (i32.const 1) (i32.const 0x10)))
            (call $is (i32.const 5) (i32.load (i32.const 0x10)) (i32.const 0x40000))
            (call $ok (i32.const 6) (call $pwrite (local.get $fd) (i32.const 0x20) (i32.const 1)
                (i64.const 0x40000) (i32.const 0x10)))
            (call $is (i32.const 7) (i32.load (i32.const 0x10)) (i32.const 0x40000))
            (call $ok (i32.const 8) (call $seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 0x40)))
            (call $ok (i32.const 9) (call $read (local.get $fd) (i32.const 0x20) (i32.const 1) (i32.const 0x10)))
            (call $is (i32.const 10) (i32.load (i32.const 0x10)) (i32.const 0x40000))
            (i32.const 0))
    "#;
    let (folder, output) = run("short", body);
    assert_eq!(output.len(), 0x40000);
    assert_eq!(fs::metadata(folder.join("file")).unwrap().len(), 0x80000);
}

#[test]
fn paths_and_directories_work() {
    let body = r#"
        (data (i32.const 0x200) "folder") (data (i32.const 0x210) "link") (data (i32.const 0x220) "moved")
        (func (export "main") (result i32)
            (call $ok (i32.const 1) (call $mkdir (i32.const 3) (i32.const 0x200) (i32.const 6)))
            (call $ok (i32.const 2) (call $symlink (i32.const 0x200) (i32.const 6)
                (i32.const 3) (i32.const 0x210) (i32.const 4)))
            (memory.fill (i32.const 0x400) (i32.const 0x5f) (i32.const 16))
            (call $ok (i32.const 3) (call $readlink (i32.const 3) (i32.const 0x210) (i32.const 4)
                (i32.const 0x400) (i32.const 16) (i32.const 0x10)))
            (call $is (i32.const 4) (i32.load (i32.const 0x10)) (i32.const 6))
            (call $vector (i32.const 0x20) (i32.const 0x400) (i32.const 16))
            (call $ok (i32.const 5) (call $write (i32.const 1) (i32.const 0x20) (i32.const 1) (i32.const 0x14)))
            (call $ok (i32.const 6) (call $unlink (i32.const 3) (i32.const 0x210) (i32.const 4)))
            (call $ok (i32.const 7) (call $rename (i32.const 3) (i32.const 0x200) (i32.const 6)
                (i32.const 3) (i32.const 0x220) (i32.const 5)))
            (memory.fill (i32.const 0x400) (i32.const 0x5f) (i32.const 200))
            (call $ok (i32.const 8) (call $readdir (i32.const 3) (i32.const 0x400) (i32.const 200)
                (i64.const 2) (i32.const 0x10)))
            (call $is (i32.const 9) (i32.load (i32.const 0x10)) (i32.const 29))
            (call $vector (i32.const 0x20) (i32.const 0x418) (i32.const 6))
            (call $ok (i32.const 10) (call $write (i32.const 1) (i32.const 0x20) (i32.const 1) (i32.const 0x14)))
            (call $ok (i32.const 11) (call $stat (i32.const 3) (i32.const 0x500)))
            (call $is (i32.const 12) (i32.load8_u (i32.const 0x510)) (i32.const 3))
            (i32.const 0))
    "#;
    let (folder, output) = run("paths", body);
    assert_eq!(String::from_utf8(output).unwrap(), "folder__________moved_");
    assert!(folder.join("moved").is_dir());
    assert!(!folder.join("link").exists());
}

#[test]
fn strings_names_clocks_and_events_arrive() {
    let body = r#"
        (func (export "main") (result i32)
            (call $ok (i32.const 1) (call $args_sizes (i32.const 0x10) (i32.const 0x14)))
            (call $is (i32.const 2) (i32.load (i32.const 0x10)) (i32.const 2))
            (call $is (i32.const 3) (i32.load (i32.const 0x14)) (i32.const 10))
            (memory.fill (i32.const 0x200) (i32.const 0x5f) (i32.const 0x100))
            (call $ok (i32.const 4) (call $args (i32.const 0x20) (i32.const 0x203)))
            (call $is (i32.const 5) (i32.load (i32.const 0x20)) (i32.const 0x203))
            (call $is (i32.const 6) (i32.load (i32.const 0x24)) (i32.const 0x207))
            (call $ok (i32.const 7) (call $environ (i32.const 0x20) (i32.const 0x210)))
            (call $is (i32.const 8) (i32.load (i32.const 0x20)) (i32.const 0x210))
            (call $ok (i32.const 9) (call $prestat (i32.const 3) (i32.const 0x10)))
            (call $is (i32.const 10) (i32.load (i32.const 0x14)) (i32.const 6))
            (call $ok (i32.const 11) (call $dir_name (i32.const 3) (i32.const 0x220) (i32.const 0x20)))
            (call $vector (i32.const 0x20) (i32.const 0x200) (i32.const 0x30))
            (call $ok (i32.const 12) (call $write (i32.const 1) (i32.const 0x20) (i32.const 1) (i32.const 0x14)))
            ;; a relative clock of 1 ms, and one of an hour
            (i64.store (i32.const 0x500) (i64.const 77))
            (i32.store (i32.const 0x510) (i32.const 1))
            (i64.store (i32.const 0x518) (i64.const 1000000))
            (i64.store (i32.const 0x530) (i64.const 88))
            (i32.store (i32.const 0x540) (i32.const 1))
            (i64.store (i32.const 0x548) (i64.const 3600000000000))
            (memory.fill (i32.const 0x600) (i32.const 0x5f) (i32.const 0x40))
            (call $ok (i32.const 13) (call $clock (i32.const 1) (i64.const 0) (i32.const 0x700)))
            (call $ok (i32.const 14) (call $poll (i32.const 0x500) (i32.const 0x600) (i32.const 2) (i32.const 0x10)))
            (call $is (i32.const 15) (i32.load (i32.const 0x10)) (i32.const 1))
            (call $is (i32.const 16) (i32.load (i32.const 0x600)) (i32.const 77))
            (call $is (i32.const 17) (i32.load (i32.const 0x620)) (i32.const 0x5f5f5f5f))
            (call $ok (i32.const 18) (call $clock (i32.const 1) (i64.const 0) (i32.const 0x708)))
            (call $is (i32.const 19) (i64.ge_u (i64.sub (i64.load (i32.const 0x708)) (i64.load (i32.const 0x700)))
                (i64.const 1000000)) (i32.const 1))
            (i32.const 0))
    "#;
    let (_, output) = run("strings", body);
    let expected = "___one\0three\0___A=b\0____________/place__________";
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}

#[test]
fn a_start_function_can_use_its_memory() {
    let body = r#"
        (data (i32.const 0x200) "early")
        (func $go (call $vector (i32.const 0x20) (i32.const 0x200) (i32.const 5))
            (call $ok (i32.const 1) (call $write (i32.const 1) (i32.const 0x20) (i32.const 1) (i32.const 0x14))))
        (start $go)
        (func (export "main") (result i32) (i32.const 0))
    "#;
    assert_eq!(run("early", body).1, b"early");
}

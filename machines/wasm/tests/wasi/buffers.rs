//! Pages of the pool as buffers: which ones a stream takes, and that nothing has
//! moved when one is refused.

use std::fs;

use usufruct_wasm::{Capture, Config, Output, Spec, System, Task};

use crate::{a_moment, place, start, status};

const SUCCESS: i32 = 0;
const FAULT: i32 = 21;

/// Addresses and lengths.
type Buffers = &'static [(u32, u32)];

/// Page by page: 0 and 1 are another task's, and everybody may write 0; 2 and 3 are
/// the task's own; so is 4, where it may not write; 5 is free; 6 is another's, and the
/// task may write there; 7, the last, is its own.
const CASES: &[(&str, Buffers, i32, i32)] = &[
    // What, the buffers, what a read answers, what a write answers.
    ("owned", &[(OWN + 100, 64)], SUCCESS, SUCCESS),
    ("two pages", &[(OWN + 0xff0, 64)], SUCCESS, SUCCESS),
    ("up to the end", &[(END - 64, 64)], SUCCESS, SUCCESS),
    ("not to write", &[(SHUT, 64)], FAULT, SUCCESS),
    ("half not to write", &[(SHUT - 32, 64)], FAULT, SUCCESS),
    ("everybody's", &[(START, 64)], FAULT, FAULT),
    ("another's", &[(START + 0x1000, 64)], FAULT, FAULT),
    ("granted", &[(GRANTED, 64)], FAULT, FAULT),
    ("free", &[(FREE, 64)], FAULT, FAULT),
    ("half another's", &[(OWN - 32, 64)], FAULT, FAULT),
    ("over the start", &[(START - 32, 64)], FAULT, FAULT),
    ("over the end", &[(END - 32, 64)], FAULT, FAULT),
    ("behind the end", &[(END, 1)], FAULT, FAULT),
    ("over all ends", &[(0xffff_fff0, 64)], FAULT, FAULT),
    ("the pool and more", &[(OWN, 0x7fff_0000)], FAULT, FAULT),
    (
        "heap, then owned",
        &[(HEAP, 10), (OWN, 54)],
        SUCCESS,
        SUCCESS,
    ),
    (
        "owned twice",
        &[(OWN, 20), (OWN + 20, 44)],
        SUCCESS,
        SUCCESS,
    ),
    (
        "none, then owned",
        &[(START, 0), (OWN, 64)],
        SUCCESS,
        SUCCESS,
    ),
    (
        "one is another's",
        &[(HEAP, 16), (OWN, 16), (START, 16), (OWN + 99, 16)],
        FAULT,
        FAULT,
    ),
    (
        "one is free",
        &[(FREE, 1), (HEAP, 16), (OWN, 16)],
        FAULT,
        FAULT,
    ),
    (
        "one is not to write",
        &[(OWN, 16), (HEAP, 16), (SHUT, 32)],
        FAULT,
        SUCCESS,
    ),
    (
        "one is outside",
        &[(OWN, 16), (HEAP, 16), (END, 32)],
        FAULT,
        FAULT,
    ),
    (
        "one is beside the heap",
        &[(OWN, 16), (0x7_0000, 32)],
        FAULT,
        FAULT,
    ),
];

const HEAP: u32 = 0x1000;
const START: u32 = 0x8000_0000;
const OWN: u32 = START + 0x2000;
const SHUT: u32 = START + 0x4000;
const FREE: u32 = START + 0x5000;
const GRANTED: u32 = START + 0x6000;
const END: u32 = START + 0x8000;

const IMPORTS: &str = r#"
    (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
    (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
    (import "usufruct" "get_current_task" (func $me (result i32)))
    (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
    (import "usufruct" "open_port" (func $open (param i32) (result i32)))
    (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
    (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
    (import "usufruct" "IsMemWritable" (func $writable (param i32 i32) (result i32)))
    (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_tell" (func $tell (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func $is (param $found i32) (param $expected i32)
        (if (i32.ne (local.get $found) (local.get $expected)) (then unreachable)))
    (func $no (param $error i32) (if (local.get $error) (then unreachable)))
"#;

/// Takes pages 0, 1 and 6, lets everybody write page 0, and whoever sends a message
/// page 6.
const OTHER: &str = r#"
    (func (export "main") (result i32)
        (call $is (call $alloc (i32.const 0x7000) (i32.const 0x100)) (i32.const 0x80000000))
        (call $no (call $control (i32.const 0x80002000) (i32.const 0x4000) (i32.const 3) (i32.const 0)))
        (call $no (call $control (i32.const 0x80000000) (i32.const 1) (i32.const 2) (i32.const 0)))
        (call $no (call $open (i32.const 0)))
        (loop $again
            (call $no (call $wait (i32.const 0) (i32.const -1)))
            (call $no (call $get (i32.const 0) (i32.const 0x40) (i32.const 0x60)))
            (call $no (call $control (i32.const 0x80006000) (i32.const 1) (i32.const 2)
                (i32.load (i32.const 0x60))))
            (br $again))
        unreachable)"#;

/// Takes the pages behind those and gives each its state. In the pages, and in the
/// heap's, stands at each address what `pattern` says.
const TAKE_PAGES: &str = r#"
    (data (i32.const 0xf00) "fileother")
    (func $draw (param $at i32) (param $end i32)
        (loop $next
            (i32.store8 (local.get $at)
                (i32.add (i32.const 3) (i32.mul (i32.const 7) (local.get $at))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))
    (func $take_pages
        (call $is (call $alloc (i32.const 0x4000) (i32.const 0)) (i32.const 0x80002000))
        (call $is (call $alloc (i32.const 0x1000) (i32.const 0)) (i32.const 0x80007000))
        (call $no (call $send (call $find (i32.const 0xf04) (i32.const 5)) (i32.const 0) (i32.const 0)))
        (loop $wait (br_if $wait (i32.eqz (call $writable (i32.const 0x80006000) (i32.const 1)))))
        (call $draw (i32.const 0x80002000) (i32.const 0x80008000))
        (call $draw (i32.const 0x1000) (i32.const 0x2000))
        (call $no (call $control (i32.const 0x80004000) (i32.const 1) (i32.const 1) (call $me)))
        (call $no (call $control (i32.const 0x80005000) (i32.const 1) (i32.const 3) (i32.const 0)))
    )"#;

fn pattern(address: u32) -> u8 {
    address.wrapping_mul(7).wrapping_add(3).to_le_bytes()[0]
}

/// What the file has before the call.
fn file() -> Vec<u8> {
    (0..100).collect()
}

/// Opens the file, makes one call with these buffers, and exits with its answer,
/// after it has shown the heap's page, the pool, and where it stands in the file.
fn one_call(call: &str, buffers: &[(u32, u32)]) -> String {
    let mut array = String::new();
    for (number, (address, len)) in buffers.iter().enumerate() {
        let vector = 0x100 + number * 8;
        array += &format!(
            "(i32.store (i32.const {vector}) (i32.const {address})) \
             (i32.store offset=4 (i32.const {vector}) (i32.const {len}))"
        );
    }
    let count = buffers.len();
    let offset = if call.starts_with("fd_p") {
        "(i64.const 5)"
    } else {
        ""
    };
    format!(
        r#"(module {IMPORTS} {TAKE_PAGES}
        (func (export "main") (result i32) (local $fd i32) (local $error i32)
            (call $take_pages)
            (call $no (call $path_open (i32.const 3) (i32.const 0) (i32.const 0xf00)
                (i32.const 4) (i32.const 0) (i64.const 0x66) (i64.const 0) (i32.const 0) (i32.const 0x10)))
            (local.set $fd (i32.load (i32.const 0x10)))
            {array}
            (local.set $error (call ${call} (local.get $fd) (i32.const 0x100) (i32.const {count})
                {offset} (i32.const 0x18)))
            (call $no (call $tell (local.get $fd) (i32.const 0x2000)))
            (memory.copy (i32.const 0x10000) (i32.const 0x80000000) (i32.const 0x8000))
            (i32.store (i32.const 0x100) (i32.const 0x1000))
            (i32.store (i32.const 0x104) (i32.const 0x1008))
            (i32.store (i32.const 0x108) (i32.const 0x10000))
            (i32.store (i32.const 0x10c) (i32.const 0x8000))
            (call $no (call $fd_write (i32.const 1) (i32.const 0x100) (i32.const 2) (i32.const 0x20)))
            (local.get $error)))"#
    )
}

/// The same as the task shows it, if nothing had happened.
fn untouched() -> Vec<u8> {
    let heap = (HEAP..HEAP + 0x1000).map(pattern);
    let others = [0; 0x2000];
    let own = (OWN..END).map(|at| if at & !0xfff == FREE { 0 } else { pattern(at) });
    heap.chain([0; 8]).chain(others).chain(own).collect()
}

/// Where a byte of a buffer stands in what the task shows.
fn shown(address: u32) -> usize {
    let (from, at) = if address < START {
        (HEAP, 0)
    } else {
        (START, 0x1008)
    };
    (address - from) as usize + at
}

/// The addresses of the bytes of some buffers, in order.
fn addresses(buffers: &[(u32, u32)]) -> impl Iterator<Item = u32> {
    buffers
        .iter()
        .flat_map(|(address, len)| *address..*address + *len)
}

fn system() -> System {
    let mut config = Config::default();
    config.workers = 2;
    config.pool_bytes = 0x8000;
    System::new(config).unwrap()
}

/// The owner of pages 0, 1 and 6, as soon as it listens.
fn other(system: &System) -> Task {
    let module = format!("(module {IMPORTS} {OTHER})");
    let other = start(system, &Spec::new("other"), &module);
    while other.usage().calls < 4 {
        a_moment();
    }
    other
}

#[test]
fn a_stream_takes_pages_that_the_task_owns_and_no_others() {
    let system = system();
    let other = other(&system);
    for call in ["fd_read", "fd_pread", "fd_write", "fd_pwrite"] {
        let (is_read, offset) = (call.ends_with("read"), 5 * usize::from(call.contains("_p")));
        for (what, buffers, read, write) in CASES {
            let expected = if is_read { *read } else { *write };
            let (folder, mut spec) = place(call);
            fs::write(folder.join("file"), file()).unwrap();
            let capture = Capture::new(1 << 16);
            spec.streams.stdout = Output::Capture(capture.clone());
            let report = start(&system, &spec, &one_call(call, buffers)).wait();
            assert_eq!(status(&report), expected, "{call}: {what}");

            let (mut memory, mut in_file) = (untouched(), file());
            if expected == SUCCESS {
                assert_eq!(addresses(buffers).count(), 64, "{what}");
                if offset == 0 {
                    memory[0x1000] = 64;
                }
                for (number, address) in addresses(buffers).enumerate() {
                    if is_read {
                        memory[shown(address)] = in_file[offset + number];
                    } else {
                        in_file[offset + number] = pattern(address);
                    }
                }
            }
            assert!(capture.contents() == memory, "{call}: {what}: memory");
            let found = fs::read(folder.join("file")).unwrap();
            assert_eq!(found, in_file, "{call}: {what}: the file");
        }
    }
    assert!(other.report().is_none() && system.invariants_hold());
}

/// Only the buffers themselves may be pages: neither their array, nor where the
/// call tells how much it was.
#[test]
fn other_pointers_of_a_transfer_do_not_name_the_pool() {
    let system = system();
    let _other = other(&system);
    for call in ["fd_read", "fd_pread", "fd_write", "fd_pwrite"] {
        for (is, was) in [
            (
                format!("(i32.const {OWN}) (i32.const 1)"),
                "(i32.const 0x100) (i32.const 1)",
            ),
            (format!("(i32.const {OWN}))"), "(i32.const 0x18))"),
        ] {
            let (folder, spec) = place(&format!("pointers-{call}"));
            fs::write(folder.join("file"), file()).unwrap();
            let module = one_call(call, &[(HEAP, 64)]);
            assert_eq!(module.matches(was).count(), 1);
            let report = start(&system, &spec, &module.replace(was, &is)).wait();
            assert_eq!(status(&report), FAULT, "{call}");
            assert_eq!(fs::read(folder.join("file")).unwrap(), file());
        }
    }
}

/// A buffer that is longer than what one call moves: it is asked whose that much of
/// it is, and the next call whose the rest is.
#[test]
fn of_a_long_buffer_as_much_is_asked_for_as_moves() {
    let mut config = Config::default();
    config.workers = 2;
    config.pool_bytes = 1 << 20;
    let system = System::new(config).unwrap();
    let body = r#"
        (func $write (param $at i32) (param $len i32) (result i32)
            (i32.store (i32.const 0x100) (local.get $at))
            (i32.store (i32.const 0x104) (local.get $len))
            (call $fd_write (i32.const 1) (i32.const 0x100) (i32.const 1) (i32.const 0x18)))
        (func (export "main") (result i32)
            (call $is (call $alloc (i32.const 0x40000) (i32.const 0x178)) (i32.const 0x80000000))
            (call $no (call $write (i32.const 0x80000000) (i32.const 0x100000)))
            (call $is (i32.load (i32.const 0x18)) (i32.const 0x40000))
            (call $is (call $write (i32.const 0x80000001) (i32.const 0xfffff)) (i32.const 21))
            (call $write (i32.const 0x80040000) (i32.const 0xc0000)))"#;
    let capture = Capture::new(1 << 20);
    let mut spec = Spec::new("long");
    spec.streams.stdout = Output::Capture(capture.clone());
    let module = format!("(module {IMPORTS} {body})");
    assert_eq!(status(&start(&system, &spec, &module).wait()), FAULT);
    assert!(capture.contents() == vec![0x78; 0x40000]);
}

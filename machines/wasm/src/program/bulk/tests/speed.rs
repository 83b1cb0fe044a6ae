//! How much slower than native.

use std::time::{Duration, Instant};

use super::{Operation, Subject};
use crate::engine::{self, Beginning};

const ROUNDS: usize = 21;

/// Lengths in bytes, how often each is done, and what it may cost beside the
/// native operation. A libc copies very much at once with stores that pass the
/// caches by, which it does not for a part.
const LENGTHS: [(u32, u32, f64); 6] = [
    (64, 200_000, 2.0),
    (4096, 50_000, 1.5),
    (64 << 10, 2000, 1.5),
    (1 << 20, 200, 1.5),
    (64 << 20, 2, 1.5),
    (256 << 20, 1, 4.0),
];

/// Each does its operation as often as its first word says; `init` is a copy of
/// a constant length, as an assignment is.
const GUEST: &str = r#"(module
    (memory (export "memory") 12288)
    (func (export "copy") (param i32 i32 i32)
        (loop
            (memory.copy (i32.const 0) (i32.const 0x20000000) (local.get 2))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "fill") (param i32 i32 i32)
        (loop
            (memory.fill (i32.const 0) (i32.const 7) (local.get 2))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "init") (param i32 i32 i32)
        (loop
            (memory.copy
                (i32.and (local.get 0) (i32.const 0xFFF))
                (i32.add (local.get 0) (i32.const 0x20000000))
                (i32.const 24))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "_start")))"#;

fn time(subject: &mut Subject, operation: Operation, len: u32, times: u32) -> Duration {
    let begun = Instant::now();
    subject.call(operation, (times, 0, len)).unwrap();
    begun.elapsed()
}

/// Both in turn, and the median of the ratios.
fn compare(
    subjects: &mut [Subject; 2],
    operation: Operation,
    (len, times, worst): (u32, u32, f64),
) {
    let mut ratios = [0.0; ROUNDS];
    let mut fastest = [Duration::MAX; 2];
    for ratio in &mut ratios {
        let times = [0, 1].map(|way| {
            let time = time(&mut subjects[way], operation, len, times);
            fastest[way] = fastest[way].min(time / times);
            time.as_secs_f64()
        });
        *ratio = times[0] / times[1];
    }
    ratios.sort_by(f64::total_cmp);
    let (median, [rewritten, native]) = (ratios[ROUNDS / 2], fastest);
    println!("{operation:?} {len} bytes: {median:.2} x native; {rewritten:?}, {native:?} at best");
    assert!(median < worst, "{operation:?} {len}: {median}");
}

#[test]
#[ignore = "takes half a gibibyte twice, and a quiet machine"]
fn the_heap_is_copied_and_filled_about_as_fast_as_natively() {
    let engine = engine::new(Beginning::Copied, None).unwrap();
    let mut subjects = [
        Subject::rewritten(&engine, GUEST),
        Subject::native(&engine, GUEST),
    ];
    compare(&mut subjects, Operation::Init, (24, 500_000, 2.5));
    for operation in [Operation::Copy, Operation::Fill] {
        for length in LENGTHS {
            compare(&mut subjects, operation, length);
        }
    }
}

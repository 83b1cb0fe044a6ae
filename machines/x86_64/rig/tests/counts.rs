//! Counts of instructions are the same every time.
#![cfg(qemu)]

use usufruct_x86_64_rig::{Count, count};

/// What the last `cargo xtask counts` has written down.
const RECORD: &str = include_str!("../../../../bench/COUNTS.md");

#[test]
fn counts_are_the_same_every_time() {
    let counts = count();
    let rows = |counts: &[Count]| counts.iter().map(Count::row).collect::<Vec<_>>();
    assert_eq!(rows(&counts), rows(&count()));
    for count in counts {
        let recorded = count.recorded_in(RECORD);
        let recorded = recorded.unwrap_or_else(|| panic!("`{}` is not recorded", count.row()));
        if count.least.abs_diff(recorded) * 50 > recorded {
            eprintln!("bench/COUNTS.md says {recorded}, now it is {}", count.row());
        }
    }
}

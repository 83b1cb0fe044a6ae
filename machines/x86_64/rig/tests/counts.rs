//! Counts of instructions are the same every time, and nearly what is written down.
#![cfg(qemu)]

use std::process::Command;
use usufruct_x86_64_rig::{Count, count};

/// What the last `cargo xtask counts` has written down.
const RECORD: &str = include_str!("../../../../bench/COUNTS.md");

#[test]
fn counts_are_the_same_every_time_and_as_recorded() {
    let (counts, again) = (count(), count());
    for (one, other) in counts.iter().zip(&again) {
        // When the clock comes in, while tasks take turns, hangs on when they began.
        if !one.what.contains("task switches") {
            assert_eq!(one.row(), other.row());
        }
    }
    let changes: Vec<_> = counts.iter().filter_map(change).collect();
    let qemu = qemu();
    let emulator = if RECORD.contains(&qemu) {
        String::new()
    } else {
        format!("; it was counted with another QEMU than {qemu}")
    };
    eprintln!("bench/COUNTS.md{emulator}: {} changes", changes.len());
    assert!(
        changes.is_empty(),
        "more than 2 % off bench/COUNTS.md{emulator}:\n{}\n\
         `cargo xtask counts` writes it anew; say there why (\"Changes\")",
        changes.join("\n")
    );
}

/// What has changed by more than 2 %, in words.
fn change(count: &Count) -> Option<String> {
    let row = count.row();
    let Some(recorded) = count.recorded_in(RECORD) else {
        return Some(format!("{row} is not there"));
    };
    (count.least.abs_diff(recorded) * 50 > recorded).then(|| format!("{row} was {recorded}"))
}

fn qemu() -> String {
    let output = Command::new("qemu-system-x86_64").arg("--version").output();
    let said = String::from_utf8_lossy(&output.expect("QEMU is there").stdout).into_owned();
    said.lines().next().unwrap_or_default().to_owned()
}

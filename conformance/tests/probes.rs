//! The two probes are the same program, as far as that can be seen without a machine.

use usufruct_conformance::guests;
use usufruct_conformance::probe_core::{
    ARENA_ALIGN, ARENA_BYTES, COMMAND_HEADER_BYTES, DATA_BYTES, Operation, REPLY_HEADER_BYTES,
    Status,
};

const C_PROTOCOL: &str = include_str!("../../guest/programs/probe-c/protocol.h");

#[test]
fn protocol_is_the_same_in_c_and_in_rust() {
    let lines = C_PROTOCOL
        .lines()
        .filter_map(|line| line.strip_prefix("#define "));
    let words = lines.filter_map(|line| line.split_once(' '));
    let in_c: Vec<(&str, usize)> = words
        .map(|(name, value)| (name, value.parse().unwrap()))
        .collect();

    let mut in_rust = vec![
        ("DATA_BYTES", DATA_BYTES),
        ("COMMAND_HEADER_BYTES", COMMAND_HEADER_BYTES),
        ("REPLY_HEADER_BYTES", REPLY_HEADER_BYTES),
        ("ARENA_BYTES", ARENA_BYTES),
        ("ARENA_ALIGN", ARENA_ALIGN),
    ];
    in_rust.extend(
        Operation::ALL
            .iter()
            .map(|operation| (operation.name(), *operation as usize)),
    );
    in_rust.push(("STATUS_DONE", Status::Done as usize));
    in_rust.push(("STATUS_NOT_UNDERSTOOD", Status::NotUnderstood as usize));

    assert_eq!(in_c, in_rust);
}

#[test]
fn probes_build() {
    let is_module = |bytes: &[u8]| bytes.starts_with(b"\0asm");
    assert!(is_module(guests::rust_probe()));
    assert!(guests::c_probe().is_none_or(is_module));
}

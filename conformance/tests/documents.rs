//! The numbers in `docs/` are those of `abi`, and no dependency goes unexplained.

use std::collections::BTreeSet;
use std::path::Path;
use usufruct_abi::{Error, NativeCall, Number, PortfolioError, StreamError};

const CALLS: &str = include_str!("../../docs/calls.md");
const DEPENDENCIES: &str = include_str!("../../docs/dependencies.md");

/// Every manifest that names a crate of others.
const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "system-file/Cargo.toml",
    "examples/thumbnail/Cargo.toml",
    "examples/thumbnail/decoder/Cargo.toml",
    "bench/rivals/extism/Cargo.toml",
    "bench/rivals/extism/plugin/Cargo.toml",
    "bench/rivals/wasmtime/Cargo.toml",
    "guest/programs/Cargo.toml",
    "guest/rust/Cargo.toml",
    "machines/x86_64/Cargo.toml",
    "machines/x86_64/kernel/Cargo.toml",
    "machines/x86_64/probe/Cargo.toml",
    "machines/x86_64/rig/Cargo.toml",
    "machines/x86_64/wire/Cargo.toml",
];

/// The rows of the tables of a page: their first two cells, without backticks.
fn rows(page: &str) -> BTreeSet<(String, String)> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = lines.filter_map(|line| {
        let mut cells = line.split('|').map(|cell| cell.trim().replace('`', ""));
        Some((cells.next()?, cells.next()?))
    });
    cells.collect()
}

#[test]
fn every_error_and_call_has_its_number_on_the_page() {
    let rows = rows(CALLS);
    let errors = Error::ALL
        .iter()
        .map(|error| (error.name().to_owned(), error.code().to_string()));
    let words = PortfolioError::ALL.iter().map(|error| {
        let word = format!("0x{:X}", error.code().cast_unsigned());
        (error.name().to_owned(), word)
    });
    let calls = Number::ALL
        .iter()
        .map(|call| (call.name().to_owned(), (*call as u32).to_string()));
    let native_calls = NativeCall::ALL
        .iter()
        .map(|call| (call.name().to_owned(), (*call as u32).to_string()));
    let stream_errors = StreamError::ALL
        .iter()
        .map(|error| (error.name().to_owned(), error.code().to_string()));
    let contracts = errors.chain(words).chain(calls);
    for row in contracts.chain(native_calls).chain(stream_errors) {
        assert!(rows.contains(&row), "docs/calls.md lacks the row {row:?}");
    }
    let is_error = |row: &&(String, String)| row.0.starts_with("SERR_");
    assert_eq!(rows.iter().filter(is_error).count(), Error::ALL.len());
}

/// The crates of others that a manifest names, with a version.
fn strangers(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut lists_dependencies = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            lists_dependencies = line.ends_with("dependencies]");
            continue;
        }
        let Some((name, value)) = line.split_once(" = ") else {
            continue;
        };
        let has_version = value.starts_with('"') || value.contains("version = \"");
        if lists_dependencies && has_version && !value.contains("path = ") {
            names.push(name);
        }
    }
    names
}

#[test]
fn every_dependency_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for path in MANIFESTS {
        let manifest = std::fs::read_to_string(root.join(path)).unwrap();
        for name in strangers(&manifest) {
            let row = format!("| `{name}` ");
            let is_explained = DEPENDENCIES.contains(&row);
            assert!(
                is_explained,
                "docs/dependencies.md has no row for {name}, which {path} names"
            );
            seen += 1;
        }
    }
    assert!(seen > 0, "the manifests name no crate of others");
}

//! The examples in C are built as a person would, and run as their first comment says.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Place;
use usufruct_abi::Number;

/// What the C library has besides the kernel's calls.
const OF_THE_LIBRARY: [&str; 3] = ["AllocMem", "FreeMem", "ScavengeMem"];

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Name and text of each example.
fn examples() -> Vec<(String, String)> {
    let files = fs::read_dir(tree("guest/c/examples")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let mut examples: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "c"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    examples.sort();
    examples
}

#[test]
fn every_call_has_an_example() {
    let all: String = examples().into_iter().map(|(_, text)| text).collect();
    let calls = Number::ALL.iter().map(|number| number.name());
    for call in calls.chain(OF_THE_LIBRARY) {
        let example = format!("example_{call}(");
        assert!(all.contains(&example), "{call} has no {example}...)");
    }
}

/// Whether C can be built for WebAssembly here; a line on standard error if not.
fn has_clang() -> bool {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let has_libc = Path::new("/usr/include/wasm32-wasi/stdio.h").exists();
    let has_all = is_there("clang") && is_there("wasm-ld") && has_libc;
    if !has_all {
        eprintln!(
            "SKIPPED: the examples in C (Debian: apt-get install clang lld wasi-libc \
             libclang-rt-dev-wasm32)"
        );
    }
    has_all
}

#[track_caller]
fn build(source: &str, module: &Path) {
    let output = Command::new("clang")
        .args(["--target=wasm32-wasi", "-std=c11", "-O2"])
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(tree("abi/include"))
        .args([tree(source), tree("guest/c/pages.c")])
        .arg("-o")
        .arg(module)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{source}: {words}");
}

#[test]
fn every_example_does_what_it_says() {
    if !has_clang() {
        return;
    }
    let place = Place::new("c_examples");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_examples");
    let examples = examples();
    for (name, _) in &examples {
        build(
            &format!("guest/c/examples/{name}.c"),
            &folder.join(format!("{name}.wasm")),
        );
    }
    let mut has_run = String::new();
    for (name, text) in &examples {
        let lines = text.lines().filter_map(|line| line.split_once("usufruct "));
        for (_, line) in lines {
            let line = line.trim_end_matches("*/").trim();
            let arguments: Vec<&str> = line.split_whitespace().collect();
            let said = place.usufruct(&arguments);
            assert_eq!((said.err.as_str(), said.code), ("", Some(0)), "{name}");
            has_run += &format!("{line} {}\n", said.out);
        }
    }
    for (name, _) in &examples {
        assert!(has_run.contains(&format!("{name}.wasm")), "{name}");
    }
    assert!(has_run.contains("lender: the text is mine again"));
    assert!(has_run.contains("SERR_INVALID_SMO"));
}

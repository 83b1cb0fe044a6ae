//! The C library's pages and heap, over pages of a process; and that they compile for
//! WebAssembly.

use std::path::{Path, PathBuf};
use std::process::Command;

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// What the compiler says, if it does not make `output`.
fn compile(compiler: &str, sources: &[&str], arguments: &[&str], output: &Path) -> Option<String> {
    let mut command = Command::new(compiler);
    command.args([
        "-std=c11",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
    ]);
    command.args(arguments).arg("-I").arg(tree("abi/include"));
    command.args(sources.iter().map(|source| tree(source)));
    let output = command.arg("-o").arg(output).output();
    let output = output.unwrap_or_else(|cause| panic!("`{compiler}` can not be run: {cause}"));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(words)
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn blocks_and_deliveries_hold_against_a_processs_own_mmu() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_pages");
    let sources = ["guest/c/pages.c", "guest/c/tests/pages.c"];
    assert_eq!(compile("cc", &sources, &[], &program), None);
    let output = Command::new(&program).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {words}", output.status);
}

#[test]
fn they_compile_for_webassembly() {
    if Command::new("clang").arg("--version").output().is_err() {
        eprintln!("SKIPPED: the C library for WebAssembly (no clang)");
        return;
    }
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages.o");
    let freestanding = ["--target=wasm32", "-ffreestanding", "-c"];
    assert_eq!(
        compile("clang", &["guest/c/pages.c"], &freestanding, &object),
        None
    );
}

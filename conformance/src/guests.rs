//! Builds the guests for WebAssembly, so that `cargo test` on a machine needs no step before it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The probe in Rust, as a WebAssembly module.
///
/// # Panics
///
/// If it can not be built; cargo's words are in the message.
#[must_use]
pub fn rust_probe() -> &'static [u8] {
    static PROBE: OnceLock<Vec<u8>> = OnceLock::new();
    PROBE.get_or_init(|| in_rust("usufruct-probe", "wasm32-unknown-unknown", "usufruct_probe"))
}

/// The tasks that use the Rust library's pages, as a WebAssembly module that wants WASI; its
/// first argument says which. (`guest/programs/pages`)
///
/// # Panics
///
/// If it can not be built; cargo's words are in the message.
#[must_use]
pub fn rust_page_guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    GUEST.get_or_init(|| {
        in_rust(
            "usufruct-page-guest",
            "wasm32-wasip1",
            "usufruct-page-guest",
        )
    })
}

fn in_rust(package: &str, machine: &str, file: &str) -> Vec<u8> {
    let target = root().join("target/guests");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--locked", "--release"]);
    cargo.args(["--package", package, "--target", machine]);
    cargo
        .arg("--manifest-path")
        .arg(programs().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    // Flags meant for the program that runs the tests, such as those of a sanitizer.
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut cargo);
    read(
        &target
            .join(machine)
            .join("release")
            .join(file)
            .with_extension("wasm"),
    )
}

/// The probe in C, as a WebAssembly module; `None`, with a line on standard error, where there
/// is no clang.
///
/// # Panics
///
/// If clang is there and can not build it.
#[must_use]
pub fn c_probe() -> Option<&'static [u8]> {
    static PROBE: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let probe = PROBE.get_or_init(|| {
        let arguments = [
            "--target=wasm32",
            "-nostdlib",
            "-Wl,--no-entry",
            "-Wl,-z,stack-size=65536",
        ];
        in_c("probe", &arguments, &["guest/programs/probe-c/probe.c"])
    });
    probe.as_deref()
}

/// The tasks that use the C library's pages, as a WebAssembly module that wants WASI; its first
/// argument says which. `None`, with a line on standard error, where it can not be built.
/// (`guest/c/tests/task.c`)
///
/// # Panics
///
/// If clang and wasi-libc are there and can not build it.
#[must_use]
pub fn c_page_guest() -> Option<&'static [u8]> {
    static GUEST: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let guest = GUEST.get_or_init(|| {
        if !Path::new("/usr/include/wasm32-wasi/stdio.h").exists() {
            eprintln!("SKIPPED: pages in C (no wasi-libc; Debian: apt-get install wasi-libc)");
            return None;
        }
        let arguments = ["--target=wasm32-wasi", "-mbulk-memory"];
        let sources = ["guest/c/tests/task.c", "guest/c/pages.c"];
        in_c("pages", &arguments, &sources)
    });
    guest.as_deref()
}

fn in_c(name: &str, arguments: &[&str], sources: &[&str]) -> Option<Vec<u8>> {
    let Some(clang) = clang() else {
        eprintln!(
            "SKIPPED: the {name} in C (no clang with wasm-ld; Debian: apt-get install clang lld)"
        );
        return None;
    };
    let folder = root().join("target/guests");
    std::fs::create_dir_all(&folder).expect("target/guests can be made");
    // One file per process: tests of several machines may build at once.
    let module = folder.join(format!("{name}-c.{}.wasm", std::process::id()));
    let mut command = Command::new(clang);
    command.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]);
    command
        .args(arguments)
        .arg("-I")
        .arg(root().join("abi/include"))
        .args(sources.iter().map(|source| root().join(source)))
        .arg("-o")
        .arg(&module);
    run(&mut command);
    let bytes = read(&module);
    // The bytes are in memory; a file left behind would only take room.
    let _ = std::fs::remove_file(&module);
    Some(bytes)
}

/// A clang that can link WebAssembly.
fn clang() -> Option<&'static str> {
    let answers = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|out| out.status.success())
    };
    let linker = ["wasm-ld", "wasm-ld-14"]
        .iter()
        .any(|program| answers(program));
    ["clang", "clang-14"]
        .into_iter()
        .find(|program| linker && answers(program))
}

/// The project's top folder.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn programs() -> PathBuf {
    root().join("guest/programs")
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|cause| panic!("cannot run {command:?}: {cause}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{words}");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|cause| panic!("cannot read {}: {cause}", path.display()))
}

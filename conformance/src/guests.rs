//! Builds the probes for WebAssembly, so that `cargo test` on a machine needs no step before it.

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
    PROBE.get_or_init(|| {
        let manifest = programs().join("Cargo.toml");
        let target = root().join("target/guests");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "usufruct-probe",
        ]);
        cargo.args(["--target", "wasm32-unknown-unknown"]);
        cargo
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target);
        // Flags meant for the program that runs the tests, such as those of a sanitizer.
        cargo
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        run(&mut cargo);
        read(&target.join("wasm32-unknown-unknown/release/usufruct_probe.wasm"))
    })
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
        let Some(clang) = clang() else {
            eprintln!(
                "SKIPPED: the probe in C (no clang with wasm-ld; Debian: apt-get install clang lld)"
            );
            return None;
        };
        let folder = root().join("target/guests");
        std::fs::create_dir_all(&folder).expect("target/guests can be made");
        // One file per process: tests of several machines may build at once.
        let module = folder.join(format!("probe-c.{}.wasm", std::process::id()));
        let mut command = Command::new(clang);
        command.args([
            "--target=wasm32",
            "-std=c11",
            "-O2",
            "-nostdlib",
            "-Wall",
            "-Wextra",
            "-Werror",
        ]);
        command
            .args(["-Wl,--no-entry", "-Wl,-z,stack-size=65536"])
            .arg("-I")
            .arg(root().join("abi/include"));
        command
            .arg(programs().join("probe-c/probe.c"))
            .arg("-o")
            .arg(&module);
        run(&mut command);
        let bytes = read(&module);
        // The bytes are in memory; a file left behind would only take room.
        let _ = std::fs::remove_file(&module);
        Some(bytes)
    });
    probe.as_deref()
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

//! Builds the kernel and the probe, so that `cargo test` needs no step before it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What machines boot: ELF files.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) kernel: PathBuf,
    folder: PathBuf,
}

/// What runs on every seat of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The conformance suite's.
    Probe,
    /// The same in C.
    ProbeInC,
    /// Fights over pages.
    Duelist,
    /// Counts instructions.
    Meter,
    /// Does what its arguments say; for systems.
    Actor,
}

impl Programs {
    pub(crate) fn path(&self, program: Program) -> PathBuf {
        self.folder.join(match program {
            Program::Probe => "probe",
            Program::ProbeInC => return probe_in_c(&self.folder),
            Program::Duelist => "duelist",
            Program::Meter => "meter",
            Program::Actor => "actor",
        })
    }
}

/// Kernel and programs, built when first asked for.
///
/// # Panics
///
/// If they can not be built; cargo's words are in the message.
pub(crate) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        // A folder of their own: the one of the tests may be locked by who runs them.
        let target = workspace.join("target/bare");
        build(
            (&workspace.join("Cargo.toml"), &target),
            &["--package", KERNEL, "--package", "usufruct-x86_64-probe"],
        );
        let library = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../guest/rust/Cargo.toml"
        ));
        build(
            (library, &target),
            &["--features", "program", "--example", "threads"],
        );
        let built = target.join(TRIPLE).join("release");
        Programs {
            kernel: built.join(KERNEL),
            folder: built,
        }
    })
}

/// Builds for the bare machine.
///
/// # Panics
///
/// If it can not be done; cargo's words are in the message.
fn build((manifest, target): (&Path, &Path), what: &[&str]) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--locked", "--release", "--target"]);
    cargo.arg(TRIPLE).args(what);
    cargo.arg("--manifest-path").arg(manifest);
    cargo.arg("--target-dir").arg(target);
    // Flags meant for the program that runs the tests, such as those of a sanitizer.
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo
        .output()
        .unwrap_or_else(|cause| panic!("cannot run {cargo:?}: {cause}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cargo:?} failed:\n{words}");
}

/// Where the programs of the tests are, built when first asked for.
///
/// # Panics
///
/// If they can not be built.
#[must_use]
pub fn programs_folder() -> PathBuf {
    programs().folder.clone()
}

const TRIPLE: &str = "x86_64-unknown-none";
const KERNEL: &str = "usufruct-x86_64";

/// The probe in C, built when first asked for.
///
/// # Panics
///
/// If it can not be built; the compiler's words are in the message.
fn probe_in_c(folder: &Path) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let program = folder.join("probe-in-c");
        compile(&program, &["guest/programs/probe-c/probe.c"]);
        program
    };
    BUILT.get_or_init(build).clone()
}

/// Builds a program in C for the bare machine, from sources that the repository's root has, and
/// from what such programs have in place of a C library.
///
/// # Panics
///
/// If it can not be built; the compiler's words are in the message.
pub fn compile(program: &Path, sources: &[&str]) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]);
    compiler.args([
        "-ffreestanding",
        "-fno-stack-protector",
        "-fstack-clash-protection",
        "-fcf-protection=none",
    ]);
    compiler.args(["-nostdlib", "-static", "-no-pie", "-fno-pic"]);
    compiler.args(["-Wl,-zmax-page-size=4096", "-Wl,--build-id=none"]);
    compiler.arg("-T").arg(root.join("guest/rust/task.ld"));
    for folder in ["abi/include", "guest/c", "guest/c/bare"] {
        compiler.arg("-I").arg(root.join(folder));
    }
    for source in sources.iter().chain(&LIBRARY) {
        compiler.arg(root.join(source));
    }
    let output = compiler.arg("-o").arg(program).output();
    let output = output.unwrap_or_else(|cause| panic!("cannot run {compiler:?}: {cause}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler:?} failed:\n{words}");
}

/// What is compiled with every program in C.
const LIBRARY: [&str; 2] = ["guest/c/native.c", "guest/c/bare/text.c"];

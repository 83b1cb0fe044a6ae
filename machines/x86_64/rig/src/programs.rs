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
    /// Fights over pages.
    Duelist,
    /// Counts instructions.
    Meter,
}

impl Programs {
    pub(crate) fn path(&self, program: Program) -> PathBuf {
        self.folder.join(match program {
            Program::Probe => "probe",
            Program::Duelist => "duelist",
            Program::Meter => "meter",
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
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--target",
            TRIPLE,
        ]);
        cargo.args(["--package", KERNEL, "--package", "usufruct-x86_64-probe"]);
        cargo
            .arg("--manifest-path")
            .arg(workspace.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(&target);
        // Flags meant for the program that runs the tests, such as those of a sanitizer.
        cargo
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        let output = cargo
            .output()
            .unwrap_or_else(|cause| panic!("cannot run {cargo:?}: {cause}"));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{cargo:?} failed:\n{words}");
        let built = target.join(TRIPLE).join("release");
        Programs {
            kernel: built.join(KERNEL),
            folder: built,
        }
    })
}

const TRIPLE: &str = "x86_64-unknown-none";
const KERNEL: &str = "usufruct-x86_64";

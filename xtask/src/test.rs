//! Everything that must hold, in one command.

use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::breakages::Breakages;
use crate::step::{self, Steps};
use crate::tools::{self, AARCH64, BARE_METAL, C_GUESTS};
use crate::tree;
use crate::{layers, listings, matrix, source};

/// What is built with wasmtime. Optimised only, so that wasmtime is built once.
const OPTIMISED: [&str; 7] = [
    "usufruct-wasm",
    "usufruct",
    "usufruct-cli",
    "usufruct-bench",
    "plugin-host",
    "ring",
    "word-count",
];
/// What the guest library has for whole programs.
const WHOLE_PROGRAMS: &str = "usufruct-guest/program";
/// What must build without an operating system, and a target that has none.
const FREESTANDING: [&str; 2] = ["usufruct-abi", "usufruct-core"];
const FREESTANDING_TARGET: &str = "x86_64-unknown-none";

/// What of the wasm machine needs no engine.
const ALONE: &str = "usufruct-wasm-alone";
/// What host programs depend on.
const LIBRARY: &str = "usufruct";
const AARCH64_TARGET: &str = "aarch64-unknown-linux-gnu";

/// Run all tests, on every machine that can be had here
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Install the Debian packages that are missing first (as root)
    #[arg(long)]
    install: bool,
    /// Only the tests of one machine
    #[arg(long)]
    machine: Option<Machine>,
    /// Of x86_64: on each of QEMU's machines with 1, 2 and 4 processors, both probes, a long
    /// duel, and the thumbnail beside wasm's; about half an hour
    #[arg(long)]
    all: bool,
}

/// A machine that tests can be run on by themselves.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Machine {
    Sim,
    Wasm,
    #[value(name = "x86_64")]
    Bare,
    /// What of the wasm machine is written for AArch64, under QEMU's user mode
    #[value(name = "aarch64")]
    Arm,
    /// The library for AArch64, in the same way; wasmtime is built for it, which takes half an hour
    #[value(name = "aarch64_library")]
    ArmLibrary,
}

impl Test {
    pub(crate) fn run(&self) -> Result<()> {
        let is_bare = matches!(self.machine, Some(Machine::Bare));
        if self.all && !is_bare {
            bail!("--all is about one machine; say --machine x86_64 too");
        }
        let parts: &[_] = match self.machine {
            Some(Machine::Arm | Machine::ArmLibrary) => &[&AARCH64],
            _ => tools::PARTS,
        };
        if self.install {
            tools::install(parts)?;
        }
        let install_line = tools::install_line(parts);
        if let Some(line) = &install_line {
            eprintln!("some parts will be skipped; to have them all:\n\n    {line}\n");
        }
        let mut steps = Steps::default();
        match self.machine {
            None => everything(&mut steps),
            Some(Machine::Sim) => sim(&mut steps),
            Some(Machine::Wasm) => wasm(&mut steps),
            Some(Machine::Bare) if self.all => matrix::run(&mut steps),
            Some(Machine::Bare) => bare_metal(&mut steps),
            Some(Machine::Arm) => aarch64(&mut steps, &[ALONE]),
            Some(Machine::ArmLibrary) => aarch64(&mut steps, &[ALONE, LIBRARY]),
        }
        let result = steps.finish();
        if let Some(line) = install_line {
            println!("\nparts were SKIPPED; to have them all:\n\n    {line}");
        }
        result
    }
}

fn everything(steps: &mut Steps) {
    steps.check("layers", || layers::check().and_then(|()| source::check()));
    rules(steps);
    wasm(steps);
    steps.check("listings", listings::run);
    for workspace in [tree::GUEST_PROGRAMS, tree::THUMBNAIL, tree::PLUGINS] {
        let mut guests = workspace.cargo("test");
        steps.run(workspace.folder, guests.arg("--locked"));
    }
    let mut bare_guests = tree::THUMBNAIL.cargo("build");
    bare_guests.args(["--locked", "--release", "--target", FREESTANDING_TARGET]);
    steps.run(
        "examples/thumbnail without an operating system",
        &mut bare_guests,
    );
    bare_metal(steps);
    steps.check("breakages of core", || Breakages::default().run());
}

fn sim(steps: &mut Steps) {
    let mut sim = tree::cargo("test");
    steps.run("sim", sim.args(["--locked", "--package", "usufruct-sim"]));
}

/// The crates that no machine is needed for, and sim.
fn rules(steps: &mut Steps) {
    let mut workspace = tree::cargo("test");
    workspace.args(["--locked", "--workspace", "--features", WHOLE_PROGRAMS]);
    for package in OPTIMISED {
        workspace.args(["--exclude", package]);
    }
    steps.run("abi, core, conformance, sim", &mut workspace);

    let mut freestanding = tree::cargo("build");
    freestanding.args(["--locked", "--target", FREESTANDING_TARGET]);
    for package in FREESTANDING {
        freestanding.args(["--package", package]);
    }
    steps.run(
        "abi and core without an operating system",
        &mut freestanding,
    );
    steps.run("pins under loom", &mut loom());
}

/// The tests of core that explore every order of its atomic steps.
pub(crate) fn loom() -> Command {
    let mut loom = tree::cargo("test");
    loom.args(["--locked", "--release", "--package", "usufruct-core"])
        .args(["--lib", "--test", "loom*"])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", tree::target().join("loom"));
    loom
}

fn wasm(steps: &mut Steps) {
    let mut wasm = tree::cargo("test");
    wasm.args(["--locked", "--release"])
        .env("RUSTDOC", tree::root().join("usufruct/tests/rustdoc.sh"));
    for package in OPTIMISED {
        wasm.args(["--package", package]);
    }
    steps.run("wasm, the library, cli, bench, examples", &mut wasm);
    if let Some(problem) = C_GUESTS.problem() {
        steps.skip("the probe in C", &problem);
    }
}

fn bare_metal(steps: &mut Steps) {
    let workspace = tree::BARE_METAL;
    if let Some(problem) = BARE_METAL.problem() {
        return steps.skip(workspace.folder, &problem);
    }
    steps.run(workspace.folder, workspace.cargo("test").arg("--locked"));
    let mut in_c = workspace.cargo("test");
    in_c.args(["--locked", "--test", "suite"]);
    in_c.env("USUFRUCT_X86_64_PROBE", "c");
    steps.run("machines/x86_64, with the probe in C", &mut in_c);
}

/// Tests on AArch64, emulated. Not part of [`everything`]: they want another compiler of C.
fn aarch64(steps: &mut Steps, packages: &[&str]) {
    if let Some(problem) = AARCH64.problem() {
        return steps.skip(AARCH64_TARGET, &problem);
    }
    let mut target = Command::new("rustup");
    target
        .current_dir(tree::root())
        .args(["target", "add", AARCH64_TARGET]);
    steps.run("its standard library", &mut target);
    let mut test = tree::cargo("test");
    test.args(["--locked", "--release", "--target", AARCH64_TARGET])
        .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        )
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
            "qemu-aarch64 -L /usr/aarch64-linux-gnu",
        );
    for package in packages {
        test.args(["--package", package]);
    }
    steps.run(AARCH64_TARGET, &mut test);
}

/// Runs under Miri what it can run: the tests of core, its threads above all, and what of the
/// wasm machine needs no engine.
pub(crate) fn miri() -> Result<()> {
    let core = ["usufruct-core", "--lib", "--test", "loom", "--test", "race"];
    under_miri(&core)?;
    under_miri(&[ALONE, "--lib"])
}

/// Runs tests of one package.
fn under_miri(package: &[&str]) -> Result<()> {
    let mut miri = Command::new("rustup");
    miri.current_dir(tree::root())
        .args(["run", "nightly", "cargo", "miri", "test", "--locked"])
        .arg("--package")
        .args(package)
        .arg("--target-dir")
        .arg(tree::target().join("miri"));
    step::run(&mut miri).map_err(|error| {
        error.context(
            "Miri did not pass; if it is missing: \
             rustup toolchain install nightly --component miri",
        )
    })
}

//! The bare machine's tests on all kinds of it: each of QEMU's machines, with different
//! numbers of processors, both probes, and the thumbnail beside the one of wasm.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail, ensure};

use crate::demo::Demo;
use crate::qemu::{Machine, Qemu};
use crate::step::Steps;
use crate::tools::BARE_METAL;
use crate::tree;

const MACHINES: [Machine; 2] = [Machine::Microvm, Machine::Q35];
const PROCESSORS: [u8; 3] = [1, 2, 4];
/// The tests that go by the environment; others choose their machines themselves.
const STATED: [&str; 5] = ["suite", "random", "duel", "system", "c_examples"];
/// How long two processors fight in the long duel.
const LONG_DUEL_S: &str = "60";

/// Runs them all, on one kind of machine after another.
pub(crate) fn run(steps: &mut Steps) {
    let workspace = tree::BARE_METAL;
    if let Some(problem) = BARE_METAL.problem() {
        return steps.skip(workspace.folder, &problem);
    }
    // On the usual machine, and those that choose theirs.
    steps.run("all tests of the workspace", &mut tests(&[]));
    for (machine, processors) in kinds() {
        let name = format!("{}, {processors} processors", machine.name());
        let mut stated = on(tests(&STATED), machine, processors);
        steps.run(&format!("{name}: tests"), &mut stated);
        let mut in_c = on(tests(&["suite"]), machine, processors);
        in_c.env("USUFRUCT_X86_64_PROBE", "c");
        steps.run(&format!("{name}: suite, probe in C"), &mut in_c);
    }
    let mut duel = on(tests(&["duel"]), Machine::Microvm, 2);
    duel.env("USUFRUCT_X86_64_DUEL_S", LONG_DUEL_S);
    steps.run(&format!("a duel of {LONG_DUEL_S} s"), &mut duel);
    thumbnails(steps);
}

fn kinds() -> impl Iterator<Item = (Machine, u8)> {
    let of = |machine| PROCESSORS.map(|processors| (machine, processors));
    MACHINES.into_iter().flat_map(of)
}

/// These tests of the bare machine, or all of the workspace's.
fn tests(names: &[&str]) -> Command {
    let mut command = tree::BARE_METAL.cargo("test");
    command.args(["--locked", "--no-fail-fast"]);
    for name in names {
        command.args(["--test", name]);
    }
    command
}

fn on(mut command: Command, machine: Machine, processors: u8) -> Command {
    command.env("USUFRUCT_X86_64_MACHINE", machine.name());
    command.env("USUFRUCT_X86_64_PROCESSORS", processors.to_string());
    command
}

/// The thumbnail, with a friendly and with a hostile decoder: always wasm's very picture.
fn thumbnails(steps: &mut Steps) {
    let out = tree::root().join("out");
    let wasm = out.join("wasm.png");
    steps.check("the thumbnail on wasm", || {
        fs::create_dir_all(&out)?;
        let code = Demo::friendly(wasm.clone()).run()?;
        ensure!(code == ExitCode::SUCCESS, "the demo has failed");
        Ok(())
    });
    for (machine, processors) in kinds() {
        let bare = || Qemu::thumbnail_on(machine, processors, out.join("bare.png"));
        let name = format!("{}, {processors} processors: thumbnail", machine.name());
        let same = |qemu: &Qemu| {
            let status = qemu.run()?;
            ensure!(status.success(), "the system has failed: {status}");
            is_same(&wasm, &out.join("bare.png"))
        };
        steps.check(&name, || same(&bare()));
        steps.check(&format!("{name}, hostile"), || same(&bare().hostile()));
    }
}

fn is_same(one: &Path, other: &Path) -> Result<()> {
    if fs::read(one)? != fs::read(other)? {
        bail!("{} and {} differ", one.display(), other.display());
    }
    Ok(())
}

//! The figures beside the rivals: builds them, each in a workspace of its own, and
//! has `usufruct-bench` measure all in one run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::step;
use crate::tree::{self, RIVAL_EXTISM, RIVAL_WASMTIME, Workspace};

const EXTISM_PLUGIN: &str = "usufruct-bench-extism-plugin";
const EXTISM_PLUGIN_TARGET: &str = "wasm32-unknown-unknown";

/// Measure everything beside what one would use instead, and write
/// bench/RESULTS.md and bench/results
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// Write nothing; fail if a ratio is a quarter worse than the recorded one
    #[arg(long)]
    check: bool,
    /// Write nothing; a few rounds of everything, to see that it works
    #[arg(long, conflicts_with = "check")]
    quick: bool,
    /// Beside Extism too, which brings a wasmtime of its own: many minutes to build
    #[arg(long)]
    extism: bool,
    /// Only these sections: copy, calls, tasks, pages, give
    #[arg(long, value_name = "SECTION")]
    only: Vec<String>,
}

impl Bench {
    pub(crate) fn run(&self) -> Result<()> {
        let mut bench = tree::cargo("run");
        bench.args(["--quiet", "--locked", "--release"]).args([
            "--package",
            "usufruct-bench",
            "--",
            "figures",
        ]);
        let how = match (self.check, self.quick) {
            (true, _) => "--check",
            (_, true) => "--quick",
            _ => "--record",
        };
        bench.arg(how);
        for section in &self.only {
            bench.arg("--only").arg(section);
        }
        bench.arg("--wasmtime").arg(program(RIVAL_WASMTIME)?);
        if self.extism {
            bench.arg("--extism").arg(program(RIVAL_EXTISM)?);
            bench.arg("--extism-plugin").arg(extism_plugin()?);
        }
        step::run(&mut bench)
    }
}

/// Builds a rival's program; answers where it is.
fn program(workspace: Workspace) -> Result<PathBuf> {
    step::run(workspace.cargo("build").args(["--locked", "--release"]))?;
    let name = workspace.folder.replace("bench/rivals/", "usufruct-bench-");
    Ok(workspace.built("release").join(name))
}

/// Builds what Extism runs; answers where it is.
fn extism_plugin() -> Result<PathBuf> {
    let mut build = RIVAL_EXTISM.cargo("build");
    build
        .args(["--locked", "--release", "--package", EXTISM_PLUGIN])
        .args(["--target", EXTISM_PLUGIN_TARGET]);
    step::run(&mut build)?;
    let file = EXTISM_PLUGIN.replace('-', "_") + ".wasm";
    let folder = RIVAL_EXTISM.built(EXTISM_PLUGIN_TARGET);
    Ok(folder.join("release").join(file))
}

//! Breaks core on purpose, one patch at a time, and fails if nobody notices.

use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::attempts::{self, CHECKS};
use crate::patch::{Check, Patch, patches_in};
use crate::scratch::Scratch;
use crate::step;

/// A test that runs longer than this has noticed something: it hangs.
const LIMIT_SECONDS: u32 = 900;
/// How `timeout` says that it ended the program.
const TIMED_OUT: i32 = 124;

/// Apply each patch in `breakages/` to a copy of the tree, and fail if the tests
/// that it names do not notice
#[derive(Args, Debug, Default)]
pub(crate) struct Breakages {
    /// Take core's checks out one by one instead, and show that the hostile attempt
    /// that each of them stops then succeeds
    #[arg(long)]
    attempts: bool,

    /// Only the patches with these names
    names: Vec<String>,
}

impl Breakages {
    pub(crate) fn run(&self) -> Result<()> {
        if self.attempts {
            return attempts::run(&self.names);
        }
        let mut patches = patches_in("breakages")?;
        keep_named(&mut patches, &self.names)?;
        let scratch = Scratch::new()?;
        scratch.must_fit(&patches)?;
        // These take longer to try; at least they shall not go stale unnoticed.
        scratch.must_fit(&patches_in(CHECKS)?)?;
        let mut sound: Vec<&Check> = Vec::new();
        for check in patches.iter().flat_map(|patch| &patch.noticed_by) {
            if !sound.contains(&check) {
                must_pass(&scratch, check)?;
                sound.push(check);
            }
        }
        let mut survivors = Vec::new();
        for patch in &patches {
            if survives(&scratch, patch)? {
                survivors.push(patch.name.as_str());
            }
        }
        if !survivors.is_empty() {
            bail!(
                "not noticed by every test that should: {}",
                survivors.join(", ")
            );
        }
        println!("breakages: each was noticed by each test that it names");
        Ok(())
    }
}

/// Leaves only the patches with these names; all of them, if there are no names.
pub(crate) fn keep_named(patches: &mut Vec<Patch>, names: &[String]) -> Result<()> {
    let stranger = |name: &&String| !patches.iter().any(|patch| patch.name == **name);
    if let Some(stranger) = names.iter().find(stranger) {
        let known: Vec<&str> = patches.iter().map(|patch| patch.name.as_str()).collect();
        bail!(
            "there is no patch `{stranger}`; there are {}",
            known.join(", ")
        );
    }
    patches.retain(|patch| names.is_empty() || names.contains(&patch.name));
    Ok(())
}

/// In the unbroken tree the tests pass: else their failure would say nothing.
fn must_pass(scratch: &Scratch, check: &Check) -> Result<()> {
    let mut command = command(scratch, check, &[]);
    let output = command.output()?;
    if !output.status.success() {
        print_output(&output);
        let shown = step::shown(&command);
        bail!("without any breakage, `{shown}` fails already");
    }
    println!("sound      {}", check.arguments.join(" "));
    Ok(())
}

/// Whether one of the tests that should notice `patch` does not.
fn survives(scratch: &Scratch, patch: &Patch) -> Result<bool> {
    let name = &patch.name;
    if patch.noticed_by.is_empty() {
        bail!("`{name}` names no test that should notice it");
    }
    println!("\n{name}: {}", patch.breaks);
    scratch.apply(patch)?;
    let mut survives = false;
    for check in &patch.noticed_by {
        survives |= !notices(scratch, check).with_context(|| format!("with `{name}`"))?;
    }
    scratch.restore()?;
    Ok(survives)
}

fn notices(scratch: &Scratch, check: &Check) -> Result<bool> {
    let build = command(scratch, check, &["--no-run"]).output()?;
    if !build.status.success() {
        print_output(&build);
        bail!("the broken tree does not compile, so it shows nothing");
    }
    let start = Instant::now();
    let output = command(scratch, check, &[]).output()?;
    let seconds = start.elapsed().as_secs_f64();
    let shown = check.arguments.join(" ");
    let verdict = match output.status.code() {
        Some(0) => "SURVIVED",
        Some(TIMED_OUT) => "hangs",
        _ => "noticed",
    };
    println!("{verdict:<10} {shown} ({seconds:.1} s)");
    Ok(!output.status.success())
}

/// The check as a command. `first` goes before the arguments of the tests themselves.
fn command(scratch: &Scratch, check: &Check, first: &[&str]) -> Command {
    let own = check.arguments.iter().position(|word| word == "--");
    let (for_cargo, for_tests) = check
        .arguments
        .split_at(own.unwrap_or(check.arguments.len()));
    let mut command = scratch.cargo(LIMIT_SECONDS);
    command.args(for_cargo).args(first).args(for_tests);
    if check.loom {
        command.env("RUSTFLAGS", "--cfg loom");
    }
    command
}

/// Shows what a command said, after it ended in a way that nobody wanted.
pub(crate) fn print_output(output: &Output) {
    eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
}

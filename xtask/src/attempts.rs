//! Takes core's checks out one by one, and shows that the hostile decoder's attempt
//! that each of them stops then succeeds.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use crate::breakages::{keep_named, print_output};
use crate::demo::{self, PICTURE};
use crate::judge::{self, Attempt, Machine, Outcome, Table, judge, not_stopped};
use crate::patch::{Patch, patches_in};
use crate::scratch::Scratch;
use crate::tree;

/// The patches that take one check out each.
pub(crate) const CHECKS: &str = "breakages/checks";
/// A build of what depends on core.
const BUILD_SECONDS: u32 = 1200;
/// A system whose kernel has been broken may wait for ever.
const RUN_SECONDS: &str = "120";

/// Runs the hostile example once for each check that is taken out.
pub(crate) fn run(names: &[String]) -> Result<()> {
    let attempts = judge::attempts()?;
    let mut patches = patches_in(CHECKS)?;
    refuse_strangers(&attempts, &patches)?;
    keep_named(&mut patches, names)?;

    demo::build_guests()?;
    let scratch = Scratch::new()?;
    scratch.must_fit(&patches)?;
    let sound = hostile_run(&scratch)?;
    let said = said(&sound);
    if !sound.status.success() || !not_stopped(&judge(&attempts, Machine::Wasm, &said)).is_empty() {
        print_output(&sound);
        bail!("with all checks in place, an attempt succeeds or the job fails");
    }
    println!("with all checks in place, every attempt is stopped");

    let mut stopped = Vec::new();
    for patch in &patches {
        stopped.extend(still_stopped(&scratch, patch, &attempts)?);
    }
    if !stopped.is_empty() {
        bail!("still stopped without its check: {}", stopped.join(", "));
    }
    Ok(())
}

/// Each check that an attempt names has a patch, and each patch an attempt.
fn refuse_strangers(attempts: &[Attempt], patches: &[Patch]) -> Result<()> {
    for attempt in attempts {
        let Some(check) = &attempt.check else {
            continue;
        };
        if !patches.iter().any(|patch| patch.name == *check) {
            bail!(
                "attempt `{}`: {CHECKS}/{check}.patch is missing",
                attempt.name
            );
        }
    }
    for patch in patches {
        let named = |attempt: &Attempt| attempt.check.as_ref() == Some(&patch.name);
        if !attempts.iter().any(named) {
            bail!("no attempt names the check `{}`", patch.name);
        }
    }
    Ok(())
}

/// The names of those attempts that fail although what stops them is gone.
fn still_stopped(scratch: &Scratch, patch: &Patch, attempts: &[Attempt]) -> Result<Vec<String>> {
    println!("\nwithout the check `{}`: {}", patch.name, patch.breaks);
    scratch.apply(patch)?;
    let output = hostile_run(scratch).with_context(|| format!("without `{}`", patch.name))?;
    scratch.restore()?;

    let said = said(&output);
    let mut rows = judge(attempts, Machine::Wasm, &said);
    rows.retain(|row| row.attempt.check.as_ref() == Some(&patch.name));
    print!("{}", Table(&rows));
    rows.retain(|row| row.outcome != Outcome::Succeeded);
    if !rows.is_empty() {
        print_output(&output);
    }
    Ok(rows.iter().map(|row| row.attempt.name.clone()).collect())
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}\n{err}")
}

/// Builds `usufruct` from the copy, and runs the hostile example with it. What comes
/// of it may be anything: the kernel is broken.
fn hostile_run(scratch: &Scratch) -> Result<Output> {
    let mut build = scratch.cargo(BUILD_SECONDS);
    build.args(["build", "--quiet", "--release", "--locked"]);
    // A check that is gone leaves things unused, which the compiler remarks upon.
    let built = build.args(["--package", "usufruct-cli"]).output()?;
    if !built.status.success() {
        print_output(&built);
        bail!("the broken tree does not compile, so it shows nothing");
    }

    let program: PathBuf = scratch.target().join("release/usufruct");
    let thumbnail = scratch.target().join("thumbnail.png");
    let image = tree::root().join(PICTURE);
    let job = demo::job(&program, true, &image, &thumbnail)?;
    within_limit(&job)
        .output()
        .context("`timeout` can not be run")
}

/// The same command, ended after a while.
fn within_limit(job: &Command) -> Command {
    let mut limited = Command::new("timeout");
    limited
        .args(["--kill-after=5", RUN_SECONDS])
        .arg(Path::new(job.get_program()))
        .args(job.get_args());
    limited
}

//! The long runs, and the page that keeps their last result.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::test;
use crate::tree;

const PAGE: &str = "docs/soak.md";
/// How much of what a run says at its end is kept.
const LINES_KEPT: usize = 12;

/// Run the long tests, and write what came of it to `docs/soak.md`
#[derive(Args, Debug)]
pub(crate) struct Soak {
    /// The seed of the random runs; without it, one from the clock
    #[arg(long)]
    seed: Option<u64>,
}

/// One long run.
struct Run {
    name: &'static str,
    command: Command,
}

impl Soak {
    pub(crate) fn run(&self) -> Result<()> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let seed = self.seed.unwrap_or(since_1970.as_secs());
        let mut page = heading(seed)?;
        let mut failed = Vec::new();
        for run in runs(seed) {
            let name = run.name;
            if !carry_out(run, &mut page)? {
                failed.push(name);
            }
        }
        if !failed.is_empty() {
            bail!("failed, so {PAGE} stays as it was: {}", failed.join(", "));
        }
        fs::write(tree::root().join(PAGE), page).context(PAGE)?;
        println!("the results are in {PAGE}");
        Ok(())
    }
}

fn runs(_seed: u64) -> Vec<Run> {
    vec![Run {
        name: "pins under loom",
        command: test::loom(),
    }]
}

fn heading(seed: u64) -> Result<String> {
    let mut page = String::new();
    let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]))?;
    let date = said(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))?;
    let system = said(Command::new("uname").args(["--kernel-name", "--kernel-release"]))?;
    let processors = std::thread::available_parallelism()?;
    writeln!(page, "# The last long runs\n")?;
    writeln!(page, "Written by `cargo xtask soak --seed {seed}`.\n")?;
    writeln!(page, "- date: {date}\n- commit: {commit}\n- seed: {seed}")?;
    writeln!(page, "- machine: {system}, {processors} processors")?;
    Ok(page)
}

/// What a short command prints.
fn said(command: &mut Command) -> Result<String> {
    let output = command.current_dir(tree::root()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Runs it and writes its section; whether it passed.
fn carry_out(mut run: Run, page: &mut String) -> Result<bool> {
    println!("== {}", run.name);
    let start = Instant::now();
    let output = run.command.stderr(Stdio::inherit()).output()?;
    let seconds = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let kept = lines.len().saturating_sub(LINES_KEPT);
    let end = lines.get(kept..).unwrap_or_default().join("\n");
    writeln!(
        page,
        "\n## {}\n\n{seconds:.0} s.\n\n```text\n{end}\n```",
        run.name
    )?;
    Ok(output.status.success())
}

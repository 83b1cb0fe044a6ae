//! The long runs, and the page that keeps their last result.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::test;
use crate::tools::BARE_METAL;
use crate::tree;

const PAGE: &str = "docs/soak.md";
/// Calls of the random test.
const SIM_CALLS: u64 = 2_000_000;
const WASM_CALLS: u64 = 300_000;
/// How much of what a run says at its end is kept.
const LINES_KEPT: usize = 80;

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

fn runs(seed: u64) -> Vec<Run> {
    let mut runs = hosted_runs(seed);
    match BARE_METAL.problem() {
        None => runs.extend(bare_metal_runs(seed)),
        Some(problem) => eprintln!("SKIPPED: all runs of the bare-metal machine: {problem}"),
    }
    runs
}

/// How long two bare processors fight, in seconds.
const DUEL_S: u64 = 60;
/// Calls of the random test there, each of which goes over an emulated serial line.
const BARE_CALLS: u64 = 20_000;
/// The machines of QEMU's on which the whole suite is run, and their processors.
const BARE_MACHINES: [(&str, &str, &str); 5] = [
    ("The suite on a microvm with one processor", "microvm", "1"),
    ("The suite on a microvm with four", "microvm", "4"),
    ("The suite on a q35 with one", "q35", "1"),
    ("The suite on a q35 with two", "q35", "2"),
    ("The suite on a q35 with four", "q35", "4"),
];

fn bare_metal_runs(seed: u64) -> Vec<Run> {
    let mut duel = bare_metal("duel");
    duel.args(["--", "--nocapture"])
        .env("USUFRUCT_X86_64_DUEL_S", DUEL_S.to_string());
    let mut random = bare_metal("random");
    random
        .env("USUFRUCT_RANDOM_CALLS", BARE_CALLS.to_string())
        .env("USUFRUCT_RANDOM_SEED", seed.to_string());
    let suites = BARE_MACHINES.map(|(name, machine, processors)| {
        let mut command = bare_metal("suite");
        command
            .args(["--", "--quiet"])
            .env("USUFRUCT_X86_64_MACHINE", machine)
            .env("USUFRUCT_X86_64_PROCESSORS", processors);
        Run { name, command }
    });
    let mut runs = vec![
        Run {
            name: "Two bare processors that take rights from each other",
            command: duel,
        },
        Run {
            name: "Random calls on bare processors, against the model",
            command: random,
        },
    ];
    runs.extend(suites);
    runs
}

/// A test of the bare-metal machine.
fn bare_metal(name: &str) -> Command {
    let mut test = tree::BARE_METAL.cargo("test");
    test.args(["--locked", "--test", name]);
    test
}

fn hosted_runs(seed: u64) -> Vec<Run> {
    vec![
        Run {
            name: "The pin protocol's steps in every order within a bound of preemptions, by loom",
            command: test::loom(),
        },
        Run {
            name: "Random calls on sim, against the model",
            command: random_calls("usufruct-sim", SIM_CALLS, seed),
        },
        Run {
            name: "Random calls through the wasm probe, against the model",
            command: random_calls("usufruct-wasm", WASM_CALLS, seed),
        },
        Run {
            name: "Rights taken away from running copies and stores",
            command: bench("hammer"),
        },
        Run {
            name: "A timer and a kill beside busy tasks",
            command: bench("fairness"),
        },
    ]
}

/// The random test of a machine, longer than usual.
fn random_calls(package: &str, calls: u64, seed: u64) -> Command {
    let mut test = tree::cargo("test");
    test.args(["--locked", "--release", "--package", package])
        .args(["--test", "conformance", "random_calls"])
        .args(["--", "--nocapture"])
        .env("USUFRUCT_RANDOM_CALLS", calls.to_string())
        .env("USUFRUCT_RANDOM_SEED", seed.to_string());
    test
}

fn bench(name: &str) -> Command {
    let mut bench = tree::cargo("run");
    bench
        .args(["--locked", "--release", "--package", "usufruct-bench"])
        .args(["--", name]);
    bench
}

fn heading(seed: u64) -> Result<String> {
    let mut page = String::new();
    let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]))?;
    let date = said(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))?;
    let system = said(Command::new("uname").args(["--kernel-name", "--kernel-release"]))?;
    // Without what its builder has added to the number.
    let system = system.split('-').next().unwrap_or_default();
    let processors = std::thread::available_parallelism()?;
    writeln!(page, "# The last long runs\n")?;
    writeln!(
        page,
        "Written by `cargo xtask soak --seed {seed}`; all passed.\n"
    )?;
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

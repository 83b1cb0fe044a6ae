//! Counts of instructions on the bare-metal machine, and beside them on Linux:
//! bench/COUNTS.md.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::linux::Linux;
use crate::step;
use crate::tools::BARE_METAL;
use crate::tree;

/// The file, from the top folder.
const RECORD: &str = "bench/COUNTS.md";
/// The tables stand between these lines; all else is written by hand.
const BEGIN: &str = "<!-- counts -->";
const END: &str = "<!-- end of counts -->";
/// What the line about Linux begins with.
const VERSION_OF_LINUX: &str = "Linux: ";

/// What a user of Linux would do instead: the same work, or the nearest to it.
const BESIDE: [(&str, &str); 15] = [
    ("null call (get_current_task)", "getppid"),
    ("read_mem, 8 B", "process_vm_readv, 8 B"),
    ("read_mem, 64 B", "process_vm_readv, 64 B"),
    ("read_mem, 4 KiB", "process_vm_readv, 4 KiB"),
    (
        "read_mem, 4 KiB, unaligned",
        "process_vm_readv, 4 KiB, unaligned",
    ),
    ("read_mem, 64 KiB", "process_vm_readv, 64 KiB"),
    ("write_mem, 64 B", "process_vm_writev, 64 B"),
    ("page grant + revoke", "mprotect twice, of one page alone"),
    (
        "page grant + revoke",
        "mprotect twice, of one page among others",
    ),
    (
        "first store to a page that was given",
        "SIGSEGV, handler, mprotect, again",
    ),
    (
        "message there and back, two task switches",
        "pipe, there and back",
    ),
    (
        "two task switches by the clock, there and back",
        "two switches by the clock",
    ),
    ("start of a task", "vfork, exec, exit, wait"),
    (
        "exit of a task, until who watches has heard",
        "exit to wait",
    ),
    (
        "forbidden store, until it is reported and who watches has heard",
        "SIGSEGV to wait",
    ),
];

/// Count instructions on the bare-metal machine, and write bench/COUNTS.md
#[derive(Args, Debug)]
pub(crate) struct Counts {
    /// Count the same things on Linux too: fetches Debian's cloud kernel, and boots it
    #[arg(long)]
    linux: bool,
    /// Write nothing, and fail if a count is more than 2 % off what is written there
    #[arg(long, conflicts_with = "linux")]
    check: bool,
}

impl Counts {
    pub(crate) fn run(&self) -> Result<()> {
        if let Some(problem) = BARE_METAL.problem() {
            bail!("the bare-metal machine {problem}");
        }
        if self.check {
            let mut check = tree::BARE_METAL.cargo("test");
            check.args(["--locked", "--package", "usufruct-x86_64-rig"]);
            return step::run(check.args(["--test", "counts", "--", "--nocapture"]));
        }
        let path = tree::root().join(RECORD);
        let old = fs::read_to_string(&path).with_context(|| RECORD.to_owned())?;
        let (head, rest) = old.split_once(BEGIN).context("no begin of the counts")?;
        let (rows, tail) = rest.split_once(END).context("no end of the counts")?;
        let beside = if self.linux {
            Beside::count()?
        } else {
            Beside::recorded(rows)
        };
        let tables = tables(&beside)?;
        for line in tables.lines().filter(|line| !rows.contains(line)) {
            println!("new: {line}");
        }
        fs::write(&path, format!("{head}{BEGIN}\n{tables}{END}{tail}"))?;
        Ok(())
    }
}

/// Counts, and puts it beside Linux.
fn tables(beside: &Beside) -> Result<String> {
    let mut count = tree::BARE_METAL.cargo("run");
    count.args(["--locked", "--package", "usufruct-x86_64-rig"]);
    let counted = step::output(count.args(["--bin", "counts"]))?;
    Ok(format!(
        "| what | least | median |\n| --- | --- | --- |\n{counted}\n\
         Kernel: {}\nCounted with {} by {}.\n\n{}",
        size_of_kernel()?,
        first_line(Command::new("qemu-system-x86_64").arg("--version"))?,
        first_line(Command::new("rustc").arg("--version"))?,
        beside.table(&counted),
    ))
}

/// The counts of Linux.
#[derive(Default)]
struct Beside {
    /// What; least as it is; and without the repairs of processors.
    rows: Vec<[String; 3]>,
    version: String,
}

impl Beside {
    fn count() -> Result<Self> {
        let linux = Linux::prepare()?;
        let usual = linux.count("")?;
        let bold = linux.count("mitigations=off")?;
        let both = usual.into_iter().zip(bold);
        Ok(Self {
            rows: both
                .map(|(usual, bold)| [usual.what, usual.least.to_string(), bold.least.to_string()])
                .collect(),
            version: linux.version,
        })
    }

    /// As an earlier run has written it down.
    fn recorded(tables: &str) -> Self {
        let rows = tables.lines().filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            match cells[..] {
                ["", _, _, what, usual, bold, _, ""] => Some([what, usual, bold]),
                _ => None,
            }
        });
        let version = tables
            .lines()
            .find_map(|line| line.strip_prefix(VERSION_OF_LINUX));
        Self {
            rows: rows.map(|row| row.map(str::to_owned)).collect(),
            version: version.unwrap_or_default().to_owned(),
        }
    }

    /// The second table: what was counted here, beside Linux.
    fn table(&self, counted: &str) -> String {
        let mut table = "| here | least | on Linux | least | mitigations=off | times as many |\n\
             | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
        for (here, there) in BESIDE {
            let start = format!("| {here} | ");
            let row = counted.lines().find_map(|line| line.strip_prefix(&start));
            let least = row
                .and_then(|row| row.split_once(' '))
                .map(|(least, _)| least);
            let linux = self.rows.iter().find(|[what, ..]| what == there);
            if let (Some(least), Some([_, usual, bold])) = (least, linux) {
                let ratio = ratio(usual, least).unwrap_or_default();
                table += &format!("| {here} | {least} | {there} | {usual} | {bold} | {ratio} |\n");
            }
        }
        format!("{table}\n{VERSION_OF_LINUX}{}\n", self.version)
    }
}

fn ratio(usual: &str, least: &str) -> Option<String> {
    let [usual, least]: [f64; 2] = [usual.parse().ok()?, least.parse().ok()?];
    Some(format!("{:.1}", usual / least))
}

/// Code, constants and variables of the kernel, in bytes, as the rig has built it.
fn size_of_kernel() -> Result<String> {
    let kernel = tree::root()
        .join("machines/x86_64/target/bare/x86_64-unknown-none/release/usufruct-x86_64");
    let sections = step::output(Command::new("size").arg("-A").arg(kernel))?;
    let bytes = |name: &str| {
        let line = sections.lines().find(|line| line.starts_with(name));
        let bytes = line.and_then(|line| line.split_whitespace().nth(1));
        bytes.unwrap_or("?").to_owned()
    };
    Ok(format!(
        "{} bytes of code, {} of constants, {} of variables with all tables of boot, {} of stacks.",
        bytes(".text"),
        bytes(".rodata"),
        bytes(".bss"),
        bytes(".stacks"),
    ))
}

fn first_line(command: &mut Command) -> Result<String> {
    let output = step::output(command)?;
    Ok(output.lines().next().unwrap_or_default().to_owned())
}

//! Counts of instructions on the bare-metal machine: bench/COUNTS.md.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step;
use crate::tools::BARE_METAL;
use crate::tree;

/// The file, from the top folder.
const RECORD: &str = "bench/COUNTS.md";
/// The rows stand between these lines; all else is written by hand.
const BEGIN: &str = "<!-- counts -->";
const END: &str = "<!-- end of counts -->";

/// Counts, and writes the table anew; says what has changed.
pub(crate) fn run() -> Result<()> {
    if let Some(problem) = BARE_METAL.problem() {
        bail!("the bare-metal machine {problem}");
    }
    let path = tree::root().join(RECORD);
    let old = fs::read_to_string(&path).with_context(|| RECORD.to_owned())?;
    let (head, rest) = old.split_once(BEGIN).context("no begin of the counts")?;
    let (rows, tail) = rest.split_once(END).context("no end of the counts")?;
    let mut count = tree::BARE_METAL.cargo("run");
    count.args([
        "--locked",
        "--package",
        "usufruct-x86_64-rig",
        "--bin",
        "counts",
    ]);
    let counted = output(&mut count)?;
    let kernel = size_of_kernel()?;
    let table = format!(
        "{BEGIN}\n| what | least | median |\n| --- | --- | --- |\n{counted}\n\
         Kernel: {kernel}\nCounted with {} by {}.\n{END}",
        output(Command::new("qemu-system-x86_64").arg("--version"))?
            .lines()
            .next()
            .unwrap_or_default(),
        output(Command::new("rustc").arg("--version"))?.trim(),
    );
    for line in table.lines().filter(|line| !rows.contains(line)) {
        println!("new: {line}");
    }
    fs::write(&path, format!("{head}{table}{tail}"))?;
    Ok(())
}

/// Code, constants and variables of the kernel, in bytes, as the rig has built it.
fn size_of_kernel() -> Result<String> {
    let kernel = tree::root()
        .join("machines/x86_64/target/bare/x86_64-unknown-none/release/usufruct-x86_64");
    let sections = output(Command::new("size").arg("-A").arg(kernel))?;
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

fn output(command: &mut Command) -> Result<String> {
    let shown = step::shown(command);
    let output = command.output().with_context(|| format!("`{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}`: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

//! `RESULTS.md`: one section for each command, the last run of each.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

const HEAD: &str = "# Results\n\nEach section is the last recorded run of one command.\n";

/// Replaces the section `title`, or adds it.
pub(crate) fn record(title: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    let old = fs::read_to_string(&path).unwrap_or_else(|_| HEAD.to_owned());
    let heading = format!("\n## {title}\n");
    let section = format!("{heading}\n{}\n{text}", circumstances());
    let new = match old.split_once(&heading) {
        None => format!("{old}{section}"),
        Some((before, rest)) => {
            let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
            format!("{before}{section}{after}")
        }
    };
    fs::write(&path, new).map_err(|error| format!("{} can not be written: {error}", path.display()))
}

/// Where, what and how: the machine, how busy it is, the commit, the command line.
fn circumstances() -> String {
    let arguments: Vec<String> = env::args().skip(1).collect();
    format!(
        "- machine: {}\n- system: {}\n- load, mean of a minute, this included: {}\n- commit: {}\n- command: `cargo run --release -p usufruct-bench -- {}`\n",
        processor(),
        run(Command::new("uname").arg("-sr")),
        load(),
        commit(),
        arguments.join(" "),
    )
}

/// How many threads want a processor.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The commit, and whether what is measured has been changed since.
fn commit() -> String {
    let measured = [
        "diff",
        "--quiet",
        "HEAD",
        "--",
        "../abi",
        "../core",
        "../machines/wasm",
        "src",
    ];
    let is_changed = !git()
        .args(measured)
        .status()
        .is_ok_and(|status| status.success());
    let commit = run(git().args(["rev-parse", "--short=12", "HEAD"]));
    if is_changed {
        format!("{commit}, with changes")
    } else {
        commit
    }
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(env!("CARGO_MANIFEST_DIR"));
    git
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut names = info
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    match names.next() {
        Some((_, name)) => format!("{name}, {count} processors"),
        None => format!("unknown, {count} processors"),
    }
}

/// What a program prints; `unknown` if it does not run here.
fn run(command: &mut Command) -> String {
    match command.output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}

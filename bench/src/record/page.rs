//! `RESULTS.md`: a heading and a table for each section, as the last run had it.
//! What stands in other sections is written by hand.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use super::file;
use crate::figure::{Case, Figure, Role, Section};
use crate::goal::{self, factor};
use crate::words::{Table, amount};

const PAGE: &str = "RESULTS.md";

/// Replaces the section of that name, or adds it.
pub(super) fn write(section: &Section, has_picture: bool) -> Result<(), String> {
    let path = file(PAGE);
    let failed = |error| format!("{} can not be written: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(failed)?;
    let name = section.name;
    let heading = format!("\n## {name}\n");
    let picture = if has_picture {
        format!("\n![medians, by size](results/{name}.svg)\n")
    } else {
        String::new()
    };
    let text = text(section);
    let circumstances = circumstances();
    let section = format!("{heading}\n{circumstances}\n{text}{picture}");
    let new = match old.split_once(&heading) {
        None => format!("{old}{section}"),
        Some((before, rest)) => {
            let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
            format!("{before}{section}{after}")
        }
    };
    fs::write(&path, new).map_err(failed)
}

/// A section for people: what was done, the goals, the figures.
pub(crate) fn text(section: &Section) -> String {
    let goals = goal::table(section);
    let goals = goals.map_or(String::new(), |goals| format!("{goals}\n"));
    format!("{}\n\n{goals}{}", section.about, figures(section))
}

/// One row a figure, or, where cases are sizes, one row a size.
fn figures(section: &Section) -> Table {
    if section
        .figures
        .iter()
        .all(|figure| matches!(figure.case, Case::Bytes(_)))
    {
        return by_size(section);
    }
    let mut table = Table::new(&["case", "what", "median", "least", "times the floor"]);
    for figure in &section.figures {
        let spread = figure.spread();
        let ratio = section.ratio(figure).map_or(String::new(), factor);
        let [median, least] = [spread.median, spread.least].map(|value| amount(value, figure.unit));
        table.row(&[figure.case.to_string(), name(figure), median, least, ratio]);
    }
    table
}

fn by_size(section: &Section) -> Table {
    let mut whats: Vec<&Figure> = Vec::new();
    let mut cases: Vec<&Case> = Vec::new();
    for figure in &section.figures {
        if !whats.iter().any(|known| known.what == figure.what) {
            whats.push(figure);
        }
        if !cases.contains(&&figure.case) {
            cases.push(&figure.case);
        }
    }
    let heads = whats.iter().map(|figure| name(figure));
    let heads: Vec<String> = ["size".to_owned()].into_iter().chain(heads).collect();
    let mut table = Table::new(&heads);
    for case in cases {
        let cells = whats.iter().map(|what| {
            let figure = section.figure(case, &what.what);
            figure.map_or(String::new(), |figure| cell(section, figure))
        });
        let row: Vec<String> = [case.to_string()].into_iter().chain(cells).collect();
        table.row(&row);
    }
    table
}

fn cell(section: &Section, figure: &Figure) -> String {
    let median = amount(figure.spread().median, figure.unit);
    match section.ratio(figure) {
        Some(ratio) => format!("{median}, {}", factor(ratio)),
        None => median,
    }
}

/// What is ours stands out.
fn name(figure: &Figure) -> String {
    match figure.role {
        Role::Ours => format!("**{}**", figure.what),
        Role::Floor | Role::Rival => figure.what.clone(),
    }
}

/// Where, what and how: the machine, how busy it is, the commit, the command line.
fn circumstances() -> String {
    format!(
        "- machine: {}\n- system: {}\n- load, mean of a minute, this included: {}\n- commit: {}\n- command: `{}`\n",
        processor(),
        system(),
        load(),
        commit(),
        chore(),
    )
}

/// The chore as one would type it, which has called with more than that.
fn chore() -> String {
    let mut words = vec!["cargo xtask bench".to_owned()];
    let mut arguments = env::args();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--extism" => words.push(argument),
            "--only" => words.extend([argument].into_iter().chain(arguments.next())),
            _ => {}
        }
    }
    words.join(" ")
}

/// How many threads want a processor.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The commit, and whether what is measured has been changed since.
/// The system, without what its builder has added to the number.
fn system() -> String {
    let said = run(Command::new("uname").arg("-sr"));
    said.split('-').next().unwrap_or_default().to_owned()
}

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
    git.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
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

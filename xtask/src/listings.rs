//! Every listing in the documents has something that runs it, and this fails for one that has
//! not. Commands are read by the programs that they name (`shell.rs`), those of some documents
//! are carried out; what else is run, a test runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::markdown::{Listing, listings};
use crate::shell::{Shell, typed};
use crate::tools::C_GUESTS;
use crate::{demo, step, tree};

/// What runs a document's listings in one language: all of them, for it takes them out of the
/// document itself.
struct Runner {
    document: &'static str,
    language: &'static str,
    file: &'static str,
    /// What the document is called in that file, between quotes.
    called: &'static str,
}

const fn runner(
    document: &'static str,
    language: &'static str,
    (file, called): (&'static str, &'static str),
) -> Runner {
    Runner {
        document,
        language,
        file,
        called,
    }
}

const RUNNERS: [Runner; 7] = [
    runner(
        "usufruct/README.md",
        "rust",
        ("usufruct/src/lib.rs", "../README.md"),
    ),
    runner(
        "usufruct/tests/misuse.md",
        "compile_fail",
        ("usufruct/src/here/mod.rs", "../../tests/misuse.md"),
    ),
    runner(
        "README.md",
        "rust",
        ("usufruct/tests/listings.rs", "../README.md"),
    ),
    runner("README.md", "c", (IN_CLI, "README.md")),
    runner("docs/calls.md", "c", (IN_CLI, "docs/calls.md")),
    runner("guest/c/README.md", "c", (IN_CLI, "guest/c/README.md")),
    runner(
        "docs/system-file.md",
        "toml",
        (IN_CLI, "docs/system-file.md"),
    ),
];

const IN_CLI: &str = "cli/tests/listings.rs";

/// Documents whose commands are carried out, one document after the other, as a reader would.
const WALKED: [&str; 4] = [
    "examples/plugin_host/README.md",
    "examples/ring/README.md",
    "examples/word_count/README.md",
    "guest/c/README.md",
];

/// What a walk finds done: the tools are there, and `usufruct` is on the search path.
const DONE: &str = r#"
apt-get() { :; }
cargo() { if [ "$1" = install ]; then :; else command cargo "$@"; fi; }
"#;

/// Documents whose commands are typed in their own folder, not in the top one.
const IN_THEIR_FOLDER: [&str; 1] = ["machines/x86_64/README.md"];

/// Checks every listing, then walks.
pub(crate) fn run() -> Result<()> {
    let usufruct = demo::build_cli()?;
    let mut problems = Vec::new();
    for path in tree::files(".md")? {
        let text = fs::read_to_string(tree::root().join(&path))?;
        problems.extend(problems_in(&path, &text, &usufruct));
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        bail!("a listing has nothing that runs it; see xtask/src/listings.rs");
    }
    for document in WALKED {
        walk(document, &usufruct)?;
    }
    println!("listings: each has something that runs it");
    Ok(())
}

fn problems_in(path: &Path, text: &str, usufruct: &Path) -> Vec<String> {
    let (found, problems) = listings(text);
    let at = |line: usize, what: String| format!("{}:{line}: {what}", path.display());
    let mut said: Vec<String> = problems
        .into_iter()
        .map(|(line, what)| at(line, what.to_owned()))
        .collect();
    for listing in found {
        if let Err(error) = check(path, &listing, usufruct) {
            said.push(at(listing.line, format!("{error:#}")));
        }
    }
    said
}

fn check(path: &Path, listing: &Listing, usufruct: &Path) -> Result<()> {
    let folder = if IN_THEIR_FOLDER.iter().any(|own| path == Path::new(own)) {
        path.parent().unwrap_or(path)
    } else {
        Path::new("")
    };
    let mut shell = Shell::new(&tree::root().join(folder), usufruct);
    match listing.language.as_str() {
        "" => Ok(()),
        "sh" if WALKED.iter().any(|walked| path == Path::new(walked)) => Ok(()),
        "sh" => shell.check(&listing.text),
        // A picture, or what a program says: only what is typed can be wrong by itself.
        "text" => shell.check(&typed(&listing.text)),
        language => has_runner(path, language),
    }
}

fn has_runner(path: &Path, language: &str) -> Result<()> {
    let runner = RUNNERS
        .iter()
        .find(|runner| path == Path::new(runner.document) && runner.language == language)
        .with_context(|| format!("nothing runs listings in `{language}` here"))?;
    let Runner { document, file, .. } = runner;
    let text = fs::read_to_string(tree::root().join(file)).context(*file)?;
    if !text.contains(&format!("\"{}\"", runner.called)) {
        bail!("{file} does not read {document} any more");
    }
    Ok(())
}

/// Carries out a document's commands, in the top folder.
fn walk(document: &str, usufruct: &Path) -> Result<()> {
    if let Some(problem) = C_GUESTS
        .problem()
        .filter(|_| document.starts_with("guest/c"))
    {
        println!("{document} SKIPPED: {problem}");
        return Ok(());
    }
    let text = fs::read_to_string(tree::root().join(document))?;
    let (found, _) = listings(&text);
    let commands = found.iter().filter(|listing| listing.language == "sh");
    let script: String = commands.map(|listing| listing.text.as_str()).collect();
    println!("walking {document}:\n{script}");
    let mut bash = Command::new("bash");
    bash.current_dir(tree::root())
        .env("PATH", path_with(usufruct)?)
        .args(["-euc", &format!("{DONE}{script}")]);
    step::run(&mut bash).with_context(|| document.to_owned())
}

/// The search path with the folder of `program` in front.
fn path_with(program: &Path) -> Result<std::ffi::OsString> {
    let own: PathBuf = program.parent().context("it is in a folder")?.to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(
        [own].into_iter().chain(std::env::split_paths(&path)),
    )?)
}

#[cfg(test)]
mod tests {
    use super::problems_in;
    use std::path::Path;

    fn said(path: &str, text: &str) -> String {
        problems_in(Path::new(path), text, Path::new("cargo")).join("\n")
    }

    #[test]
    fn a_listing_that_nothing_runs_is_found() {
        let rust = "```rust\nfn main() {}\n```\n";
        assert_eq!(said("usufruct/README.md", rust), "");
        assert!(said("docs/calls.md", rust).contains("docs/calls.md:1: nothing runs"));
        assert!(said("new.md", "a\n\n```wat\n(module)\n```\n").contains("new.md:3: nothing runs"));
        assert!(said("new.md", "a\n\n    cargo xtask demo\n").contains("new.md:3: "));
        assert!(said("new.md", "```sh\ncargo xtask dance\n```\n").contains("dance"));
        assert!(said("new.md", "```text\n$ cargo xtask dance\n```\n").contains("dance"));
        assert_eq!(said("new.md", "```text\ncargo xtask dance\n```\n"), "");
    }
}

//! The commands of a listing: is there such a program, such an option, such a folder?
//! They are put to the very parsers that would read them.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser as _;

use crate::tools::BARE_METAL;
use crate::{Cli, step, tools, tree};

/// Where a listing's commands are typed.
pub(crate) struct Shell {
    folder: PathBuf,
    /// Folders that an earlier command of the listing has made.
    made: Vec<PathBuf>,
    /// The command `usufruct`.
    usufruct: PathBuf,
}

/// The simple commands of a listing, as words.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(|line| match line.split_once("# ") {
        Some((command, _)) => command,
        None => line,
    });
    let commands = lines.flat_map(|line| line.split("&&"));
    commands
        .map(|command| {
            let words = command.split_whitespace();
            words
                .map(|word| word.trim_matches(['(', ')']).to_owned())
                .collect()
        })
        .filter(|words: &Vec<String>| !words.is_empty())
        .collect()
}

/// The commands of a transcript: the lines behind a `$`.
pub(crate) fn typed(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

impl Shell {
    /// In the folder of the document that says how it is used there.
    pub(crate) fn new(folder: &Path, usufruct: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            made: Vec::new(),
            usufruct: usufruct.to_owned(),
        }
    }

    /// Checks each command of a listing; nothing runs.
    pub(crate) fn check(&mut self, text: &str) -> Result<()> {
        for words in commands(text) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.check_command(&words)
                .with_context(|| format!("`{}`", words.join(" ")))?;
        }
        Ok(())
    }

    fn check_command(&mut self, words: &[&str]) -> Result<()> {
        match words {
            ["cargo", "xtask", ..] => Cli::try_parse_from(&words[1..])
                .map(drop)
                .map_err(Into::into),
            ["cargo", ..] => {
                packages_exist(words)?;
                parsed(Path::new("cargo"), &words[1..])
            }
            ["usufruct", rest @ ..] => {
                if let ["new", name, ..] = rest {
                    self.made.push(plain(&self.folder.join(name)));
                }
                parsed(&self.usufruct, rest)
            }
            ["cd", folder] => self.enter(folder),
            ["mkdir", "-p", folder] => {
                self.made.push(plain(&self.folder.join(folder)));
                Ok(())
            }
            ["apt-get", "install", packages @ ..] => tools::are_known(packages),
            [qemu @ "qemu-system-x86_64", rest @ ..] => match BARE_METAL.problem() {
                // Asked for help with devices, it reads all of its options and starts nothing.
                None => output_of(Path::new(qemu), rest, &["-device", "help"]),
                Some(problem) => {
                    println!("SKIPPED: the options of {qemu}: {problem}");
                    Ok(())
                }
            },
            [program, ..] if program.contains('/') => self.is_file(program),
            _ => bail!("nothing checks this program; say in xtask/src/shell.rs how"),
        }
    }

    /// What will be built can not be there yet.
    fn enter(&mut self, folder: &str) -> Result<()> {
        let folder = plain(&self.folder.join(folder));
        let is_built = folder.iter().any(|name| name == "target");
        if !folder.is_dir() && !is_built && !self.made.contains(&folder) {
            bail!("there is no folder {}", folder.display());
        }
        self.folder = folder;
        Ok(())
    }

    fn is_file(&self, program: &str) -> Result<()> {
        let path = plain(&self.folder.join(program));
        if !path.is_file() && !path.starts_with(tree::target()) {
            bail!("there is no file {}", path.display());
        }
        Ok(())
    }
}

/// Without `..`: the folders need not be there.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(component);
        }
    }
    plain
}

/// Has a program read its command line and say nothing but how it is used: what stands before
/// `--help` and is no option of its own is an error first.
fn parsed(program: &Path, words: &[&str]) -> Result<()> {
    let own = words.iter().position(|word| *word == "--");
    let (own, _) = words.split_at(own.unwrap_or(words.len()));
    output_of(program, own, &["--help"])
}

fn output_of(program: &Path, words: &[&str], more: &[&str]) -> Result<()> {
    let mut command = Command::new(program);
    command.current_dir(tree::root()).args(words).args(more);
    step::output(&mut command).map(drop)
}

/// What `-p` names is a package of the tree.
fn packages_exist(words: &[&str]) -> Result<()> {
    let behind = words.iter().zip(words.iter().skip(1));
    let named = behind.filter(|(word, _)| ["-p", "--package"].contains(word));
    for (_, package) in named {
        let line = format!("name = \"{package}\"");
        let has = |path: &PathBuf| -> Result<bool> {
            let text = std::fs::read_to_string(tree::root().join(path))?;
            Ok(text.lines().any(|found| found == line))
        };
        let mut manifests = tree::files("Cargo.toml")?.into_iter();
        if !manifests.any(|path| has(&path).unwrap_or(false)) {
            bail!("the tree has no package {package}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Shell, commands, typed};
    use crate::tree;
    use std::path::Path;

    /// Cargo in the place of `usufruct`: its options are not ours.
    fn check(text: &str) -> Result<(), String> {
        let mut shell = Shell::new(tree::root(), Path::new("cargo"));
        shell.check(text).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_listing_falls_into_commands() {
        let text = "(cd a && b c) # d\ne \\\n  f\n\n# g\n";
        let expected = [vec!["cd", "a"], vec!["b", "c"], vec!["e", "f"]];
        assert_eq!(commands(text), expected);
        assert_eq!(typed("$ a b\nc\n$ d\n"), "a b\nd\n");
    }

    #[test]
    fn what_no_parser_takes_is_found() {
        for (text, said) in [
            ("cargo xtask demmo", "demmo"),
            ("cargo xtask demo --friendly", "--friendly"),
            ("cargo xtask counts -- x", "unexpected"),
            ("cargo tset", "tset"),
            ("cargo test -p usufruct-core --lisence", "--lisence"),
            ("cargo test -p usufruct-cor", "no package"),
            ("usufruct build --bogus x", "--bogus"),
            ("cd nowhere", "nowhere"),
            (".ci/walk", "no file"),
            ("apt-get install clang emacs", "emacs"),
            ("gcc -O2", "nothing checks"),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn what_they_take_is_not() {
        check("cargo xtask demo PICTURE --out FILE\n.ci/run\n").unwrap();
        check("cargo test -p usufruct-core --release -- --nocapture").unwrap();
        check("cd .. && usufruct new hello --lib && cd hello && cargo run").unwrap();
        check("mkdir -p some/where && cd some/where\napt-get install clang\n").unwrap();
    }
}

//! A seeded breakage: a patch that takes something out, with the tests that must notice.
//!
//! Above the diff it says so itself, one header a line:
//!
//! ```text
//! Breaks: what is missing when the patch is applied
//! Noticed-by: cargo test ...                  any number of these
//! Noticed-under-loom-by: cargo test ...       the same, in a build for the model checker
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::tree;

/// One patch file.
#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) path: PathBuf,
    /// The file's name without its ending.
    pub(crate) name: String,
    pub(crate) breaks: String,
    pub(crate) noticed_by: Vec<Check>,
}

/// A run of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What follows `cargo`.
    pub(crate) arguments: Vec<String>,
    pub(crate) loom: bool,
}

/// The patches directly in `folder`, by name.
pub(crate) fn patches_in(folder: &str) -> Result<Vec<Patch>> {
    let folder = Path::new(folder);
    let paths = tree::files(".patch")?;
    let paths = paths
        .into_iter()
        .filter(|path| path.parent() == Some(folder));
    let patches: Vec<Patch> = paths.map(|path| read(&path)).collect::<Result<_>>()?;
    if patches.is_empty() {
        bail!("{} holds no patch", folder.display());
    }
    Ok(patches)
}

fn read(path: &Path) -> Result<Patch> {
    let path = tree::root().join(path);
    let text = fs::read_to_string(&path)?;
    let (breaks, noticed_by) = parse(&text).with_context(|| format!("{}", path.display()))?;
    let name = path.file_stem().unwrap_or_default();
    Ok(Patch {
        name: name.to_string_lossy().into_owned(),
        path,
        breaks,
        noticed_by,
    })
}

fn parse(text: &str) -> Result<(String, Vec<Check>)> {
    let mut breaks = None;
    let mut noticed_by = Vec::new();
    for line in text.lines().take_while(|line| !starts_diff(line)) {
        let Some((header, value)) = line.split_once(':') else {
            continue;
        };
        match header {
            "Breaks" => breaks = Some(value.trim().to_owned()),
            "Noticed-by" => noticed_by.push(check(value, false)?),
            "Noticed-under-loom-by" => noticed_by.push(check(value, true)?),
            _ => bail!("`{header}:` is no header of a breakage; see xtask/src/patch.rs"),
        }
    }
    let breaks = breaks.context("`Breaks:` is missing above the diff")?;
    Ok((breaks, noticed_by))
}

fn starts_diff(line: &str) -> bool {
    line.starts_with("diff ") || line.starts_with("--- ")
}

fn check(command: &str, loom: bool) -> Result<Check> {
    let mut words = command.split_whitespace().map(str::to_owned);
    if words.next().as_deref() != Some("cargo") {
        bail!("`{}` does not begin with `cargo`", command.trim());
    }
    let arguments = words.collect();
    Ok(Check { arguments, loom })
}

#[cfg(test)]
mod tests {
    use super::parse;

    const DIFF: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\nNoticed-by: not a header here\n";

    #[test]
    fn headers_stand_above_the_diff() {
        let text = format!(
            "Breaks: the bounds\nNoticed-by: cargo test -p a\n\
             Noticed-under-loom-by: cargo test -p b\n\n{DIFF}"
        );
        let (breaks, checks) = parse(&text).unwrap();
        assert_eq!(breaks, "the bounds");
        let seen: Vec<_> = checks
            .iter()
            .map(|check| (check.arguments.join(" "), check.loom))
            .collect();
        let want = [
            ("test -p a".to_owned(), false),
            ("test -p b".to_owned(), true),
        ];
        assert_eq!(seen, want);
    }

    #[test]
    fn a_patch_must_say_what_it_breaks_in_known_headers() {
        assert!(parse(DIFF).is_err());
        assert!(parse(&format!("Breaks: x\nCaught-by: cargo test\n{DIFF}")).is_err());
        assert!(parse(&format!("Breaks: x\nNoticed-by: make test\n{DIFF}")).is_err());
    }
}

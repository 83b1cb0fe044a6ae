//! A copy of the tree in which things may be broken.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::patch::Patch;
use crate::step;
use crate::tree;

/// Settings that change nothing but the names of what is built. Cargo keeps what the
/// tree and its copy build apart by nothing else than such settings, and must: else
/// the tree would take a broken crate of the copy for its own. Everything in the tree
/// depends on abi, except for xtask.
const MARKS: [&str; 4] = [
    "profile.dev.package.usufruct-abi.codegen-units=255",
    "profile.dev.package.xtask.codegen-units=255",
    "profile.release.package.usufruct-abi.codegen-units=15",
    "profile.release.package.xtask.codegen-units=15",
];

/// The copy. Third-party crates are not built again for it: the folder of
/// intermediate results is the tree's own, and only what comes out is kept apart.
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Held as long as the copy is used: there is one, and it is broken in turn.
    _lock: File,
}

impl Scratch {
    /// A fresh copy of the tree as it is now, uncommitted changes included.
    pub(crate) fn new() -> Result<Self> {
        let parent = tree::target().join("scratch");
        fs::create_dir_all(&parent)?;
        let lock = File::create(parent.join("lock"))?;
        if lock.try_lock().is_err() {
            eprintln!("waiting for another run that breaks things");
            lock.lock()?;
        }
        let scratch = Self {
            folder: parent.join("tree"),
            _lock: lock,
        };
        scratch.restore()?;
        Ok(scratch)
    }

    /// Makes the copy equal to the tree again. What is equal already is not touched,
    /// so that cargo does not build it again.
    pub(crate) fn restore(&self) -> Result<()> {
        let files = project_files()?;
        for file in &files {
            let bytes =
                fs::read(tree::root().join(file)).with_context(|| format!("{}", file.display()))?;
            let copy = self.folder.join(file);
            if fs::read(&copy).is_ok_and(|old| old == bytes) {
                continue;
            }
            fs::create_dir_all(copy.parent().unwrap_or(&self.folder))?;
            fs::write(&copy, bytes)?;
        }
        remove_strangers(&self.folder, &self.folder, &files)
    }

    /// Breaks the copy.
    pub(crate) fn apply(&self, patch: &Patch) -> Result<()> {
        self.git_apply(patch, &[])
    }

    /// Whether all of them can be applied, before time is spent on the first.
    pub(crate) fn must_fit(&self, patches: &[Patch]) -> Result<()> {
        patches
            .iter()
            .try_for_each(|patch| self.git_apply(patch, &["--check"]))
    }

    fn git_apply(&self, patch: &Patch, options: &[&str]) -> Result<()> {
        let mut command = Command::new("git");
        // The copy lies inside a repository; without this, git would look for the
        // patch's paths from that repository's top.
        command
            .env("GIT_CEILING_DIRECTORIES", self.parent())
            .current_dir(&self.folder)
            .arg("apply")
            .args(options)
            .arg(&patch.path);
        step::run(&mut command).with_context(|| {
            let name = &patch.name;
            format!("`{name}` does not fit the tree any more; make the patch anew")
        })
    }

    /// `timeout SECONDS cargo`, in the copy.
    pub(crate) fn cargo(&self, limit_seconds: u32) -> Command {
        let mut command = Command::new("timeout");
        command
            .current_dir(&self.folder)
            .env("CARGO_BUILD_BUILD_DIR", tree::target())
            .env("CARGO_TARGET_DIR", self.target())
            .arg("--kill-after=5")
            .arg(limit_seconds.to_string())
            .arg("cargo");
        for mark in MARKS {
            command.args(["--config", mark]);
        }
        command
    }

    /// Where finished programs of the copy are.
    pub(crate) fn target(&self) -> PathBuf {
        self.parent().join("out")
    }

    fn parent(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }
}

/// The files that git knows or would know, relative to the top folder.
fn project_files() -> Result<BTreeSet<PathBuf>> {
    let listing = Command::new("git")
        .current_dir(tree::root())
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .output()
        .context("git can not be run")?;
    if !listing.status.success() {
        bail!("git does not know this tree; breakages need a clone");
    }
    let text = String::from_utf8(listing.stdout)?;
    let names = text.split_terminator('\0').map(PathBuf::from);
    // A file that was deleted, but not from the index, is listed too.
    Ok(names
        .filter(|name| tree::root().join(name).is_file())
        .collect())
}

/// Removes what is in the copy and not in the tree.
fn remove_strangers(top: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_strangers(top, &path, files)?;
        } else if !files.contains(path.strip_prefix(top)?) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

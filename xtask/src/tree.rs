//! The project's tree: where it is, which files belong to it, and how its parts are built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The top folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
}

/// `cargo SUBCOMMAND`, in the top folder.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).arg(subcommand);
    command
}

/// A workspace of its own, beside the main one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace {
    pub(crate) folder: &'static str,
    /// Where it is built, under the top folder's `target`: so one folder holds all
    /// that can be deleted.
    target: &'static str,
}

/// The programs of the example, which run in tasks.
pub(crate) const THUMBNAIL: Workspace = Workspace {
    folder: "examples/thumbnail",
    target: "thumbnail",
};
/// The plug-ins of the example, which run in tasks.
pub(crate) const PLUGINS: Workspace = Workspace {
    folder: "examples/plugin_host/plugins",
    target: "plugins",
};
/// The programs of the tests, which run in tasks.
pub(crate) const GUEST_PROGRAMS: Workspace = Workspace {
    folder: "guest/programs",
    target: "guests",
};
/// The bare-metal machine.
pub(crate) const BARE_METAL: Workspace = Workspace {
    folder: "machines/x86_64",
    target: "x86_64",
};
/// What wasmtime by itself offers, for the figures.
pub(crate) const RIVAL_WASMTIME: Workspace = Workspace {
    folder: "bench/rivals/wasmtime",
    target: "rivals",
};
/// What Extism offers, for the figures. With a wasmtime of its own: it can go by itself.
pub(crate) const RIVAL_EXTISM: Workspace = Workspace {
    folder: "bench/rivals/extism",
    target: "rivals-extism",
};

impl Workspace {
    /// `cargo SUBCOMMAND`, in this workspace.
    pub(crate) fn cargo(self, subcommand: &str) -> Command {
        let mut command = Command::new("cargo");
        command
            .current_dir(root().join(self.folder))
            .arg(subcommand)
            .arg("--target-dir")
            .arg(target().join(self.target));
        command
    }

    /// Where that puts what it builds for a profile or a target.
    pub(crate) fn built(self, folder: &str) -> PathBuf {
        target().join(self.target).join(folder)
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Every file of the tree whose name ends with `ending`, relative to the top folder.
/// Build results and hidden folders are not part of the tree.
pub(crate) fn files(ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(root(), ending, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, ending, found)?;
            }
        } else if name.ends_with(ending) {
            found.push(path.strip_prefix(root())?.to_owned());
        }
    }
    Ok(())
}

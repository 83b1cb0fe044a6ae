//! Which crate may see which: dependencies point down, and this checks it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use crate::tree;

/// One row of the picture in `ARCHITECTURE.md`.
struct Layer {
    height: u8,
    folder: &'static str,
    /// All that it may see. `None`: whatever is lower.
    sees: Option<&'static [&'static str]>,
}

const fn layer(height: u8, folder: &'static str) -> Layer {
    Layer {
        height,
        folder,
        sees: None,
    }
}

const fn guest(height: u8, folder: &'static str) -> Layer {
    Layer {
        height,
        folder,
        sees: Some(&["abi", "guest/rust"]),
    }
}

/// Lowest first. A crate sees crates of lower layers, never its neighbours. What lies
/// in one of these folders counts as one: a workspace of its own may have several crates.
const LAYERS: &[Layer] = &[
    layer(0, "abi"),
    guest(1, "guest/rust"),
    layer(1, "core"),
    layer(1, "system-file"),
    guest(2, "guest/programs"),
    layer(3, "conformance"),
    layer(4, "machines/sim"),
    layer(4, "machines/wasm"),
    // The host's side of its tests. It stands first: its folder is in the other's.
    layer(5, "machines/x86_64/rig"),
    layer(4, "machines/x86_64"),
    layer(5, "usufruct"),
    layer(6, "cli"),
    layer(6, "bench"),
    guest(6, "examples/plugin_host/plugins"),
    layer(6, "examples/plugin_host"),
    layer(2, "examples/ring/stream"),
    Layer {
        height: 6,
        folder: "examples/ring/guests",
        sees: Some(&["abi", "guest/rust", "examples/ring/stream"]),
    },
    layer(6, "examples/ring"),
    layer(2, "examples/word_count/counting"),
    Layer {
        height: 6,
        folder: "examples/word_count/mapper",
        sees: Some(&["abi", "guest/rust", "examples/word_count/counting"]),
    },
    layer(6, "examples/word_count"),
    guest(6, "examples"),
    layer(7, "xtask"),
];

/// Crates that depend on nothing that is not in this tree.
const WITHOUT_STRANGERS: &[&str] = &["abi", "core"];
/// What a test may use, and nothing else.
const TESTS_ONLY: &str = "conformance";
/// Crates that are nothing but tests.
const TESTS: &[&str] = &["machines/x86_64/rig"];
/// A dependency that exists only in builds for the model checker.
const LOOM: (&str, &str) = ("cfg(loom)", "loom");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Normal,
    Build,
    Dev,
}

const KINDS: [(&str, Kind); 3] = [
    ("dependencies", Kind::Normal),
    ("build-dependencies", Kind::Build),
    ("dev-dependencies", Kind::Dev),
];

struct Dependency {
    package: String,
    kind: Kind,
    /// The `cfg(...)` or target that it is limited to.
    target: Option<String>,
}

struct Crate {
    package: String,
    folder: PathBuf,
    dependencies: Vec<Dependency>,
}

/// Checks every manifest of the tree against the table.
pub(crate) fn check() -> Result<()> {
    let crates = read_crates()?;
    let problems = problems(&crates)?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        bail!("an arrow between crates does not point down; the table is in xtask/src/layers.rs");
    }
    println!("layers: every arrow points down");
    Ok(())
}

fn problems(crates: &[Crate]) -> Result<Vec<String>> {
    let folders: BTreeMap<&str, &Path> = crates
        .iter()
        .map(|one| (one.package.as_str(), one.folder.as_path()))
        .collect();
    let mut problems = Vec::new();
    for one in crates {
        let layer = layer_of(&one.folder)?;
        for dependency in &one.dependencies {
            let problem = match folders.get(dependency.package.as_str()) {
                Some(folder) => arrow_problem(layer, layer_of(folder)?, dependency.kind),
                None => stranger_problem(layer, dependency),
            };
            if let Some(problem) = problem {
                let (package, other) = (&one.package, &dependency.package);
                problems.push(format!("{package} -> {other}: {problem}"));
            }
        }
    }
    Ok(problems)
}

fn layer_of(folder: &Path) -> Result<&'static Layer> {
    LAYERS
        .iter()
        .find(|layer| folder.starts_with(layer.folder))
        .with_context(|| {
            let folder = folder.display();
            format!("{folder} is in no layer; say in xtask/src/layers.rs where it belongs")
        })
}

/// What is wrong with a crate of layer `from` seeing one of layer `to`.
fn arrow_problem(from: &Layer, to: &Layer, kind: Kind) -> Option<String> {
    if from.folder == to.folder {
        return None;
    }
    if to.height >= from.height {
        return Some(format!("{} is not below {}", to.folder, from.folder));
    }
    if let Some(sees) = from.sees
        && !sees.contains(&to.folder)
    {
        return Some(format!("{} may see only {}", from.folder, sees.join(", ")));
    }
    let in_test = kind == Kind::Dev || TESTS.contains(&from.folder);
    (to.folder == TESTS_ONLY && !in_test)
        .then(|| format!("{TESTS_ONLY} is for tests: make it a dev-dependency"))
}

/// What is wrong with a crate of `layer` using a crate from elsewhere.
fn stranger_problem(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let target = dependency.target.as_deref().unwrap_or_default();
    let for_loom = (target, dependency.package.as_str()) == LOOM;
    (WITHOUT_STRANGERS.contains(&layer.folder) && dependency.kind != Kind::Dev && !for_loom)
        .then(|| format!("{} has no dependencies from elsewhere", layer.folder))
}

fn read_crates() -> Result<Vec<Crate>> {
    let mut crates = Vec::new();
    for path in tree::files("Cargo.toml")? {
        let text = fs::read_to_string(tree::root().join(&path))?;
        let manifest: Table = text
            .parse()
            .with_context(|| format!("{}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        crates.extend(read_crate(&manifest, folder));
    }
    Ok(crates)
}

/// The crate of a manifest; none if it only lists the members of a workspace.
fn read_crate(manifest: &Table, folder: &Path) -> Option<Crate> {
    let package = manifest.get("package")?.get("name")?.as_str()?;
    let mut dependencies = dependencies_in(manifest, None);
    if let Some(Value::Table(targets)) = manifest.get("target") {
        for (target, table) in targets {
            let table = table.as_table();
            dependencies.extend(table.into_iter().flat_map(|table| {
                let target = Some(target.as_str());
                dependencies_in(table, target)
            }));
        }
    }
    Some(Crate {
        package: package.to_owned(),
        folder: folder.to_owned(),
        dependencies,
    })
}

fn dependencies_in(table: &Table, target: Option<&str>) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    for (key, kind) in KINDS {
        let Some(Value::Table(listed)) = table.get(key) else {
            continue;
        };
        for (name, details) in listed {
            let renamed = details.get("package").and_then(Value::as_str);
            dependencies.push(Dependency {
                package: renamed.unwrap_or(name).to_owned(),
                kind,
                target: target.map(str::to_owned),
            });
        }
    }
    dependencies
}

#[cfg(test)]
mod tests {
    use super::{Crate, check, problems, read_crate};
    use std::path::Path;

    /// The packages of the tree that the tests speak of.
    const PLACES: [(&str, &str); 6] = [
        ("usufruct-abi", "abi"),
        ("usufruct-core", "core"),
        ("usufruct-conformance", "conformance"),
        ("usufruct-sim", "machines/sim"),
        ("usufruct-wasm", "machines/wasm"),
        ("decoder", "examples/thumbnail/decoder"),
    ];

    /// What is said about `package` with these lines in its manifest.
    fn said(package: &str, lines: &str) -> Vec<String> {
        let crates: Vec<Crate> = PLACES
            .iter()
            .map(|(name, folder)| {
                let own = if *name == package { lines } else { "" };
                let text = format!("[package]\nname = \"{name}\"\n{own}");
                read_crate(&text.parse().unwrap(), Path::new(folder)).unwrap()
            })
            .collect();
        problems(&crates).unwrap()
    }

    #[test]
    fn the_tree_keeps_its_layers() {
        check().unwrap();
    }

    #[test]
    fn an_arrow_up_or_sideways_is_found_in_every_kind_of_table() {
        for table in [
            "dependencies",
            "build-dependencies",
            "dev-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let up = format!("[{table}]\nusufruct-sim.workspace = true");
            assert_eq!(said("usufruct-core", &up).len(), 1, "{table}");
            assert_eq!(said("usufruct-wasm", &up).len(), 1, "{table}");
        }
    }

    #[test]
    fn a_renamed_dependency_is_still_recognised() {
        let renamed = "[dependencies]\nfriend = { package = \"usufruct-wasm\", version = \"1\" }";
        assert_eq!(said("usufruct-sim", renamed).len(), 1);
    }

    #[test]
    fn a_guest_sees_the_words_and_nothing_of_the_kernel() {
        assert_eq!(
            said("decoder", "[dependencies]\nusufruct-core = \"1\"").len(),
            1
        );
        assert!(
            said(
                "decoder",
                "[dependencies]\nusufruct-abi = \"1\"\npng = \"1\""
            )
            .is_empty()
        );
    }

    #[test]
    fn the_suite_is_for_tests_only() {
        let normal = "[dependencies]\nusufruct-conformance.workspace = true";
        let dev = "[dev-dependencies]\nusufruct-conformance.workspace = true";
        assert_eq!(said("usufruct-sim", normal).len(), 1);
        assert!(said("usufruct-sim", dev).is_empty());
    }

    #[test]
    fn core_has_no_strangers_but_the_model_checker() {
        assert_eq!(
            said("usufruct-core", "[dependencies]\nserde = \"1\"").len(),
            1
        );
        assert_eq!(
            said("usufruct-core", "[dependencies]\nloom = \"1\"").len(),
            1
        );
        assert!(said("usufruct-core", "[dev-dependencies]\nproptest = \"1\"").is_empty());
        let loom = "[target.'cfg(loom)'.dependencies]\nloom = \"1\"";
        assert!(said("usufruct-core", loom).is_empty());
    }
}

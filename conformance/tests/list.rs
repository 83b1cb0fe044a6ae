//! The list of scripts is complete.

use std::collections::BTreeSet;
use std::path::Path;
use usufruct_conformance::SCRIPTS;

/// Parts of the crate that are no scripts.
const OTHERS: &[&str] = &[
    "calls",
    "guests",
    "lib",
    "list",
    "memory",
    "model",
    "page_list",
    "pages",
    "random",
    "rig",
    "world",
];

#[test]
fn every_script_is_listed_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut written = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let part = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if !path.is_file() || OTHERS.contains(&part.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub fn ")?.split('<').next());
        written.extend(names.map(|name| format!("{part}::{name}")));
    }

    let all: Vec<String> = SCRIPTS
        .iter()
        .copied()
        .flatten()
        .map(|script| format!("{}::{}", script.part, script.name))
        .collect();
    let listed: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(listed, written);
    assert_eq!(all.len(), listed.len(), "a script is listed twice");
}

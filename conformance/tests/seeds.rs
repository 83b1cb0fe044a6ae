//! `docs/seeds.md` promises a test, or a decision, for each sentence of the two documents
//! that usufruct began with; and the tests that it names exist.

use std::path::Path;
use usufruct_conformance::SCRIPTS;

const SEEDS: &str = include_str!("../../docs/seeds.md");
/// How a row says that there is no test, and why.
const WITHOUT_TEST: &[&str] = &["not yet", "**Decided:**"];

/// Every test that the page names, as `part::script` or `path/of/file.rs::test`.
fn named_tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let in_backticks = text.split('`').skip(1).step_by(2);
    in_backticks.filter_map(|words| words.split_once("::"))
}

fn is_script(part: &str, name: &str) -> bool {
    let scripts = SCRIPTS.iter().copied().flatten();
    scripts
        .filter(|script| script.part == part && script.name == name)
        .count()
        == 1
}

/// Whether a source file has this function, with `#[test]` among the lines above it.
fn is_test(path: &str, name: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let Ok(text) = std::fs::read_to_string(path) else {
        return false;
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let start = format!("fn {name}(");
    let Some(line) = lines.iter().position(|line| line.starts_with(&start)) else {
        return false;
    };
    let attributes = lines[..line].iter().rev();
    attributes
        .take_while(|line| line.starts_with("#["))
        .any(|line| *line == "#[test]")
}

#[test]
fn every_test_that_the_page_names_exists() {
    let strangers: Vec<_> = named_tests(SEEDS)
        .filter(|(place, name)| !is_script(place, name) && !is_test(place, name))
        .collect();
    assert!(strangers.is_empty(), "no such tests: {strangers:#?}");
    assert!(named_tests(SEEDS).count() > 0, "the page names no test");
}

#[test]
fn every_sentence_has_a_test_or_a_decision() {
    let rows = SEEDS.lines().filter_map(|line| line.strip_prefix("| \""));
    let bare: Vec<&str> = rows
        .filter(|row| {
            let (_, answer) = row.split_once("\" |").expect("a sentence, then its answer");
            let is_explained = WITHOUT_TEST.iter().any(|words| answer.contains(words));
            named_tests(answer).next().is_none() && !is_explained
        })
        .collect();
    assert!(bare.is_empty(), "neither tested nor decided: {bare:#?}");
}

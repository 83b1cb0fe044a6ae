//! Rules for the sources that no compiler flag states: where `unsafe` may stand,
//! and where a build for the model checker may differ.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use proc_macro2::{TokenStream, TokenTree};

use crate::tree;

/// Where `unsafe` may stand, and why.
const UNSAFE_ALLOWED: &[(&str, &str)] = &[
    (
        "machines/wasm",
        "copies between memories that guests store to",
    ),
    ("machines/x86_64", "drives the processor"),
    ("guest/rust", "imports the kernel's calls"),
    ("guest/programs", "imports the kernel's calls"),
    ("core/tests/tables.rs", "an allocator that counts"),
    ("core/tests/loom/main.rs", "bytes in which loom sees a race"),
    ("core/tests/race.rs", "bytes in which Miri sees a race"),
    (
        "examples/thumbnail/decoder/src/hostile",
        "pointers that are meant to be wrong",
    ),
    (
        "examples/thumbnail/initializer",
        "an instruction that is meant to be stopped",
    ),
];

/// The one file whose code depends on `cfg(loom)`.
const LOOM_ALLOWED: &str = "core/src/sync.rs";

/// Checks every source file of the tree.
pub(crate) fn check() -> Result<()> {
    let mut problems = Vec::new();
    for path in tree::files(".rs")? {
        let text = fs::read_to_string(tree::root().join(&path))?;
        let found = problems_in(&path, &text).with_context(|| format!("{}", path.display()))?;
        problems.extend(found);
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        bail!("a source file breaks a rule; the rules are in xtask/src/source.rs");
    }
    println!("sources: `unsafe` and `cfg(loom)` stand only where they may");
    Ok(())
}

fn problems_in(path: &Path, text: &str) -> Result<Vec<String>> {
    let tokens: TokenStream = text
        .parse()
        .map_err(|error| anyhow::anyhow!("this is no Rust: {error}"))?;
    let mut found = Found::default();
    found.walk(tokens);

    let unsafe_allowed = UNSAFE_ALLOWED
        .iter()
        .any(|(folder, _)| path.starts_with(folder));
    let loom_allowed = path == Path::new(LOOM_ALLOWED) || is_loom_test(path);
    let path = path.display();
    let mut problems = Vec::new();
    if !unsafe_allowed {
        let lines = found.unsafe_lines.iter();
        problems.extend(lines.map(|line| format!("{path}:{line}: `unsafe` may not stand here")));
    }
    if !loom_allowed {
        let lines = found.loom_lines.iter();
        problems.extend(lines.map(|line| format!("{path}:{line}: `cfg(loom)` is for sync.rs")));
    }
    Ok(problems)
}

/// A test of core under the model checker is compiled for nothing else, and says so.
fn is_loom_test(path: &Path) -> bool {
    path.parent() == Some(Path::new("core/tests"))
        && path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("loom"))
}

/// The lines, from 1, on which something stands.
#[derive(Default)]
struct Found {
    unsafe_lines: Vec<usize>,
    loom_lines: Vec<usize>,
}

impl Found {
    fn walk(&mut self, tokens: TokenStream) {
        let mut after_cfg = false;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if word == "unsafe" {
                        self.unsafe_lines.push(word.span().start().line);
                    }
                    after_cfg = word == "cfg" || word == "cfg_attr";
                }
                // The `!` of `cfg!(...)`.
                TokenTree::Punct(_) => {}
                TokenTree::Group(group) => {
                    if after_cfg && mentions_loom(group.stream()) {
                        self.loom_lines.push(group.span_open().start().line);
                    }
                    after_cfg = false;
                    self.walk(group.stream());
                }
                TokenTree::Literal(_) => after_cfg = false,
            }
        }
    }
}

fn mentions_loom(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "loom",
        TokenTree::Group(group) => mentions_loom(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{check, problems_in};
    use std::path::Path;

    fn count(path: &str, text: &str) -> usize {
        problems_in(Path::new(path), text).unwrap().len()
    }

    #[test]
    fn the_tree_keeps_its_rules() {
        check().unwrap();
    }

    #[test]
    fn unsafe_is_found_in_code_and_only_there() {
        let code = "fn f() { g(unsafe { h() }) }";
        assert_eq!(count("core/src/smo.rs", code), 1);
        assert_eq!(count("machines/wasm/src/copy.rs", code), 0);
        assert_eq!(count("machines/wasmlike/src/copy.rs", code), 1);
        let words = "#![forbid(unsafe_code)] // unsafe\nconst TEXT: &str = \"unsafe\";";
        assert_eq!(count("core/src/lib.rs", words), 0);
        assert_eq!(
            count("cli/src/main.rs", "#[unsafe(no_mangle)] fn f() {}"),
            1
        );
    }

    #[test]
    fn a_loom_switch_is_found_in_every_form() {
        for code in [
            "#[cfg(loom)] mod a {}",
            "#[cfg(not(loom))] mod a {}",
            "#[cfg(all(test, loom))] mod a {}",
            "#[cfg_attr(loom, allow(dead_code))] mod a {}",
            "fn f() -> bool { cfg!(loom) }",
        ] {
            assert_eq!(count("core/src/smo.rs", code), 1, "{code}");
            assert_eq!(count("core/src/sync.rs", code), 0, "{code}");
        }
        assert_eq!(count("core/src/smo.rs", "fn loom() { loom() }"), 0);
    }
}

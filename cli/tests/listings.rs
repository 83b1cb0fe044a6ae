//! The listings of the documents in C and TOML, taken out of them and run.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Place;

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// What stands between the fences of a language.
fn listings(document: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(tree(document)).unwrap();
    let fence = format!("```{language}\n");
    let mut found = Vec::new();
    for rest in text.split(&fence).skip(1) {
        let (listing, _) = rest.split_once("```").expect("a fence is closed");
        found.push(listing.to_owned());
    }
    assert!(!found.is_empty(), "{document} has no listing in {language}");
    found
}

/// Has clang make something of a program; `None`, and a line about it, where there is none.
fn compiled(place: &str, name: &str, program: &str) -> Option<()> {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let has_libc = Path::new("/usr/include/wasm32-wasi/stdio.h").exists();
    if !is_there("clang") || !is_there("wasm-ld") || !has_libc {
        eprintln!(
            "SKIPPED: listings in C (Debian: apt-get install clang lld wasi-libc \
             libclang-rt-dev-wasm32)"
        );
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(place);
    let source = folder.join(format!("{name}.c"));
    fs::write(&source, program).unwrap();
    let output = Command::new("clang")
        .args(["--target=wasm32-wasi", "-std=c11", "-O2", "-Werror", "-I"])
        .arg(tree("abi/include"))
        .arg(&source)
        .arg("-o")
        .arg(folder.join(format!("{name}.wasm")))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}\n{words}");
    Some(())
}

const HEADERS: &str =
    "#include <mem.h>\n#include <sartoris.h>\n#include <serr_name.h>\n#include <string.h>\n";

/// A program around a listing, in which one task is both sides.
fn both_sides(before: &str, listing: &str, after: &str) -> String {
    format!(
        "{HEADERS}int main(void) {{\n\
         static char buffer[4096], here[64];\n\
         int other = get_current_task();\n\
         {before}\n{listing}\n{after}\n}}\n"
    )
}

/// What must hold behind the listings of `README.md`, by a word of each.
const OUTCOMES: [(&str, &str, &str); 2] = [
    (
        "share_mem",
        "memset(buffer + 128, 'x', 64);",
        "return memcmp(here, buffer + 128, 64) != 0 || read_mem(smo, 0, 1, here) != -1 \
         || last_error() != SERR_INVALID_SMO;",
    ),
    (
        "AllocMemBlocks",
        "(void)buffer; (void)here;",
        "return !IsMemOwned(pages, 1 << 20) || IsMemWritable(pages, 1) || pages[(1 << 20) - 1];",
    ),
];

#[test]
fn the_listings_in_c_of_the_first_page_do_what_they_say() {
    let place = Place::new("listings_c");
    for listing in listings("README.md", "c") {
        let (name, before, after) = OUTCOMES
            .into_iter()
            .find(|(word, ..)| listing.contains(word))
            .expect("an outcome is known");
        let program = both_sides(before, &listing, after);
        if compiled("listings_c", name, &program).is_none() {
            return;
        }
        let task = format!("task={name}.wasm");
        let said = place.usufruct(&["run", "--pool", "64MiB", &task]);
        assert_eq!((said.err.as_str(), said.code), ("", Some(0)), "{listing}");
    }
}

#[test]
fn the_prototypes_of_the_pages_are_those_of_the_headers() {
    let _place = Place::new("listings_prototypes");
    for document in ["docs/calls.md", "guest/c/README.md"] {
        let all = listings(document, "c").concat();
        let program = format!("{HEADERS}{all}int main(void) {{ return 0; }}\n");
        if compiled("listings_prototypes", "all", &program).is_none() {
            return;
        }
    }
}

#[test]
fn the_system_of_the_page_about_systems_runs() {
    let program = "(module (memory (export \"memory\") 1) (func (export \"main\")))";
    for listing in listings("docs/system-file.md", "toml") {
        let place = Place::new("listings_toml")
            .with("system.toml", &listing)
            .with("reader.wasm", program)
            .with("in/picture", "")
            .with("out/empty", "");
        let arguments = ["system.toml", "--", "in", "picture"];
        for verb in ["check", "run"] {
            let said = place.usufruct(&[&[verb], &arguments[..]].concat());
            assert_eq!((said.err.as_str(), said.code), ("", Some(0)), "{verb}");
        }
    }
}

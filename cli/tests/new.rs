//! Projects that `usufruct new` makes: they build against this checkout, and their tests pass.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Place;

/// The folder that cargo builds this in.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn checkout() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// Cargo in a project, with what is built already: wasmtime above all.
#[track_caller]
fn cargo(project: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(project)
        .env("CARGO_TARGET_DIR", target())
        // As in this workspace, so that nothing but the project is compiled.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {arguments:?}:\n{out}\n{err}"
    );
}

/// A new project, built and tested; then its system runs.
#[track_caller]
fn works(name: &str, options: &[&str]) {
    let test = format!("project_{name}");
    let place = Place::new(&test);
    let said = place.usufruct(&[&["new", name], options].concat());
    let message = format!(
        "made `{name}`, which depends on the checkout {}\nnext: cd {name} && cargo test && cargo run\n",
        checkout().display()
    );
    assert_eq!((said.out.as_str(), said.err.as_str()), (&*message, ""));
    assert_eq!(said.code, Some(0));

    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test).join(name);
    // The same versions of everything.
    fs::copy(checkout().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    cargo(&project, &["fmt", "--check"]);
    cargo(&project, &["test", "--quiet", "--release", "--offline"]);

    let system = format!("{name}/system.toml");
    assert_eq!(place.usufruct(&["check", &system]).code, Some(0));
    let said = place.usufruct(&["run", &system]);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("8 words\n", ""));
    assert_eq!(said.code, Some(0));
}

#[test]
fn a_project_with_a_guest_in_rust_works() {
    works("new-in-rust", &[]);
    let guest =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("project_new-in-rust/new-in-rust/guest");
    cargo(&guest, &["fmt", "--check"]);
}

#[test]
fn a_project_with_a_guest_in_c_works() {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let has_libc = Path::new("/usr/include/wasm32-wasi/stdio.h").exists();
    if !is_there("clang") || !is_there("wasm-ld") || !has_libc {
        eprintln!(
            "SKIPPED: a project with a guest in C (Debian: apt-get install clang lld wasi-libc \
             libclang-rt-dev-wasm32)"
        );
        return;
    }
    let checkout = checkout().display().to_string();
    works("new_in_c", &["--guest", "c", "--path", &checkout]);
}

/// What is said, and that nothing is made.
#[track_caller]
fn refused(place: &Place, arguments: &[&str], message: &str) {
    let said = place.usufruct(&[&["new"], arguments].concat());
    assert_eq!(said.err, format!("error: {message}\n"));
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
}

#[test]
fn a_project_that_can_not_be_is_refused_with_the_way_out() {
    let place = Place::new("new_refused").with("taken/file", "mine");
    let form = "a name begins with a lower-case letter, and has those, digits, `-` and `_`";
    let use_of_its_own = "Rust or Cargo has another use for this name";
    for (name, cause) in [
        ("", form),
        ("Upper", form),
        ("7up", form),
        ("a/b", form),
        ("../up", form),
        ("with space", form),
        ("naïve", form),
        ("match", use_of_its_own),
        ("usufruct", use_of_its_own),
        ("proc-macro", use_of_its_own),
    ] {
        let help = "help: take another name, such as hello";
        refused(&place, &[name], &format!("`{name}`: {cause}\n{help}"));
    }
    refused(
        &place,
        &["taken"],
        "folder `taken`: File exists (os error 17)\n\
         help: take another name, or go where you may make a folder",
    );
    refused(
        &place,
        &["fine", "--path", "taken"],
        "--path taken: this is no checkout of usufruct: it has no guest/rust/Cargo.toml\n\
         help: name the folder that has usufruct's README.md",
    );
    refused(
        &place,
        &["fine", "--path", "none"],
        "--path none: No such file or directory (os error 2)\nhelp: name a folder",
    );
    assert!(!place.has("fine"));
    assert_eq!(
        place.usufruct(&["new", "fine", "--guest", "go"]).code,
        Some(2)
    );
    assert_eq!(place.usufruct(&["new"]).code, Some(2));
}

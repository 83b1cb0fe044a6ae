//! The example as a person runs it: plug-ins in Rust, in C and by hand, and some
//! that misbehave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const TEXT: &str = "of plug-ins\tand \tother strangers\nin the house";
/// From the middle of `plug` to the end of `strangers`.
const SELECTION: &str = "5..32";

fn example() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{words}");
}

/// The plug-ins in Rust, built; where they are.
fn rust_plugins() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = example().join("../../target/plugins");
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "--release", "--locked"])
            .args(["--target", "wasm32-wasip1", "--target-dir"])
            .arg(&target)
            .current_dir(example().join("plugins"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        run(&mut build);
        target.join("wasm32-wasip1/release")
    })
}

/// The plug-in in C; `None`, and a line about it, where no clang can build it.
fn c_plugin() -> Option<PathBuf> {
    let answers = |program: &str| {
        let output = Command::new(program).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    if !answers("clang") || !answers("wasm-ld") {
        eprintln!(
            "SKIPPED: the plug-in in C (no clang with wasm-ld; Debian: apt-get install clang lld)"
        );
        return None;
    }
    let module = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tidy.wasm");
    let mut clang = Command::new("clang");
    clang
        .args(["--target=wasm32", "-O2", "-nostdlib", "-Wl,--no-entry"])
        .args(["-Wall", "-Wextra", "-Werror", "-I"])
        .arg(example().join("../../abi/include"))
        .arg(example().join("plugins/c/tidy.c"))
        .arg("-o")
        .arg(&module);
    run(&mut clang);
    Some(module)
}

struct Edited {
    code: Option<i32>,
    text: String,
    said: String,
}

/// Has the editor edit [`TEXT`].
fn edit(test: &str, plugins: &[String]) -> Edited {
    let text = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.txt"));
    fs::write(&text, TEXT).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_plugin-host"))
        .arg(text)
        .arg(SELECTION)
        .args(plugins)
        .output()
        .unwrap();
    Edited {
        code: output.status.code(),
        text: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

fn rust(name: &str) -> String {
    rust_plugins().join(name).display().to_string()
}

fn by_hand() -> String {
    example().join("plugins/reverse.wat").display().to_string()
}

#[test]
fn plugins_edit_the_selection_and_nothing_else() {
    let edited = edit("rust", &[rust("title_case.wasm")]);
    assert_eq!(edited.said, "");
    assert_eq!(edited.code, Some(0));
    assert_eq!(
        edited.text,
        "of plug-Ins\tAnd \tOther Strangers\nin the house"
    );

    let edited = edit("twice", &[by_hand(), by_hand()]);
    assert_eq!((edited.code, edited.text.as_str()), (Some(0), TEXT));
    let edited = edit("once", &[by_hand()]);
    assert_eq!(
        edited.text,
        "of plsregnarts rehto\t dna\tsni-gu\nin the house"
    );
}

#[test]
fn a_plugin_in_c_edits_what_one_in_rust_has_edited() {
    let Some(tidy) = c_plugin() else {
        return;
    };
    let edited = edit("c", &[rust("title_case.wasm"), tidy.display().to_string()]);
    assert_eq!(edited.said, "");
    assert_eq!(edited.code, Some(0));
    assert_eq!(
        edited.text,
        "of plug-Ins And  Other Strangers\nin the house"
    );
}

#[test]
fn the_editor_survives_plugins_that_misbehave_and_says_which() {
    let spins = rust("rogue.wasm") + ":spin";
    let traps = rust("rogue.wasm") + ":trap";
    let edited = edit("rogue", &[traps, spins, rust("title_case.wasm")]);
    assert_eq!(edited.code, Some(1));
    assert_eq!(
        edited.text,
        "of plug-Ins\tAnd \tOther Strangers\nin the house"
    );
    for sentence in [
        "rogue says: write to the text: SERR_NO_PERMISSION",
        "rogue says: read the selection: SERR_NO_PERMISSION",
        "rogue says: write behind the selection: SERR_INVALID_SIZE",
        "rogue says: read behind the text: SERR_INVALID_SIZE",
        "rogue says: flood the editor with objects: SERR_TOO_MANY_SMOS",
        "rogue says: write the selection: done",
        "plug-in 'rogue' misbehaved, and its edit is discarded: it trapped",
        "plug-in 'rogue' misbehaved, and its edit is discarded: it was not done after 2 s",
    ] {
        assert!(
            edited.said.contains(sentence),
            "{sentence}\n{}",
            edited.said
        );
    }
    assert!(!edited.said.contains("title_case"), "{}", edited.said);
}

#[test]
fn what_is_no_plugin_is_refused_with_the_reason() {
    let edited = edit("none", &["no such file".to_owned()]);
    assert_eq!(edited.code, Some(2));
    let text = Path::new(env!("CARGO_TARGET_TMPDIR")).join("text.wasm");
    fs::write(&text, "a text").unwrap();
    let edited = edit("text", &[text.display().to_string()]);
    assert_eq!((edited.code, edited.text.as_str()), (Some(1), TEXT));
    assert!(
        edited.said.contains("plug-in 'text' misbehaved"),
        "{}",
        edited.said
    );
}

//! The example as a person runs it, with a text that is small and cut into many pieces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn example() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The mapper, built.
fn mapper() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = example().join("../../target/word_count");
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--locked"])
            .args(["--target", "wasm32-wasip1", "--target-dir"])
            .arg(&target)
            .current_dir(example().join("mapper"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        target.join("wasm32-wasip1/release/mapper.wasm")
    })
}

struct Counted {
    code: Option<i32>,
    printed: String,
    said: String,
}

fn count(mapper: &Path, arguments: &[&str]) -> Counted {
    let output = Command::new(env!("CARGO_BIN_EXE_word-count"))
        .arg(mapper)
        .args(arguments)
        .output()
        .unwrap();
    Counted {
        code: output.status.code(),
        printed: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn tasks_count_what_a_native_process_counts() {
    let counted = count(mapper(), &["--mebibytes", "24", "--rounds", "2"]);
    assert_eq!(counted.code, Some(0), "{}", counted.said);
    for sentence in [
        "24.0 MiB of text in 6 pieces",
        "have counted the same",
        "native",
        "ratio",
    ] {
        assert!(counted.printed.contains(sentence), "{}", counted.printed);
    }
}

#[test]
fn words_are_whole_where_the_text_is_cut() {
    // A piece is four pages; the first seam is in the middle of "extraordinary", and
    // the second piece and the third are parts of one word.
    let mut text = "stone ".repeat(4 * 4096 / 6);
    text.truncate(4 * 4096 - 7);
    text += " extraordinary ";
    text += &"x".repeat(40_000);
    let text = file("seams.txt", text + "\u{e9}t\u{e9} STONE.");
    let counted = count(
        mapper(),
        &[
            "--text",
            text.to_str().unwrap(),
            "--piece-kibibytes",
            "16",
            "--mappers",
            "3",
            "--rounds",
            "3",
        ],
    );
    assert_eq!(counted.code, Some(0), "{}", counted.said);
    assert!(
        counted.printed.contains("in 4 pieces"),
        "{}",
        counted.printed
    );
    assert!(
        counted.printed.contains("1  extraordinary"),
        "{}",
        counted.printed
    );
    assert!(
        counted.printed.contains("2730  stone"),
        "{}",
        counted.printed
    );
}

#[test]
fn a_mapper_that_ends_or_spins_or_talks_nonsense_is_named_and_nothing_hangs() {
    let dies = file(
        "dies.wat",
        r#"(module (memory (export "memory") 1) (func (export "main") unreachable))"#,
    );
    let counted = count(&dies, &["--mappers", "1"]);
    assert_eq!(counted.code, Some(1));
    assert!(
        counted
            .said
            .contains("'mapper 0' does not do its work: it trapped"),
        "{}",
        counted.said
    );

    let spins = file(
        "spins.wat",
        r#"(module (memory (export "memory") 1) (func (export "main") (loop $on (br $on))))"#,
    );
    let counted = count(&spins, &["--mappers", "1", "--patience-seconds", "1"]);
    assert_eq!(counted.code, Some(1));
    assert!(
        counted
            .said
            .contains("'mapper 0' has not done its work, and nothing was heard for 1s"),
        "{}",
        counted.said
    );

    // It says that it has counted a piece that it was never given.
    let lies = file(
        "lies.wat",
        r#"(module (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
          (import "usufruct" "GetPageSize" (func (param i32) (result i32)))
          (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
          (memory (export "memory") 1) (data (i32.const 0) "\01\00\00\00") (data (i32.const 16) "host")
          (func (export "main")
            (drop (call $send (call $find (i32.const 16) (i32.const 4)) (i32.const 0) (i32.const 0)))))"#,
    );
    let counted = count(&lies, &["--mappers", "1"]);
    assert_eq!(counted.code, Some(1));
    assert!(
        counted.said.contains("'mapper 0' says what no mapper says"),
        "{}",
        counted.said
    );
}

#[test]
fn what_can_not_be_counted_is_refused_with_the_reason() {
    let counted = count(Path::new("no such file"), &[]);
    assert_eq!(counted.code, Some(2));
    assert!(
        counted.said.contains("'no such file' can not be read"),
        "{}",
        counted.said
    );
    let counted = count(mapper(), &["--mebibytes", "4096"]);
    assert_eq!(counted.code, Some(2));
    assert!(
        counted.said.contains("the pool holds 1536 MiB"),
        "{}",
        counted.said
    );
    let empty = file("empty.txt", "");
    let counted = count(mapper(), &["--text", empty.to_str().unwrap()]);
    assert_eq!(counted.code, Some(2));
    assert!(
        counted.said.contains("a text has 1 byte"),
        "{}",
        counted.said
    );
}

//! The example as a person runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn example() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Both ends, built; where they are.
fn ends() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = example().join("../../target/ring");
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--locked"])
            .args(["--target", "wasm32-wasip1", "--target-dir"])
            .arg(&target)
            .current_dir(example().join("guests"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        target.join("wasm32-wasip1/release")
    })
}

struct Run {
    code: Option<i32>,
    printed: String,
    said: String,
}

fn ring(consumer: &str, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_ring"))
        .arg(ends().join("producer.wasm"))
        .arg(ends().join(consumer))
        .args(arguments)
        .output()
        .unwrap();
    Run {
        code: output.status.code(),
        printed: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The number behind these words.
fn count(run: &Run, words: &str) -> u32 {
    let (_, behind) = run.printed.split_once(words).expect(words);
    let end = behind.find(|c: char| !c.is_ascii_digit());
    behind[..end.unwrap_or(behind.len())].parse().unwrap()
}

#[test]
fn nothing_is_lost_however_often_the_right_to_write_is_taken() {
    // When an end notices is chance, so other seeds are tried until each way has happened.
    let mut seen = [0; 4];
    for seed in 1..=30 {
        let seed = seed.to_string();
        let length = ["--mebibytes", "64", "--every", "1", "--seed", &seed];
        let run = ring("consumer.wasm", &length);
        assert_eq!(run.code, Some(0), "{} {}", run.printed, run.said);
        assert!(run.printed.contains("nothing lost, nothing doubled"));
        let counts = ["taken: ", "asking, ", "have noticed: ", "started again: "];
        for (seen, words) in seen.iter_mut().zip(counts) {
            *seen += count(&run, words);
        }
        if !seen.contains(&0) {
            return;
        }
    }
    panic!("after asking, without, noticed, ended by a store: {seen:?}");
}

#[test]
fn a_ring_that_is_smaller_than_a_step_and_no_multiple_of_it_works_too() {
    let run = ring(
        "consumer.wasm",
        &["--mebibytes", "1", "--ring-kibibytes", "4", "--every", "1"],
    );
    assert_eq!(run.code, Some(0), "{} {}", run.printed, run.said);
    let run = ring(
        "consumer.wasm",
        &[
            "--mebibytes",
            "32",
            "--ring-kibibytes",
            "100",
            "--every",
            "0",
        ],
    );
    assert_eq!(run.code, Some(0), "{} {}", run.printed, run.said);
    assert_eq!(count(&run, "taken: "), 0);
}

#[test]
fn an_end_that_does_something_else_is_named() {
    // It takes its arguments for its own, and finds the other end where it can not be.
    let run = ring("producer.wasm", &["--mebibytes", "8"]);
    assert_eq!(run.code, Some(1), "{}", run.printed);
    assert!(
        run.said.contains("the consumer does not do its work"),
        "{}",
        run.said
    );
    let run = ring("no such file", &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.said.contains("can not be read"), "{}", run.said);
}

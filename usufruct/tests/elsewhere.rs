//! Where it does not run, one error says so, and no other.

use std::process::Command;

#[test]
fn elsewhere_there_is_one_clear_error() {
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/elsewhere");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--locked", "--package", "usufruct"])
        .args(["--target", "wasm32-wasip1", "--target-dir", target])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("error"))
        .collect();
    // The second is cargo's own, about the first.
    let [sentence, _] = errors[..] else {
        panic!("{said}");
    };
    assert!(
        sentence.contains("usufruct runs on Linux on x86-64 and AArch64 only"),
        "{said}"
    );
}

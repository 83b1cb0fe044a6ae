//! The figures can be measured: a few rounds of everything, whatever they come to.

use std::process::Command;

#[test]
fn every_figure_can_be_measured() {
    let output = Command::new(env!("CARGO_BIN_EXE_usufruct-bench"))
        .args(["figures", "--quick"])
        .output()
        .unwrap();
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{error}");
    for section in ["copy", "calls", "tasks", "pages", "give"] {
        assert!(said.contains(&format!("## {section}\n")), "{said}");
    }
    for figure in [
        "**read_mem**",
        "socket, streamed",
        "**claim_mem**",
        "**hop, two workers**",
        "a process",
        "**store to report**",
        "**revoke**",
        "give, fence and read",
    ] {
        assert!(said.contains(figure), "no {figure}:\n{said}");
    }
    // What has no sample is not a number.
    assert!(!said.contains("NaN"), "{said}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

//! The listing in Rust of the top folder's `README.md`, run: its very lines stand here.

use std::path::Path;
use std::time::Duration;

use usufruct::{Error, Kernel, Permissions, Report};

/// The listing's lines, and what they speak of.
fn listing(name: &str, module: &[u8], document: Vec<u8>) -> Result<Option<Report>, Error> {
    let kernel = Kernel::new()?;
    let task = kernel
        .task(name, &kernel.load(module)?)
        .memory_bytes(16 << 20)
        .spawn()?;
    let text = kernel.host().buffer_of(&document)?;
    let lent = text.share_all(task.id(), Permissions::READ)?;
    let report = task.join_for(Duration::from_secs(2));
    drop(lent);
    Ok(report)
}

#[test]
fn the_listing_works() {
    // It is there as long as it is lent something.
    let waits =
        br#"(module (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
        (import "usufruct" "open_port" (func $open (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "main") (drop (call $open (i32.const 0)))
            (drop (call $wait (i32.const 0) (i32.const -1)))))"#;
    let report = listing("waits", waits, b"a document".to_vec()).unwrap();
    assert!(report.is_none());
}

/// Without comments and white space, with which formatters do as they like.
fn bare(code: &str) -> String {
    let lines = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).collect()
}

#[test]
fn it_is_the_one_in_the_document() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let document = std::fs::read_to_string(document).unwrap();
    let source = bare(include_str!("listings.rs"));
    let mut seen = 0;
    for rest in document.split("```rust\n").skip(1) {
        let (listing, _) = rest.split_once("```").unwrap();
        assert!(source.contains(&bare(listing)), "not here:\n{listing}");
        seen += 1;
    }
    assert!(seen > 0, "no listing");
}

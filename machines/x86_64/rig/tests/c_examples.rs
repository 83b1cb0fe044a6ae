//! The examples in C, which show each call, as programs of the bare machine; and what those
//! have in place of a C library.
#![cfg(qemu)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use usufruct_x86_64_rig::{Ended, Order, Outputs, Setup, compile, pack, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
const PATIENCE: Duration = Duration::from_secs(60);

/// A program's source, from the repository's root, and what is compiled with it.
fn sources(program: &str) -> Vec<String> {
    let folder = if program == "text" {
        "tests"
    } else {
        "examples"
    };
    let mut sources = vec![format!("guest/c/{folder}/{program}.c")];
    if program == "heap" {
        sources.push("guest/c/pages.c".to_owned());
    }
    sources
}

/// A system of tasks, each by its name and its program; what it has written.
fn run_programs(tasks: &[(&str, &str)]) -> String {
    let folder = folder(tasks[0].1);
    let mut text = "[limits]\npool = \"1 MiB\"\n".to_owned();
    for (name, program) in tasks {
        let sources = sources(program);
        let sources: Vec<_> = sources.iter().map(String::as_str).collect();
        compile(&folder.join(program), &sources);
        text += &format!("[[task]]\nname = \"{name}\"\nfile = \"{program}\"\n");
    }
    let path = folder.join("system.toml");
    fs::write(&path, text).unwrap();
    let order = Order {
        path: path.to_str().unwrap().to_owned(),
        arguments: Vec::new(),
        programs: Some(folder),
    };
    let packed = pack(&order).unwrap_or_else(|fault| panic!("{fault}"));
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::stated()
    };
    let mut outputs = Outputs {
        output: Vec::new(),
        errors: Vec::new(),
    };
    let ended = run((&packed, setup), PATIENCE, &mut outputs).unwrap();
    let [output, errors] =
        [outputs.output, outputs.errors].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(ended, Ended::Succeeded, "{tasks:?}: {output}{errors}");
    output
}

/// A folder of this name.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Beside the same program with the host's C library.
#[test]
fn text_is_written_as_a_c_library_does() {
    let program = folder("text").join("hosted");
    let source = Path::new(ROOT).join("guest/c/tests/text.c");
    let built = Command::new("cc")
        .arg(source)
        .arg("-o")
        .arg(&program)
        .status();
    assert!(built.unwrap().success());
    let hosted = Command::new(&program).output().unwrap().stdout;
    assert_eq!(
        run_programs(&[("text", "text")]),
        String::from_utf8(hosted).unwrap()
    );
}

/// Each alone: they look at how much of the pool is free.
#[test]
fn every_example_in_c_is_right() {
    let systems: &[&[(&str, &str)]] = &[
        &[("objects", "objects")],
        &[("tasks", "tasks"), ("other", "tasks")],
        &[("ports", "ports")],
        &[("pages", "pages")],
        &[("heap", "heap")],
        &[("lender", "lender"), ("borrower", "borrower")],
    ];
    let mut outputs: Vec<_> = systems.iter().map(|tasks| run_programs(tasks)).collect();
    let last = outputs.pop().unwrap_or_default();
    let text =
        "borrower: Usufruct: to use what belongs to another, without wasting or destroying it.";
    assert!(last.contains(text), "{last}");
    assert!(last.contains("lender: the text is mine again"), "{last}");
    let gone = "an object that has been claimed: SERR_INVALID_SMO\n";
    assert_eq!(outputs.first().map(String::as_str), Some(gone));

    let files = fs::read_dir(Path::new(ROOT).join("guest/c/examples")).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_run = systems
            .iter()
            .copied()
            .flatten()
            .any(|(_, example)| *example == name);
        let is_source = file.extension().is_some_and(|extension| extension == "c");
        assert!(is_run || !is_source, "nothing runs {name}.c here");
    }
}

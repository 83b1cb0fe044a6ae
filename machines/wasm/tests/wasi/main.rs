//! WASI as tasks meet it: streams that block, bad pointers, files, and pages as
//! buffers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use usufruct_wasm::{Config, Directory, Reason, Report, Spec, System, Task};

mod aborted;
mod buffers;
mod calls;
mod files;
mod streams;

fn system() -> System {
    system_with(2)
}

fn system_with(workers: u32) -> System {
    let mut config = Config::default();
    config.workers = workers;
    System::new(config).unwrap()
}

/// The task's exit status; whatever else ended it is a failed test.
fn status(report: &Report) -> i32 {
    assert_eq!(report.ending.reason, Reason::Exit, "{report}");
    report.ending.status
}

fn a_moment() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A folder of its own for a test, and a task's specification that opens it.
fn place(test: &str) -> (PathBuf, Spec) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    let mut spec = Spec::new(test);
    spec.streams.arguments = vec!["one".to_owned(), "three".to_owned()];
    spec.streams.environment = vec![("A".to_owned(), "b".to_owned())];
    spec.streams.directories.push(Directory {
        host: folder.clone(),
        guest: "/place".to_owned(),
        writable: true,
    });
    (folder, spec)
}

fn start(system: &System, spec: &Spec, module: &str) -> Task {
    let program = system
        .load(module.as_bytes())
        .unwrap_or_else(|error| panic!("{error}\n{module}"));
    let task = system.make(&program, spec).unwrap();
    task.start();
    task
}

//! Real systems on the bare machine: a system file, programs that do what their arguments say
//! (the probe's `actor`), input and output files.
#![cfg(qemu)]

mod at_once;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use usufruct_x86_64_rig::{Ended, Order, Outputs, Packed, Setup, pack, programs_folder, run};

const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of a test's own; gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("usufruct-system.{}.{test}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        for inner in ["in", "out"] {
            fs::create_dir_all(folder.0.join(inner)).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What a system has come to.
#[derive(Debug)]
struct Said {
    ended: Ended,
    output: String,
    errors: String,
}

fn packed(folder: &Folder, text: &str, arguments: &[&str]) -> Packed {
    let path = folder.path("system.toml");
    fs::write(&path, text).unwrap();
    let order = Order {
        path: path.to_str().unwrap().to_owned(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        programs: Some(programs_folder()),
    };
    pack(&order).unwrap_or_else(|fault| panic!("{fault}"))
}

fn run_packed(packed: &Packed, setup: Setup, limit: Duration) -> Said {
    let mut outputs = Outputs {
        output: Vec::new(),
        errors: Vec::new(),
    };
    let ended = run((packed, setup), limit, &mut outputs).unwrap();
    Said {
        ended,
        output: String::from_utf8(outputs.output).unwrap(),
        errors: String::from_utf8(outputs.errors).unwrap(),
    }
}

fn run_system(folder: &Folder, text: &str) -> Said {
    let packed = packed(folder, text, &[]);
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::stated()
    };
    run_packed(&packed, setup, PATIENCE)
}

/// One task that does this, with keys of its own.
fn one_task(acts: &str, keys: &str) -> String {
    format!(
        "[limits]\npool = \"4 MiB\"\n[[task]]\nname = \"one\"\nfile = \"actor\"\nargs = [{acts}]\n{keys}\n"
    )
}

const DIRS: &str =
    r#"dirs = [{ host = "in", guest = "/in" }, { host = "out", guest = "/out", writable = true }]"#;

#[test]
fn files_come_in_and_go_out_byte_for_byte() {
    let folder = Folder::new("files");
    let bytes: Vec<u8> = (0..700_001_u32)
        .map(|at| ((at * 7) >> 3).to_le_bytes()[0])
        .collect();
    fs::write(folder.path("in/a"), &bytes).unwrap();
    fs::write(folder.path("in/empty"), b"").unwrap();
    fs::write(
        folder.path("out/b"),
        b"of an earlier run, and longer than nothing",
    )
    .unwrap();
    let acts = r#""copy", "/in/a", "/out/a", "copy", "/in/empty", "/out/b""#;
    let said = run_system(&folder, &one_task(acts, DIRS));
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    assert_eq!(fs::read(folder.path("out/a")).unwrap(), bytes);
    assert_eq!(fs::read(folder.path("out/b")).unwrap(), b"");
}

#[test]
fn a_task_finds_its_arguments_its_environment_and_all_other_tasks() {
    let folder = Folder::new("strings");
    let text = r#"
        [[task]]
        name = "first"
        file = "actor"
        args = ["strings", "find", "second"]
        env = { LANGUAGE = "$1", EMPTY = "" }
        [[task]]
        name = "second"
        file = "actor"
        args = ["wait", "3000"]
    "#;
    let packed = packed(&folder, text, &["ünïcode"]);
    let said = run_packed(
        &packed,
        Setup {
            megabytes: 256,
            ..Setup::stated()
        },
        PATIENCE,
    );
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    let expected = "first\nstrings\nfind\nsecond\n|\nEMPTY=\nLANGUAGE=ünïcode\nUSUFRUCT_LIFE=0\n";
    assert_eq!(said.output, expected);
}

/// By every name that does not lead to a file of its folders.
#[test]
fn names_lead_nowhere_but_into_the_tasks_folders() {
    let folder = Folder::new("names");
    fs::write(folder.path("in/a"), b"a").unwrap();
    fs::write(folder.path("secret"), b"secret").unwrap();
    let (missing, capable, invalid, fault) = (-44, -76, -28, -21);
    let fails = [
        ("read", "/in/none", missing),
        ("read", "/elsewhere/a", missing),
        ("read", "/inside/a", missing),
        ("read", "/in/../secret", capable),
        ("write", "/out/../secret", capable),
        ("write", "/out/a/../../secret", capable),
        ("write", "/in/a", capable),
        ("read", "/in//secret", invalid),
        ("read", "/in/./a", invalid),
        ("write", "/out/", invalid),
    ];
    let acts: Vec<String> = fails
        .iter()
        .map(|(how, path, error)| format!(r#""fail", "{how}", "{path}", "{error}""#))
        .collect();
    let long = format!(r#""fail", "read", "/in/{}", "{invalid}""#, "a".repeat(600));
    let acts = format!("{}, {long}", acts.join(", "));
    let said = run_system(&folder, &one_task(&acts, DIRS));
    assert_eq!(said.ended, Ended::Succeeded, "{said:?} {fault}");
    assert_eq!(fs::read(folder.path("secret")).unwrap(), b"secret");
}

/// The host looks for itself where a task's file is to go.
#[test]
fn links_do_not_lead_out_of_a_folder() {
    let folder = Folder::new("links");
    fs::write(folder.path("in/a"), b"a").unwrap();
    fs::write(folder.path("secret"), b"secret").unwrap();
    std::os::unix::fs::symlink(folder.path("secret"), folder.path("out/b")).unwrap();
    std::os::unix::fs::symlink(folder.path("in"), folder.path("out/c")).unwrap();
    let acts = r#""copy", "/in/a", "/out/b", "copy", "/in/a", "/out/c/d""#;
    let said = run_system(&folder, &one_task(acts, DIRS));
    assert_eq!(said.ended, Ended::Failed, "{said:?}");
    assert!(said.errors.contains("a link"), "{said:?}");
    assert_eq!(fs::read(folder.path("secret")).unwrap(), b"secret");
    assert!(!folder.path("in/d").exists());
}

#[test]
fn a_task_gets_the_memory_that_it_may_have_and_no_more() {
    let folder = Folder::new("memory");
    let keys = r#"memory = "8 MiB""#;
    let said = run_system(&folder, &one_task(r#""grow", "4096""#, keys));
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    let said = run_system(
        &folder,
        &one_task(r#""grow", "4096", "grow", "4096""#, keys),
    );
    assert_eq!(said.ended, Ended::Failed, "{said:?}");
    let words = "error: task `one` failed: exited with status 2\n";
    assert_eq!(said.errors, words);
    // Little enough that the program itself does not fit.
    let keys = r#"memory = "1028 KiB""#;
    let said = run_system(&folder, &one_task("", keys));
    assert_eq!(said.ended, Ended::Refused, "{said:?}");
    let words = "the program and its stack take more memory than the task may have";
    assert!(said.errors.contains(words), "{said:?}");
}

#[test]
fn a_life_that_fails_is_followed_by_the_next() {
    let folder = Folder::new("restart");
    let text = one_task(r#""exit_once", "3", "say", "done""#, "restart = 1");
    let said = run_system(&folder, &text);
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    assert_eq!(said.output, "done\n");
    let words = "task `one`, life 0, exited with status 3; life 1 begins\n";
    assert_eq!(said.errors, words);
    let said = run_system(&folder, &one_task(r#""exit", "5""#, "restart = 2"));
    assert_eq!(said.ended, Ended::Failed);
    let begins = "task `one`, life 0, exited with status 5; life 1 begins\n\
        task `one`, life 1, exited with status 5; life 2 begins\n";
    let words = format!("{begins}error: task `one` failed: exited with status 5\n");
    assert_eq!(said.errors, words);
}

#[test]
fn a_life_that_is_too_long_is_killed_whatever_it_does() {
    let folder = Folder::new("limit");
    for acts in [r#""spin""#, r#""wait", "1000000""#] {
        let said = run_system(&folder, &one_task(acts, "time_limit_ms = 300"));
        assert_eq!(said.ended, Ended::Failed, "{said:?}");
        let why = "was killed: it ran longer than 300.0 ms";
        let words = format!("task `one` {why}\nerror: task `one` failed: {why}\n");
        assert_eq!(said.errors, words);
    }
}

#[test]
fn a_fault_ends_its_task_alone_and_is_told_of() {
    let folder = Folder::new("fault");
    let text = r#"
        [[task]]
        name = "wild"
        file = "actor"
        args = ["store", "18446744071562067968"]
        [[task]]
        name = "calm"
        file = "actor"
        args = ["wait", "300", "say", "still here"]
    "#;
    let said = run_system(&folder, text);
    assert_eq!(said.ended, Ended::Failed);
    assert_eq!(said.output, "still here\n");
    let begin = "task `wild` trapped: instruction 0x4";
    assert!(said.errors.starts_with(begin), "{said:?}");
    assert!(said.errors.contains("error: task `wild` failed: trapped: "));
}

#[test]
fn streams_use_pages_that_the_task_owns_and_no_others() {
    let folder = Folder::new("foreign");
    fs::write(folder.path("in/a"), [0x41; 5000]).unwrap();
    let other = r#"
        [[task]]
        name = "other"
        file = "actor"
        args = ["wait", "3000"]
    "#;
    let text = one_task(r#""foreign", "/in/a", "other""#, DIRS) + other;
    let said = run_system(&folder, &text);
    assert_eq!(said.ended, Ended::Succeeded, "{said:?}");
    assert_eq!(said.output, "A");
}

/// Cut short at each block, and changed at some bytes: always a message, and an end.
#[test]
fn an_archive_that_is_not_in_order_is_refused() {
    let folder = Folder::new("archive");
    let packed = packed(&folder, &one_task("", ""), &[]);
    let Packed { archive, plan } = packed;
    let refused = |archive: Vec<u8>, what: &str| {
        let packed = Packed {
            archive,
            plan: plan_of(&plan),
        };
        let said = run_packed(
            &packed,
            Setup {
                megabytes: 128,
                ..Setup::stated()
            },
            PATIENCE,
        );
        assert_eq!(said.ended, Ended::Refused, "{what}: {said:?}");
        assert!(said.errors.starts_with("error: "), "{what}: {said:?}");
    };
    for length in [1, 511, 512, 1024, 2048, archive.len() - 1024] {
        refused(archive[..length].to_vec(), "cut");
    }
    for (at, byte) in [(0, b'x'), (124, b'9'), (148, b'7'), (512, b'=')] {
        let mut changed = archive.clone();
        changed[at] = byte;
        refused(changed, "changed");
    }
    refused(vec![0; 4096], "nothing");
}

/// A plan like this one.
fn plan_of(plan: &usufruct_system_file::Plan) -> usufruct_system_file::Plan {
    usufruct_system_file::Plan {
        limits: usufruct_system_file::Limits::default(),
        tasks: plan
            .tasks
            .iter()
            .map(|task| {
                let place = task.place.clone();
                usufruct_system_file::TaskPlan::new(place, task.name.clone(), task.file.clone())
            })
            .collect(),
    }
}

/// Whatever it is that does not fit: the pool, or the tables beside it, or the task.
#[test]
fn a_machine_that_is_too_small_for_its_pool_says_so() {
    let folder = Folder::new("small");
    let text = one_task("", "").replace("4 MiB", "100 MiB");
    let packed = packed(&folder, &text, &[]);
    for megabytes in (116..=128).step_by(2) {
        let setup = Setup {
            megabytes,
            ..Setup::stated()
        };
        let said = run_packed(&packed, setup, PATIENCE);
        let is_known = matches!(said.ended, Ended::Refused | Ended::Succeeded);
        assert!(is_known, "{megabytes} MiB: {said:?}");
        assert!(megabytes > 116 || said.ended == Ended::Refused, "{said:?}");
    }
}

/// The host says it before anything boots.
#[test]
fn what_can_not_be_packed_is_said_with_its_place() {
    let folder = Folder::new("pack");
    let order = |text: &str, programs: Option<&Path>| {
        let path = folder.path("system.toml");
        fs::write(&path, text).unwrap();
        let order = Order {
            path: path.to_str().unwrap().to_owned(),
            arguments: Vec::new(),
            programs: programs.map(Path::to_owned),
        };
        pack(&order).unwrap_err().to_string()
    };
    let missing = "[[task]]\nname = \"one\"\nfile = \"none.wasm\"\n";
    let said = order(missing, None);
    assert!(
        said.contains("program") && said.contains("none.wasm"),
        "{said}"
    );
    fs::write(folder.path("none.wasm"), b"\0asm").unwrap();
    let said = order(missing, None);
    assert!(
        said.contains("this is no ELF file") && said.contains("--programs"),
        "{said}"
    );
    let said = order("[[task]]\nname = \"one\"\nfiel = \"x\"\n", None);
    assert!(
        said.contains("system.toml:3") && said.contains("`file`"),
        "{said}"
    );
}

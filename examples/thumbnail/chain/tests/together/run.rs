//! Runs a system file of the example, as `cargo xtask demo` does.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A system that has not ended by then hangs. Far more than any of them takes.
const LIMIT: Duration = Duration::from_secs(240);

/// What came of a run.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) thumbnail: Option<Vec<u8>>,
}

/// The folder of the example.
pub(crate) fn example() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// An empty folder of that name.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The sample photograph.
pub(crate) fn rocket() -> Vec<u8> {
    fs::read(example().join("data/rocket.jpg")).unwrap()
}

/// Puts `picture` into `folder` as a file of that name, and runs `system` on it. The
/// thumbnail is `thumbnail.png` there.
pub(crate) fn run(system: &Path, folder: &Path, name: &str, picture: &[u8]) -> Run {
    fs::write(folder.join(name), picture).unwrap();
    run_on(system, folder, name)
}

/// The same with whatever is there already.
pub(crate) fn run_on(system: &Path, folder: &Path, name: &str) -> Run {
    run_with("--table", system, folder, name)
}

/// The same as [`run`]; what the kernel has done.
pub(crate) fn run_traced(system: &Path, folder: &Path, name: &str, picture: &[u8]) -> String {
    fs::write(folder.join(name), picture).unwrap();
    let run = run_with("--trace", system, folder, name);
    assert_eq!(run.code, Some(0), "{}", run.err);
    run.err
}

fn run_with(option: &str, system: &Path, folder: &Path, name: &str) -> Run {
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    let mut command = Command::new(usufruct());
    command.args(["run", option]).arg(system).arg("--");
    command
        .arg(folder)
        .arg(name)
        .arg(folder)
        .arg("thumbnail.png");
    command.stdout(File::create(&out).unwrap());
    command.stderr(File::create(&err).unwrap());
    let status = wait(command);
    Run {
        code: status.code(),
        out: fs::read_to_string(out).unwrap(),
        err: fs::read_to_string(err).unwrap(),
        thumbnail: fs::read(folder.join("thumbnail.png")).ok(),
    }
}

fn wait(mut command: Command) -> ExitStatus {
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs: {command:?}");
        }
        sleep(Duration::from_millis(5));
    }
}

/// The program that runs systems, built together with the guests when first asked for.
fn usufruct() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = example().join("../..");
        let target = root.join("target");
        let mut guests = cargo(example());
        guests.args(["--target", "wasm32-wasip1", "--target-dir"]);
        build(guests.arg(target.join("thumbnail")));
        let mut program = cargo(&root);
        program.args(["--package", "usufruct-cli", "--target-dir"]);
        build(program.arg(&target));
        target.join("release/usufruct")
    })
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(folder)
        .args(["build", "--quiet", "--release", "--locked"]);
    command
}

fn build(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

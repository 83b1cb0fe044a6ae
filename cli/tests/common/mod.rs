//! Runs the binary in a folder of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder for one test.
pub(crate) struct Place {
    folder: PathBuf,
}

/// What the binary said, and how it ended.
#[derive(Debug)]
#[allow(dead_code, reason = "not every test file waits for the end at once")]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// An empty folder that no other test uses.
    pub(crate) fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    /// Writes a file, and answers itself, so that several can be written in a row.
    #[allow(dead_code, reason = "not every test file writes one")]
    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Whether a file is there.
    #[allow(dead_code, reason = "not every test file has a task that writes")]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    /// `usufruct ARGUMENTS` in this folder, ready to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usufruct"));
        command
            .current_dir(&self.folder)
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs `usufruct ARGUMENTS` in this folder.
    #[allow(dead_code, reason = "not every test file waits for the end at once")]
    pub(crate) fn usufruct(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().unwrap())
    }

    /// The same, with something on standard input.
    #[allow(dead_code, reason = "not every test file has a task that reads")]
    pub(crate) fn usufruct_reading(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        said(child.wait_with_output().unwrap())
    }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

//! A task's input and output, by WASI preview 1. Pointers that a task passes to
//! WASI are checked by `wasmtime-wasi` against `memory.size`.

use std::io;
use std::path::PathBuf;

use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// Where a task's standard input comes from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Input {
    /// It is empty.
    #[default]
    Nothing,
    /// The host's own.
    Inherit,
    /// These bytes, then the end.
    Bytes(Vec<u8>),
}

/// Where a task's standard output or error goes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Output {
    /// Nowhere.
    #[default]
    Discard,
    /// To the host's own.
    Inherit,
    /// Into memory.
    Capture(Capture),
}

/// Random bytes that one call gives at most: they are made in one go, on the worker.
const RANDOM_LIMIT_BYTES: u64 = 64 << 10;

/// What a task has written, kept in memory.
#[derive(Clone, Debug)]
pub struct Capture(MemoryOutputPipe);

impl Capture {
    /// Room for `limit_bytes`; a task that writes more gets an error.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self(MemoryOutputPipe::new(limit_bytes))
    }

    /// What has been written so far.
    #[must_use]
    pub fn contents(&self) -> Vec<u8> {
        self.0.contents().to_vec()
    }
}

/// A directory of the host that a task may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where it is.
    pub host: PathBuf,
    /// What the task calls it.
    pub guest: String,
    /// Whether the task may change what is in it.
    pub writable: bool,
}

/// Everything that a task gets from its host beside memory.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    /// The arguments, the program's name first.
    pub arguments: Vec<String>,
    /// The environment. Nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// The directories, and no others.
    pub directories: Vec<Directory>,
    /// Standard input.
    pub stdin: Input,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
}

impl Streams {
    /// Opens the directories and makes the context of one task.
    ///
    /// # Errors
    ///
    /// The directory that can not be opened, and why.
    pub(crate) fn open(&self) -> Result<WasiP1Ctx, (PathBuf, io::Error)> {
        let mut builder = WasiCtxBuilder::new();
        builder.args(&self.arguments).envs(&self.environment);
        builder.max_random_size(RANDOM_LIMIT_BYTES);
        for directory in &self.directories {
            let permissions = if directory.writable {
                FsPerms::ReadWrite
            } else {
                FsPerms::ReadOnly
            };
            builder
                .preopened_dir(&directory.host, &directory.guest, permissions)
                .map_err(|error| (directory.host.clone(), io::Error::other(error.to_string())))?;
        }
        match &self.stdin {
            Input::Nothing => &mut builder,
            Input::Inherit => builder.inherit_stdin(),
            Input::Bytes(bytes) => builder.stdin(MemoryInputPipe::new(bytes.clone())),
        };
        match &self.stdout {
            Output::Discard => &mut builder,
            Output::Inherit => builder.inherit_stdout(),
            Output::Capture(capture) => builder.stdout(capture.0.clone()),
        };
        match &self.stderr {
            Output::Discard => &mut builder,
            Output::Inherit => builder.inherit_stderr(),
            Output::Capture(capture) => builder.stderr(capture.0.clone()),
        };
        Ok(builder.build_p1())
    }
}

//! A task's input and output, as its host sets them up. The calls of WASI by
//! which the task uses them are in `wasi/`.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

pub use self::sink::Sink;
pub use self::source::Source;

mod sink;
mod source;

/// Where a task's standard input comes from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Input {
    /// It is empty.
    #[default]
    Nothing,
    /// The host's own: [`Source::stdin`].
    Inherit,
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// A stream of the host's.
    Source(Source),
}

/// Where a task's standard output or error goes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Output {
    /// Nowhere.
    #[default]
    Discard,
    /// To the host's own: [`Sink::stdout`] or [`Sink::stderr`].
    Inherit,
    /// Into memory.
    Capture(Capture),
    /// To a stream of the host's.
    Sink(Sink),
}

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
            Input::Inherit => builder.stdin(Source::stdin()),
            Input::Bytes(bytes) => builder.stdin(MemoryInputPipe::new(bytes.clone())),
            Input::Source(source) => builder.stdin(source.clone()),
        };
        match &self.stdout {
            Output::Discard => &mut builder,
            Output::Inherit => builder.stdout(Sink::stdout()),
            Output::Capture(capture) => builder.stdout(capture.0.clone()),
            Output::Sink(sink) => builder.stdout(sink.clone()),
        };
        match &self.stderr {
            Output::Discard => &mut builder,
            Output::Inherit => builder.stderr(Sink::stderr()),
            Output::Capture(capture) => builder.stderr(capture.0.clone()),
            Output::Sink(sink) => builder.stderr(sink.clone()),
        };
        Ok(builder.build_p1())
    }

    /// The sinks that the task writes to.
    pub(crate) fn sinks(&self) -> impl Iterator<Item = Sink> {
        let sink = |output: &Output, inherited: fn() -> Sink| match output {
            Output::Discard | Output::Capture(_) => None,
            Output::Inherit => Some(inherited()),
            Output::Sink(sink) => Some(sink.clone()),
        };
        let stdout = sink(&self.stdout, Sink::stdout);
        let stderr = sink(&self.stderr, Sink::stderr);
        stdout.into_iter().chain(stderr)
    }
}

/// What to do after a failed call on a stream of the host's: try again, after a
/// moment if the stream was made not to block, or give up.
fn retry_after(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => {
            thread::sleep(Duration::from_millis(1));
            Ok(())
        }
        _ => Err(error),
    }
}

//! By the standard library: on WebAssembly, and where programs are tested.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;
use core::panic::Location;
use core::time::Duration;
use std::boxed::Box;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use super::{FileError, NoThread};

pub(super) fn argument(number: usize) -> Option<String> {
    let argument = std::env::args_os().nth(number)?;
    Some(argument.to_string_lossy().into_owned())
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(super) fn exit(status: i32) -> ! {
    std::process::exit(status)
}

pub(super) fn abort() -> ! {
    std::process::abort()
}

pub(super) fn now() -> Duration {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    BEGIN.get_or_init(Instant::now).elapsed()
}

pub(super) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

pub(super) fn on_panic(last_words: fn(Option<&Location<'_>>)) {
    std::panic::set_hook(Box::new(move |panic| last_words(panic.location())));
}

pub(super) fn say(words: fmt::Arguments<'_>) {
    let line = std::format!("{words}\n");
    let _ = io::stdout().write_all(line.as_bytes());
}

pub(super) fn complain(words: fmt::Arguments<'_>) {
    // In one piece: others may write to the same place.
    let line = std::format!("{words}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

#[derive(Debug)]
pub(super) struct Running<T>(JoinHandle<T>);

pub(super) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Running<T>, NoThread> {
    let spawned = Builder::new().spawn(work);
    spawned.map(Running).map_err(|_| NoThread)
}

impl<T> Running<T> {
    pub(super) fn join(self) -> T {
        let joined = self.0.join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[derive(Debug)]
pub(super) struct Stream(fs::File);

impl Stream {
    pub(super) fn open(path: &str) -> Result<Self, FileError> {
        fs::File::open(path).map(Self).map_err(error)
    }

    pub(super) fn create(path: &str) -> Result<Self, FileError> {
        fs::File::create(path).map(Self).map_err(error)
    }

    /// How long the file is, if that can be known.
    pub(super) fn size(&self) -> Option<usize> {
        let metadata = self.0.metadata().ok()?;
        usize::try_from(metadata.len()).ok()
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, FileError> {
        self.0.read(into).map_err(error)
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.0.write_all(bytes).map_err(error)
    }
}

pub(super) fn replace_file(path: &str, contents: &[u8]) -> Result<(), FileError> {
    let path = Path::new(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let replaced = fs::write(&part, contents).and_then(|()| fs::rename(&part, path));
    replaced.map_err(|cause| {
        // The error that counts is the first.
        let _ = fs::remove_file(&part);
        error(cause)
    })
}

/// On WebAssembly the system's numbers are WASI's; elsewhere the usual ones are translated.
fn error(cause: io::Error) -> FileError {
    const ENOTCAPABLE: i32 = 76;
    let translated = match cause.kind() {
        _ if cfg!(target_os = "wasi") => cause.raw_os_error(),
        io::ErrorKind::NotFound => Some(44),
        io::ErrorKind::PermissionDenied => Some(2),
        io::ErrorKind::AlreadyExists => Some(20),
        io::ErrorKind::IsADirectory => Some(31),
        io::ErrorKind::NotADirectory => Some(54),
        io::ErrorKind::StorageFull => Some(51),
        _ => Some(29),
    };
    // An error that is not the system's own: none of the folders leads there.
    FileError::from_number(translated.unwrap_or(ENOTCAPABLE))
}

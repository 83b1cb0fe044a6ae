//! The picture's file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thumbnail_chain::{Fault, MAX_FILE_BYTES};

/// A file, whole.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Its name, without the folder; never empty.
    pub(crate) title: String,
    /// At least one byte.
    pub(crate) bytes: Vec<u8>,
}

/// Reads the file that the program's argument names.
pub(crate) fn read(argument: Option<OsString>) -> Result<Contents, Fault> {
    let name_one = "name a JPEG or PNG picture";
    let path = argument
        .map(PathBuf::from)
        .ok_or_else(|| Fault::new("the picture", "no file is named", name_one))?;
    let title = path
        .file_name()
        .ok_or_else(|| Fault::new("the picture", "the name ends in no file", name_one))?
        .to_string_lossy()
        .into_owned();
    let bytes = contents(&path)
        .map_err(|error| Fault::new(&title, format!("can not be read: {error}"), name_one))?;
    let cause = match u64::try_from(bytes.len()) {
        Ok(0) => "the file is empty".to_owned(),
        Ok(1..=MAX_FILE_BYTES) => return Ok(Contents { title, bytes }),
        _ => format!("it has more than {} MiB", MAX_FILE_BYTES >> 20),
    };
    Err(Fault::new(title, cause, name_one))
}

/// The bytes of a file, or of one that is too large, one more than may be.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Bounded here and not by the size in the folder, which may change meanwhile.
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

//! The picture's file.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use thumbnail_chain::{Fault, MAX_FILE_BYTES, file_name};
use usufruct_guest::program::read_file;

/// A file, whole.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Its name, without the folder; never empty.
    pub(crate) title: String,
    /// At least one byte.
    pub(crate) bytes: Vec<u8>,
}

/// Reads the file that the program's argument names.
pub(crate) fn read(argument: Option<String>) -> Result<Contents, Fault> {
    let name_one = "name a JPEG or PNG picture";
    let path = argument.ok_or_else(|| Fault::new("the picture", "no file is named", name_one))?;
    let title = file_name(&path)
        .ok_or_else(|| Fault::new("the picture", "the name ends in no file", name_one))?
        .to_owned();
    // Bounded here and not by the size in the folder, which may change meanwhile.
    let bytes = read_file(&path, MAX_FILE_BYTES + 1)
        .map_err(|error| Fault::new(&title, format!("can not be read: {error}"), name_one))?;
    let cause = match bytes.len() {
        0 => "the file is empty".to_owned(),
        1..=MAX_FILE_BYTES => return Ok(Contents { title, bytes }),
        _ => format!("it has more than {} MiB", MAX_FILE_BYTES >> 20),
    };
    Err(Fault::new(title, cause, name_one))
}

//! Words for a person.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Writes a line to standard error. Where that has gone, nobody can be told so.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes to standard output. Whoever has closed it does not want to know.
pub(crate) fn print(text: impl Display) {
    let _ = write!(io::stdout(), "{text}");
}

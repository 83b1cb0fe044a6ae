//! Words for a person.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

/// Writes a line to standard error. Where that has gone, nobody can be told so.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes to standard output. Whoever has closed it does not want to know.
pub(crate) fn print(text: impl Display) {
    let _ = write!(io::stdout(), "{text}");
}

/// `1.5 s`, `300.0 ms`.
pub(crate) fn in_words(time: Duration) -> String {
    if time >= Duration::from_secs(1) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    }
}

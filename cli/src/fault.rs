//! What keeps a system from starting, said to a person.

use std::fmt;

/// A wrong command line, a wrong system file, or a module that can not be loaded.
///
/// It always has three parts, so that no message forgets one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    thing: String,
    cause: String,
    help: String,
}

impl Fault {
    /// `thing` is at fault, because of `cause`; `help` is the way out.
    pub(crate) fn new(
        thing: impl Into<String>,
        cause: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            thing: thing.into(),
            cause: cause.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing, cause, help } = self;
        write!(f, "error: {thing}: {cause}\nhelp: {help}")
    }
}

//! What keeps a system from starting, said to a person.

use alloc::string::{String, ToString as _};
use core::fmt;

/// A wrong command line, a wrong system file, or a module that can not be loaded.
///
/// It always names the thing, the cause and the way out, so that no message forgets one.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    thing: String,
    cause: String,
    /// `None`: the cause says the way out itself.
    help: Option<String>,
}

impl Fault {
    /// `thing` is at fault, because of `cause`; `help` is the way out.
    pub fn new(
        thing: impl Into<String>,
        cause: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            thing: thing.into(),
            cause: cause.into(),
            help: Some(help.into()),
        }
    }

    /// `thing` is at fault; `told` is a whole sentence of another crate, way out included.
    pub fn told(thing: impl Into<String>, told: impl fmt::Display) -> Self {
        Self {
            thing: thing.into(),
            cause: told.to_string(),
            help: None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing, cause, help } = self;
        write!(f, "error: {thing}: {cause}")?;
        match help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

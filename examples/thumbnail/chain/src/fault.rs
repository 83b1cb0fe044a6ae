//! How a program says that it failed, and how it stops when another one did.

use alloc::format;
use alloc::string::String;
use core::fmt;

use usufruct_guest::program::variable;
use usufruct_guest::{Error, eprintln};

/// Something a person has to know: one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is about.
    pub thing: String,
    /// What is wrong with it.
    pub cause: String,
    /// What the person can do.
    pub way_out: String,
}

impl Fault {
    /// A fault in these words.
    pub fn new(
        thing: impl Into<String>,
        cause: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        Self {
            thing: thing.into(),
            cause: cause.into(),
            way_out: way_out.into(),
        }
    }

    /// The kernel refused something that these programs need.
    #[must_use]
    pub fn refused(what: &str, error: Error) -> Self {
        let way_out = match error {
            Error::NoMem => "raise smos or messages under [limits] in the system file",
            Error::TooManySmos => "raise smos of this task in the system file",
            _ => "start all four programs of the system file, each in its own version of it",
        };
        Self::new(what, format!("the kernel answered {error}"), way_out)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            thing,
            cause,
            way_out,
        } = self;
        write!(f, "{thing}: {cause}; {way_out}")
    }
}

/// Why a program stops before its work is done.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// It found a fault and tells the person.
    Fault(Fault),
    /// A neighbour has ended. Whoever failed has told the person, and a task that did
    /// not end by itself is reported by the machine.
    Quietly,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Runs a program's work and answers its exit status: 1 and one line on standard error if
/// it found a fault. One that stopped quietly has not failed, unless it took the place of a life
/// that did: that its neighbours are gone by now does not mend it.
#[must_use]
pub fn run(program: &str, work: impl FnOnce() -> Result<(), Stop>) -> i32 {
    match work() {
        Ok(()) => 0,
        Err(Stop::Quietly) if is_first_life() => 0,
        Err(Stop::Quietly) => 1,
        Err(Stop::Fault(fault)) => {
            eprintln!("{program}: {fault}");
            1
        }
    }
}

fn is_first_life() -> bool {
    variable("USUFRUCT_LIFE").is_none_or(|life| life == "0")
}

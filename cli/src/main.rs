//! The command `usufruct`: runs systems of tasks.
//!
//! ```text
//!   command.rs   the command line, and the system file (a crate of its own) ──► Plan
//!                                                                               │
//!   prepare.rs   every program compiled, every task made: or a Fault  ◄─────────┘
//!       │
//!   supervise.rs each task's lives, to the last ─► verdict.rs, table.rs
//!
//!   check.rs     says what would become of a file, and runs nothing
//!   new.rs       makes a project (template/)
//! ```

use std::io;
use std::process::ExitCode;

use clap::Parser;
use usufruct::Sink;
use usufruct_system_file::Fault;

use crate::command::{Cli, Command, Run};
use crate::say::{print, say};

mod check;
mod command;
mod new;
mod prepare;
mod say;
mod supervise;
mod table;
mod trace;
mod verdict;

/// A task failed.
const FAILED: u8 = 1;
/// Nothing was started.
const REFUSED: u8 = 2;
/// Somebody pressed Ctrl-C: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(run) => carry_out(&run),
        Command::Check(check) => check::carry_out(&check),
        Command::New(new) => new.carry_out().map(|()| 0),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            say(fault);
            ExitCode::from(REFUSED)
        }
    }
}

fn carry_out(run: &Run) -> Result<u8, Fault> {
    let ready = prepare::prepare(run.plan()?, run.trace)?;
    let (histories, interrupted) = supervise::to_the_end(ready)?;
    // Who interrupts does not want to wait for a reader.
    let is_lost = !interrupted && is_output_lost();
    if run.table {
        print(table::Table(&histories));
    }
    let failed = verdict::failed(&histories);
    if let Some(failed) = &failed {
        say(failed);
    }
    Ok(match failed {
        _ if interrupted => INTERRUPTED,
        Some(_) => FAILED,
        None if is_lost => FAILED,
        None => 0,
    })
}

/// Waits until everything that tasks have written has been taken. A reader that
/// has gone does not want it; whatever else keeps it from arriving is said.
fn is_output_lost() -> bool {
    let lost = |(name, sink): (&str, Sink)| match sink.flush(None) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(format_args!(
                "{name} did not take all that tasks wrote: {error}; send it where there is room"
            ));
            true
        }
        _ => false,
    };
    let outputs = [
        ("standard output", Sink::stdout()),
        ("standard error", Sink::stderr()),
    ];
    outputs.map(lost).contains(&true)
}

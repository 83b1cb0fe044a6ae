//! Figures of usufruct beside what a user would pick instead.
//!
//! Each command prints a table; `--record` also writes it to `RESULTS.md`, with
//! the machine, the commit and the command line.

mod copy;
mod figure;
mod results;
mod system;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures usufruct.
#[derive(Parser)]
#[command(name = "usufruct-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Write the result to bench/RESULTS.md too.
    #[arg(long, global = true)]
    record: bool,
}

#[derive(Subcommand)]
enum Command {
    /// read_mem inside a guest's loop, beside memcpy between the same memories.
    Copy {
        /// Passes over all sizes, read_mem and memcpy in turns.
        #[arg(long, default_value_t = 25)]
        repeats: usize,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (title, result) = match arguments.command {
        Command::Copy { repeats } => ("copy", copy::run(repeats)),
    };
    let written = result.and_then(|text| {
        println!("{text}");
        if arguments.record {
            results::record(title, &text)
        } else {
            Ok(())
        }
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

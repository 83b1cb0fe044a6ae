//! Figures of usufruct beside what a user would pick instead.
//!
//! Each command prints a table; `--record` also writes it to `RESULTS.md`, with
//! the machine, the commit and the command line.

mod copy;
mod fairness;
mod figure;
mod hammer;
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
    /// Claims against a running copy, with the wait and without: are bytes late?
    Hammer {
        /// Claims to count, each while a copy was running.
        #[arg(long, default_value_t = 1_000_000)]
        claims: u32,
    },
    /// Eight tasks copy without end: how late are timers and kills?
    Fairness {
        /// What each of them copies in one call, in MiB: 1 to 2046.
        #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=2046))]
        mib: u32,
        /// Timers to look at.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=4096))]
        sleeps: u32,
        /// Kills to time.
        #[arg(long, default_value_t = 40)]
        kills: usize,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (title, result) = match arguments.command {
        Command::Copy { repeats } => ("copy", copy::run(repeats)),
        Command::Hammer { claims } => ("hammer", hammer::run(claims)),
        Command::Fairness { mib, sleeps, kills } => ("fairness", fairness::run(mib, sleeps, kills)),
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

//! Figures of usufruct beside what a user would pick instead.
//!
//! Each command prints a table; `--record` also writes it to `RESULTS.md`, with
//! the machine, the commit and the command line.

mod copy;
mod fairness;
mod figure;
mod give;
mod guest;
mod hammer;
mod pages;
mod results;
mod system;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use usufruct_wasm::Protection;

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
    /// Rights taken away while they are used, and again without what keeps bytes
    /// away afterwards: are any late?
    Hammer {
        /// Revocations to count, each while the other was at it, of each kind.
        #[arg(long, default_value_t = 1_000_000)]
        revocations: u32,
        /// What is revoked; by default all.
        #[arg(long, value_enum, default_values_t = hammer::Way::value_variants().to_vec())]
        ways: Vec<hammer::Way>,
    },
    /// Page rights: grants, revocations, and the report of a forbidden store.
    Pages {
        /// How often each is measured.
        #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rounds: u32,
    },
    /// Pages given to another task that reads them, beside a copy that it reads.
    Give {
        /// How often each size is measured at least.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        rounds: u32,
        /// How the pages are protected.
        #[arg(long, value_enum, default_value_t = ProtectionArgument::Auto)]
        protection: ProtectionArgument,
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

/// How pages are protected.
#[derive(Clone, Copy, ValueEnum)]
enum ProtectionArgument {
    Auto,
    Mprotect,
    Userfault,
}

impl From<ProtectionArgument> for Protection {
    fn from(argument: ProtectionArgument) -> Self {
        match argument {
            ProtectionArgument::Auto => Self::Auto,
            ProtectionArgument::Mprotect => Self::Mprotect,
            ProtectionArgument::Userfault => Self::Userfault,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (title, result) = match arguments.command {
        Command::Copy { repeats } => ("copy".to_owned(), copy::run(repeats)),
        Command::Hammer { revocations, ways } => {
            let title = hammer::title(&ways);
            (title, hammer::run(&ways, revocations))
        }
        Command::Pages { rounds } => ("pages".to_owned(), pages::run(rounds)),
        Command::Give { rounds, protection } => (
            "give".to_owned(),
            give::run(protection.into(), rounds, arguments.record),
        ),
        Command::Fairness { mib, sleeps, kills } => {
            ("fairness".to_owned(), fairness::run(mib, sleeps, kills))
        }
    };
    let written = result.and_then(|text| {
        println!("{text}");
        if arguments.record {
            results::record(&title, &text)
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

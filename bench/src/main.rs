//! Figures of usufruct beside what a user would pick instead.
//!
//! ```text
//!   copy/ calls/ tasks/ pages/ give/    what is measured, a section each (figure.rs)
//!   goal.rs      what is to be reached
//!   record/      what is kept: RESULTS.md, results/
//!   rival/       what one would use instead, in processes of their own
//!   hammer/      rights taken away while they are used: is a byte late?
//!   fairness.rs  timers and kills beside busy tasks
//! ```

mod calls;
mod copy;
mod fairness;
mod figure;
mod give;
mod goal;
mod guest;
mod hammer;
mod pages;
mod plan;
mod record;
mod rival;
mod system;
mod tasks;
mod words;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use figure::Section;
use plan::Plan;
use record::csv;
use rival::{Rivals, stream};

/// Measures usufruct.
#[derive(Parser)]
#[command(name = "usufruct-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Figures(Figures),
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
    /// Timers and kills beside tasks that copy large objects on two workers.
    Fairness {
        /// MiB that each of their calls copies.
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
        mib: u32,
        /// Timers to look at.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=4096))]
        sleeps: u32,
        /// Kills to time.
        #[arg(long, default_value_t = 40)]
        kills: usize,
    },
    /// What a rival's process does.
    #[command(name = stream::SERVE, hide = true)]
    Serve,
}

/// All figures, each beside its floor and what one would use instead
#[derive(Args)]
struct Figures {
    /// Only these sections.
    #[arg(long, value_enum, default_values_t = Subject::value_variants().to_vec())]
    only: Vec<Subject>,
    /// Write bench/RESULTS.md and bench/results too.
    #[arg(long, conflicts_with = "check")]
    record: bool,
    /// Fail if a ratio is a quarter worse than the recorded one.
    #[arg(long)]
    check: bool,
    /// A few rounds of everything, only to see that it works.
    #[arg(long, conflicts_with_all = ["record", "check"])]
    quick: bool,
    #[command(flatten)]
    rivals: Rivals,
}

/// A section of the figures.
#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    Copy,
    Calls,
    Tasks,
    Pages,
    Give,
}

impl Subject {
    fn measure(self, plan: &Plan) -> Result<Section, String> {
        match self {
            Self::Copy => copy::run(plan),
            Self::Calls => calls::run(plan),
            Self::Tasks => tasks::run(plan),
            Self::Pages => pages::run(plan),
            Self::Give => give::run(plan),
        }
    }
}

impl Figures {
    fn run(self) -> Result<(), String> {
        let plan = Plan {
            is_quick: self.quick,
            rivals: self.rivals,
        };
        let mut worse = Vec::new();
        for subject in self.only {
            let section = subject.measure(&plan)?;
            println!("## {}\n\n{}", section.name, record::text(&section));
            if self.record {
                record::keep(&section)?;
            }
            if self.check {
                worse.extend(csv::worse(&section)?);
            }
        }
        if worse.is_empty() {
            Ok(())
        } else {
            Err(format!("worse than recorded:\n{}", worse.join("\n")))
        }
    }
}

fn main() -> ExitCode {
    let shown = |text| println!("{text}");
    let done = match Arguments::parse().command {
        Command::Figures(figures) => figures.run(),
        Command::Hammer { revocations, ways } => hammer::run(&ways, revocations).map(shown),
        Command::Fairness { mib, sleeps, kills } => fairness::run(mib, sleeps, kills).map(shown),
        Command::Serve => stream::serve().map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

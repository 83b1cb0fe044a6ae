//! Streams bytes from a task to another one through a ring in shared pages, takes the right to
//! write from either in mid-stream, again and again, and sees whether all bytes have arrived.
//!
//! ```text
//!   main.rs         the command line, and what is said in the end
//!   supervisor.rs   who may write, and when
//!   end.rs          one end of the ring
//! ```

mod end;
mod supervisor;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use stream::{fill, sum};
use usufruct::{Error, Kernel};

use crate::end::Fault;
use crate::supervisor::{Outcome, Plan, Supervisor};

/// Stream bytes through a ring in shared pages, whose two ends lose their right to write and
/// get it back
///
/// The exit status is 0 if all bytes have arrived once and in order, 1 if not, 2 if the command
/// line is not in order.
#[derive(Debug, Parser)]
struct Arguments {
    /// The producer, a program for WebAssembly
    producer: PathBuf,

    /// The consumer, another one
    consumer: PathBuf,

    /// How long the stream is
    #[arg(long, value_name = "N", default_value = "256")]
    mebibytes: NonZeroU32,

    /// How large the ring is
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(4..=1 << 20))]
    ring_kibibytes: u32,

    /// How long an end goes without its right, on average, and half as long as it keeps it; with
    /// 0 nobody loses it
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2)]
    every: u64,

    /// What decides the bytes, and when who loses its right
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(outcome) => say(&arguments, &outcome),
        Err(fault) => {
            eprintln!("error: {fault}");
            let is_of_caller = matches!(fault, Fault::File { .. } | Fault::Kernel(Error::Load(_)));
            ExitCode::from(if is_of_caller { 2 } else { 1 })
        }
    }
}

fn run(arguments: &Arguments) -> Result<Outcome, Fault> {
    let ring_bytes = (arguments.ring_kibibytes as usize) << 10;
    let plan = Plan {
        ring_bytes,
        seed: arguments.seed,
        total: total(arguments),
        every: Duration::from_millis(arguments.every),
    };
    let pool_bytes = ring_bytes as u64 + (1 << 20);
    let kernel = Kernel::builder().pool_bytes(pool_bytes).build();
    let kernel = kernel.map_err(Error::from)?;
    let programs = [&arguments.producer, &arguments.consumer];
    Supervisor::new(&kernel, programs.map(PathBuf::as_path), plan)?.run()
}

fn total(arguments: &Arguments) -> u64 {
    u64::from(arguments.mebibytes.get()) << 20
}

fn say(arguments: &Arguments, outcome: &Outcome) -> ExitCode {
    let (total, seconds) = (total(arguments), outcome.took.as_secs_f64());
    println!(
        "{} MiB through a ring of {} KiB in {seconds:.2} s: {:.0} MiB/s",
        arguments.mebibytes,
        arguments.ring_kibibytes,
        f64::from(arguments.mebibytes.get()) / seconds
    );
    println!(
        "rights taken: {} after asking, {} without; no store landed while they were taken",
        outcome.after_asking, outcome.without_asking
    );
    println!(
        "ends that have noticed: {}; ended by a store, and started again: {}",
        outcome.noticed, outcome.ended
    );
    if outcome.arrived == (total, expected(arguments.seed, total)) {
        println!("nothing lost, nothing doubled, nothing elsewhere");
        ExitCode::SUCCESS
    } else {
        let (arrived, _) = outcome.arrived;
        println!("WRONG: {arrived} bytes have arrived, or they are not what was sent");
        ExitCode::from(1)
    }
}

/// The sum of a stream that is whole.
fn expected(seed: u64, total: u64) -> u64 {
    const STEP_BYTES: usize = 1 << 20;
    let mut bytes = vec![0; STEP_BYTES];
    let steps = (0..total).step_by(STEP_BYTES);
    steps.fold(0, |before, position| {
        fill(seed, position, &mut bytes);
        sum(before, &bytes)
    })
}

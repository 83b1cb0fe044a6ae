//! The chores of usufruct. `.ci/run` does nothing that one of them does not do.
//!
//! ```text
//!   layers.rs       do the arrows between the crates point down?
//!   source.rs       is `unsafe`, and `cfg(loom)`, only where it may be?
//!   test.rs         everything that must hold, in steps (step.rs, tools.rs)
//!   listings.rs     has each listing in the documents something that runs it?
//!                   (markdown.rs, shell.rs)
//!   matrix.rs       the bare machine's tests on all kinds of it
//!   demo.rs         a photograph through four programs
//!   qemu.rs         the same, or any system, on the bare machine
//!   breakages.rs    is each seeded breakage of core noticed? (patch.rs, scratch.rs)
//!   attempts.rs     does each hostile attempt succeed without the check that stops it?
//!   judge.rs        what became of each hostile attempt in a run
//!   soak.rs         the long runs
//!   bench.rs        figures beside what one would use instead, for bench/RESULTS.md
//!   counts.rs       instructions on the bare-metal machine, for bench/COUNTS.md, and
//!                   beside them on Linux (linux.rs)
//! ```

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod attempts;
mod bench;
mod breakages;
mod counts;
mod demo;
mod judge;
mod layers;
mod linux;
mod listings;
mod markdown;
mod matrix;
mod patch;
mod qemu;
mod scratch;
mod shell;
mod soak;
mod source;
mod step;
mod test;
mod tools;
mod tree;

/// The chores of usufruct
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check that dependencies point down and that the sources keep their rules
    Layers,
    Test(test::Test),
    /// Check that each listing in the documents has something that runs it, and walk through some
    Listings,
    Demo(demo::Demo),
    Qemu(qemu::Qemu),
    Breakages(breakages::Breakages),
    Soak(soak::Soak),
    Bench(bench::Bench),
    Counts(counts::Counts),
    /// Run under Miri the tests of core, of the host's types and of what moves bytes (needs a nightly toolchain with Miri)
    Miri,
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Layers => layers::check().and_then(|()| source::check()),
        Chore::Test(test) => test.run(),
        Chore::Listings => listings::run(),
        Chore::Demo(demo) => return demo.run_to_exit_code(),
        Chore::Qemu(qemu) => return qemu.run_to_exit_code(),
        Chore::Breakages(breakages) => breakages.run(),
        Chore::Soak(soak) => soak.run(),
        Chore::Bench(bench) => bench.run(),
        Chore::Counts(counts) => counts.run(),
        Chore::Miri => test::miri(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

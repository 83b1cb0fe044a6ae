//! `system [--programs FOLDER] [--limit-s N] SYSTEM.toml [-- ARGS...]`: runs a system on the
//! bare machine. The exit status is that of `usufruct run`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use usufruct_x86_64_rig::{Ended, Order, Outputs, Setup, pack, run};

const USAGE: &str =
    "error: system [--programs FOLDER] [--limit-s SECONDS] SYSTEM.toml [-- ARGS...]";
/// How long a machine may run if nothing is said, in seconds.
const USUAL_LIMIT_S: u64 = 300;

fn main() -> ExitCode {
    let Some((order, limit)) = order(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let packed = match pack(&order) {
        Ok(packed) => packed,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    let setup = Setup {
        megabytes: packed.megabytes(),
        ..Setup::stated()
    };
    let mut outputs = Outputs {
        output: io::stdout(),
        errors: io::stderr(),
    };
    let ended = run((&packed, setup), limit, &mut outputs);
    // Where standard error has gone, nobody can be told so.
    let _ = io::stderr().flush();
    match ended {
        Ok(Ended::Succeeded) => ExitCode::SUCCESS,
        Ok(Ended::Failed) => ExitCode::from(1),
        Ok(Ended::Refused) => ExitCode::from(2),
        Ok(Ended::TooLate) => {
            eprintln!("error: the machine did not end in {} s", limit.as_secs());
            ExitCode::from(1)
        }
        Ok(Ended::Broken) => {
            eprintln!("error: the machine went off by itself: see what it said above");
            ExitCode::from(1)
        }
        Err(cause) => {
            eprintln!("error: QEMU: {cause}");
            ExitCode::from(1)
        }
    }
}

fn order(mut words: impl Iterator<Item = String>) -> Option<(Order, Duration)> {
    let (mut path, mut programs, mut limit_s) = (None, None, USUAL_LIMIT_S);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--programs" => programs = Some(words.next()?.into()),
            "--limit-s" => limit_s = words.next()?.parse().ok()?,
            "--" => break,
            _ if path.is_none() && !word.starts_with('-') => path = Some(word),
            _ => return None,
        }
    }
    let order = Order {
        path: path?,
        arguments: words.collect(),
        programs,
    };
    Some((order, Duration::from_secs(limit_s)))
}

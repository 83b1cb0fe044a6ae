//! Rights taken away while they are being used: does a byte arrive after the
//! call has returned?
//!
//! ```text
//!   claims.rs   claim_mem against copies through the object
//!   copies.rs   ControlMem against copies into the pages
//!   stores.rs   ControlMem against a task that stores to them itself
//! ```

mod claims;
mod copies;
mod stores;

use std::time::Duration;

use clap::ValueEnum;
use usufruct_wasm::Config;

use crate::guest::Guest;
use crate::words::Table;

/// How long a run may take. Each store that is stopped ends a task: on a machine
/// that has other things to do, a million of them take their time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Without what keeps them away, a late byte must show within this time.
const PATIENCE_WITHOUT: Duration = Duration::from_secs(60);

/// Words of one report of the task that revokes.
const REPORT_WORDS: usize = 3;

/// What is revoked, against whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// An object, against a copy through it.
    Claims,
    /// Pages, against copies into them.
    Copies,
    /// Pages, against a task that stores to them.
    Stores,
}

/// What the task that revokes saw.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Revocations while the other was provably at it.
    counted: u64,
    all: u64,
    /// Words that changed after the call had returned.
    late: u64,
}

impl Seen {
    fn last_of(guest: &Guest) -> Self {
        let words = guest.words();
        match words.chunks_exact(REPORT_WORDS).next_back() {
            Some(&[counted, all, late]) => Self { counted, all, late },
            _ => Self::default(),
        }
    }
}

/// Revokes in a system of that configuration until so many revocations are
/// counted, or a byte is late, or patience is at its end; the time in seconds.
type Hammer = dyn Fn(Config, u32, Duration) -> Result<(Seen, f64), String>;

/// One thing to hammer at.
struct Case {
    name: String,
    config: Config,
    /// The same without what keeps late bytes away, and what that is.
    without: (&'static str, Config),
    hammer: Box<Hammer>,
}

/// Revokes `revocations` times in each of the `ways`, and once more with what
/// keeps late bytes away taken out.
///
/// # Errors
///
/// A late byte as shipped, or none without.
pub(crate) fn run(ways: &[Way], revocations: u32) -> Result<String, String> {
    let mut cases = Vec::new();
    for way in ways {
        match way {
            Way::Claims => cases.extend(claims::cases()),
            Way::Copies => cases.extend(copies::cases()),
            Way::Stores => cases.extend(stores::cases()),
        }
    }
    let mut table = Table::new(&[
        "what is revoked, against what",
        "with",
        "counted",
        "all",
        "late words",
        "seconds",
    ]);
    for case in &cases {
        eprintln!("{} ...", case.name);
        check(case, revocations, &mut table)?;
    }
    Ok(table.to_string())
}

fn check(case: &Case, revocations: u32, table: &mut Table) -> Result<(), String> {
    let name = &case.name;
    let mut row = |what: &str, seen: Seen, seconds: f64| {
        let numbers = [seen.counted, seen.all, seen.late].map(|number| number.to_string());
        let [counted, all, late] = &numbers;
        table.row(&[name, what, counted, all, late, &format!("{seconds:.1}")]);
    };
    let (with, seconds) = (case.hammer)(case.config.clone(), revocations, PATIENCE)?;
    row("as shipped", with, seconds);
    if with.late > 0 {
        return Err(format!(
            "{name}: {} words arrived after the call had returned\n{with:?}",
            with.late
        ));
    }
    if with.counted < u64::from(revocations) {
        return Err(format!("{name}: only {with:?} in {PATIENCE:?}"));
    }
    let (what, config) = &case.without;
    let (without, seconds) = (case.hammer)(config.clone(), u32::MAX, PATIENCE_WITHOUT)?;
    row(what, without, seconds);
    if without.late == 0 {
        return Err(format!(
            "{name}: no byte was late with {what}: the hammer does not hit\n{without:?}"
        ));
    }
    Ok(())
}

/// Two workers: one revokes, the other has its rights taken away.
fn config() -> Config {
    let mut config = Config::default();
    config.workers = 2;
    config
}

/// The same with a pool.
fn config_with_pool() -> Config {
    let mut config = config();
    config.pool_bytes = 2 << 20;
    config
}

//! Claims against a copy that is running: does a byte arrive after the claim
//! has returned?

use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Capture, Config, Input, Output, Spec};

use crate::figure::Table;
use crate::system;

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Without the wait, a late byte must show within this time.
const PATIENCE_WITHOUT_WAIT: Duration = Duration::from_secs(60);

/// Bytes of one report of the claimer.
const REPORT_BYTES: usize = 24;

/// What the claimer saw.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Claims while a copy was in the middle of the bytes.
    counted: u64,
    claims: u64,
    /// Words that changed after a claim had returned.
    late: u64,
}

/// Claims `claims` times against a running copy; with the wait, and without.
///
/// # Errors
///
/// A late byte with the wait, or none without it.
pub(crate) fn run(claims: u32) -> Result<String, String> {
    let mut table = Table::new(&[
        "the wait",
        "counted claims",
        "all claims",
        "late words",
        "seconds",
    ]);
    let mut row = |name: &str, seen: Seen, time: Duration| {
        let numbers = [seen.counted, seen.claims, seen.late].map(|number| number.to_string());
        let seconds = format!("{:.1}", time.as_secs_f64());
        table.row(&[name, &numbers[0], &numbers[1], &numbers[2], &seconds]);
    };
    let (with, time) = hammer(config(), claims, PATIENCE)?;
    row("as shipped", with, time);
    if with.late > 0 {
        return Err(format!(
            "{} words arrived after the claim had returned\n{with:?}",
            with.late
        ));
    }
    if with.counted < u64::from(claims) {
        return Err(format!(
            "only {} counted claims in {PATIENCE:?}",
            with.counted
        ));
    }
    let (without, time) = hammer(config().without_barrier(), u32::MAX, PATIENCE_WITHOUT_WAIT)?;
    row("taken out", without, time);
    if without.late == 0 {
        return Err("no byte was late with the wait taken out: the hammer does not hit".to_owned());
    }
    Ok(table.to_string())
}

fn config() -> Config {
    let mut config = Config::default();
    config.workers = 2;
    config
}

/// Until `claims` are counted, or a byte is late, or patience is at its end.
fn hammer(config: Config, claims: u32, patience: Duration) -> Result<(Seen, Duration), String> {
    let system = system::with(config)?;
    let output = Capture::new(1 << 26);
    let mut spec = Spec::new("claimer");
    spec.streams.stdin = Input::Bytes([claims.to_le_bytes(), 1_u32.to_le_bytes()].concat());
    spec.streams.stdout = Output::Capture(output.clone());
    let claimer = system::load(&system, include_str!("guest/claimer.wat"))?;
    let claimer = system::make(&system, &claimer, &spec)?;
    let copier = system::load(&system, include_str!("guest/copier.wat"))?;
    let copier = system::make(&system, &copier, &Spec::new("copier"))?;
    copier.start();
    claimer.start();
    let begun = Instant::now();
    while claimer.report().is_none() && begun.elapsed() < patience {
        thread::sleep(Duration::from_millis(2));
    }
    let time = begun.elapsed();
    match claimer.report() {
        Some(report) if !report.is_success() => return Err(format!("the claimer {report}")),
        _ => claimer.kill(),
    }
    copier.kill();
    Ok((last_report(&output.contents()), time))
}

fn last_report(output: &[u8]) -> Seen {
    let whole = output.len() - output.len() % REPORT_BYTES;
    let Some(last) = output[..whole].last_chunk::<REPORT_BYTES>() else {
        return Seen::default();
    };
    let mut words = last
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word));
    let mut word = || words.next().unwrap_or(0);
    Seen {
        counted: word(),
        claims: word(),
        late: word(),
    }
}

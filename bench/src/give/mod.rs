//! Bytes from one task to another, which reads all of them: by giving the pages,
//! or by copying. Each way in turns, with tasks that have used the memory before.

mod chart;

use std::time::Duration;

use usufruct_wasm::{Config, Protection, System};

use crate::figure::{Spread, Table, ratio};
use crate::guest::Guest;
use crate::system;

/// What is handed over, in bytes.
const SIZES: [u32; 15] = {
    let mut sizes = [4 << 10; 15];
    let mut index = 0;
    while index < sizes.len() {
        sizes[index] <<= index;
        index += 1;
    }
    sizes
};

/// Room for the largest, whatever is given: huge pages depend on it.
const POOL_BYTES: u64 = 64 << 20;

/// The ways, in the order in which the guests take turns.
const WAYS: [&str; 3] = ["give and read", "give, fence and read", "copy and read"];

/// Where [`WAYS`] copies.
const COPY: usize = 2;

const PATIENCE: Duration = Duration::from_secs(120);

/// About how many bytes go each way; small sizes go more often, to a limit.
const BYTES_EACH_WAY: u64 = 256 << 20;
const MOST_ROUNDS: u64 = 400;

/// The figures of one size, in microseconds, by way.
struct Size {
    bytes: u32,
    /// Giving and fencing, or copying.
    moved: [Spread; 3],
    /// The same, and reading.
    all: [Spread; 3],
    /// Filling the pages, which have come back by the way before: fenced, so that
    /// the first store takes them up; and not, so that they are mapped still.
    filled: [Spread; 2],
}

/// Measures all sizes, and draws them; `least_rounds` of each way at least.
pub(crate) fn run(
    protection: Protection,
    least_rounds: u32,
    is_recorded: bool,
) -> Result<String, String> {
    let facts = with_pool(protection)?.pool_facts();
    let (way, huge) = facts.ok_or("there is no pool")?;
    let sizes: Result<Vec<Size>, String> = SIZES
        .iter()
        .map(|&bytes| measure(protection, bytes, least_rounds))
        .collect();
    let sizes = sizes?;
    let mut text = format!(
        "Protection by {way}; the pool's huge pages: {huge}. Median (least), in us; ratios of medians to the copy's. \
         Telling the other is left out on both sides: it is the same. Pages that have come back are mapped \
         at the giver's first store, if the taker had fenced them off: what that takes, filling them shows.\n\n{}\n{}",
        table(&sizes),
        goals(&sizes)
    );
    if is_recorded {
        chart::draw(&sizes)?;
        text.push_str("\n![What each way takes, by size](give.svg)\n");
    }
    Ok(text)
}

fn with_pool(protection: Protection) -> Result<System, String> {
    let mut config = Config::default();
    config.workers = 2;
    config.protection = protection;
    config.pool_bytes = POOL_BYTES;
    system::with(config)
}

fn measure(protection: Protection, bytes: u32, least_rounds: u32) -> Result<Size, String> {
    let rounds = (BYTES_EACH_WAY / u64::from(bytes)).min(MOST_ROUNDS);
    let rounds = u32::try_from(rounds).unwrap_or(0).max(least_rounds);
    let system = with_pool(protection)?;
    let words = [bytes, rounds];
    let taker = Guest::start(&system, "taker", include_str!("../guest/taker.wat"), &words)?;
    let giver = Guest::start(&system, "giver", include_str!("../guest/giver.wat"), &words)?;
    let (given, taken) = (giver.finish(PATIENCE)?, taker.finish(PATIENCE)?);
    let ((given, _), (taken, _)) = (given.as_chunks::<2>(), taken.as_chunks::<2>());
    let turns: Vec<[f64; 3]> = given
        .iter()
        .zip(taken)
        .map(|([filled, given], [moved, read])| [given + moved, given + moved + read, *filled])
        .map(|ns| ns.map(|ns| ns as f64 / 1e3))
        .collect();
    let spread = |way: usize, column: usize| {
        let of_way = turns.iter().skip(way).step_by(WAYS.len());
        Spread::new(of_way.map(|turn| turn[column]))
    };
    Ok(Size {
        bytes,
        moved: [0, 1, 2].map(|way| spread(way, 0)),
        all: [0, 1, 2].map(|way| spread(way, 1)),
        filled: [0, 1].map(|way| spread(way, 2)),
    })
}

fn table(sizes: &[Size]) -> Table {
    let mut table = Table::new(&[
        "size",
        WAYS[0],
        WAYS[1],
        WAYS[2],
        "give",
        "copy",
        "give / copy",
        "and read",
        "fence and read",
        "fill again, unmapped",
        "fill again, mapped",
    ]);
    for size in sizes {
        let [give, fence, copy] = size.all;
        table.row(&[
            &name(size.bytes),
            &give.to_string(),
            &fence.to_string(),
            &copy.to_string(),
            &size.moved[0].to_string(),
            &size.moved[COPY].to_string(),
            &ratio(size.moved[0].median, size.moved[COPY].median),
            &ratio(give.median, copy.median),
            &ratio(fence.median, copy.median),
            &size.filled[0].to_string(),
            &size.filled[1].to_string(),
        ]);
    }
    table
}

/// What was to be reached, and what was.
fn goals(sizes: &[Size]) -> Table {
    let mut table = Table::new(&["what", "ratio", "goal"]);
    let of = |bytes: u32| sizes.iter().find(|size| size.bytes == bytes);
    if let Some(size) = of(1 << 20) {
        let reached = ratio(size.all[0].median, size.all[COPY].median);
        table.row(&["give 1 MiB and read, to copy and read", &reached, "<= 0.6"]);
    }
    if let Some(size) = of(16 << 20) {
        let reached = ratio(size.moved[0].median, size.moved[COPY].median);
        table.row(&[
            "give 16 MiB, to copy, without the reading",
            &reached,
            "<= 0.05 with huge pages",
        ]);
    }
    table
}

/// A size for people.
fn name(bytes: u32) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mib => format!("{mib} MiB"),
    }
}

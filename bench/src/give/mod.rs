//! Bytes from one task to another, which reads all of them: by giving the pages,
//! or by copying. Each way in turns, with tasks that have used the memory before.

use std::time::Duration;

use usufruct_wasm::{Config, Protection, System};

use crate::figure::{Case, Figure, Picture, Role, Section};
use crate::guest::Guest;
use crate::plan::Plan;
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
pub(crate) const WAYS: [&str; 3] = ["give and read", "give, fence and read", "copy and read"];

/// Where [`WAYS`] copies.
const COPY: usize = 2;

/// The same without the reading.
pub(crate) const GIVE: &str = "give";
pub(crate) const COPY_ALONE: &str = "copy";

const PATIENCE: Duration = Duration::from_secs(120);

/// About how many bytes go each way; small sizes go more often, to a limit.
const BYTES_EACH_WAY: u64 = 256 << 20;
const MOST_ROUNDS: u64 = 400;
const LEAST_ROUNDS: u64 = 30;

/// Measures all sizes.
pub(crate) fn run(plan: &Plan) -> Result<Section, String> {
    let facts = with_pool(Protection::Auto)?.pool_facts();
    let (way, huge) = facts.ok_or("there is no pool")?;
    let mut figures = Vec::new();
    for bytes in SIZES {
        figures.extend(measure(plan, bytes)?);
    }
    Ok(Section {
        name: "give",
        about: format!(
            "Bytes handed to another task, which reads all of them: by giving the pages, the same with the taker's fence, \
             or by a copy. Protection by {way}; the pool's huge pages: {huge}. Telling the other is left out on \
             all sides: it is the same. Pages that have come back are mapped at the giver's first \
             store, if the taker had fenced them off: what that takes, filling them again shows."
        ),
        figures,
        picture: Some(Picture {
            caption: "One task's bytes, until another has read them all",
            lines: &WAYS,
        }),
    })
}

fn with_pool(protection: Protection) -> Result<System, String> {
    let mut config = Config::default();
    config.workers = 2;
    config.protection = protection;
    config.pool_bytes = POOL_BYTES;
    system::with(config)
}

/// All ways for one size: handing over and reading, handing over alone, filling again.
fn measure(plan: &Plan, bytes: u32) -> Result<Vec<Figure>, String> {
    let rounds = (BYTES_EACH_WAY / u64::from(bytes)).clamp(LEAST_ROUNDS, MOST_ROUNDS);
    let rounds = plan.rounds(u32::try_from(rounds).unwrap_or(0));
    let system = with_pool(Protection::Auto)?;
    let words = [bytes, rounds];
    let taker = Guest::start(&system, "taker", include_str!("../guest/taker.wat"), &words)?;
    let giver = Guest::start(&system, "giver", include_str!("../guest/giver.wat"), &words)?;
    let (given, taken) = (giver.finish(PATIENCE)?, taker.finish(PATIENCE)?);
    let ((given, _), (taken, _)) = (given.as_chunks::<2>(), taken.as_chunks::<2>());
    let turns: Vec<[u64; 3]> = given
        .iter()
        .zip(taken)
        .map(|([filled, given], [moved, read])| [given + moved + read, given + moved, *filled])
        .collect();
    let figure = |what: &str, role: Role, (way, column): (usize, usize)| {
        let of_way = turns.iter().skip(way).step_by(WAYS.len());
        let ns = of_way.map(|turn| turn[column] as f64).collect();
        Figure::time(Case::Bytes(bytes), what, role, ns)
    };
    Ok(vec![
        figure(WAYS[COPY], Role::Floor, (COPY, 0)),
        figure(WAYS[0], Role::Ours, (0, 0)),
        figure(WAYS[1], Role::Ours, (1, 0)),
        figure(GIVE, Role::Ours, (0, 1)),
        figure(COPY_ALONE, Role::Rival, (COPY, 1)),
        figure("fill again, mapped", Role::Rival, (1, 2)),
        figure("fill again, unmapped", Role::Rival, (0, 2)),
    ])
}

//! `read_mem` and `write_mem`, timed in a guest's loop through the import, beside
//! `memcpy` between the same two memories and what one would use instead. Round by
//! round and size by size, one after the other.

mod guest;
mod ways;

use crate::figure::{Case, Figure, Picture, Role, Section, add};
use crate::plan::Plan;

use guest::Guests;
use ways::Ways;

const SIZES: [u32; 12] = [
    0,
    8,
    64,
    256,
    1 << 10,
    4 << 10,
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
    4 << 20,
    16 << 20,
];

/// What is drawn.
const LINES: &[&str] = &[
    "memcpy",
    "read_mem",
    "through a Vec",
    "composed component",
    "linked components",
    "Extism",
    "pipe, asked for",
    "socket, asked for",
];

/// The floor, and the sum that the smallest sizes are judged by.
const MEMCPY: &str = "memcpy";
pub(crate) const CALL_AND_MEMCPY: &str = "empty call + memcpy";

/// Up to this size the call counts beside the bytes.
const SMALL_BYTES: u32 = 4 << 10;

/// Measures all sizes.
pub(crate) fn run(plan: &Plan) -> Result<Section, String> {
    let mut guests = Guests::new()?;
    let mut ways = Ways::new(&plan.rivals)?;
    let mut figures = Vec::new();
    for round in 0..plan.rounds(25) {
        for bytes in SIZES {
            for (what, role, ns) in measure(&mut guests, &mut ways, plan, bytes)? {
                let case = Case::Bytes(bytes);
                add(&mut figures, Figure::time(case, what, role, vec![ns]));
            }
        }
        plan.tell("copy", round);
    }
    figures.sort_by_key(|figure: &Figure| match figure.case {
        Case::Bytes(bytes) => bytes,
        Case::Named(_) => 0,
    });
    Ok(Section {
        name: "copy",
        about: "Bytes of one task in the memory of another, by size: time for one of many \
                in a row, and how many times `memcpy` between the same two memories it is. An empty call is a \
                bare import of wasmtime's; its sum with `memcpy` is computed. A naive host copies out of one \
                memory into a `Vec`, and from there into the other. Components are handed a `list<u8>`: \
                composed, by the adapter that wasmtime makes; linked, by a host that hands on the list without \
                a buffer of its own. Processes send through two pipes or a Unix socket: when asked for by a byte, as \
                `read_mem` asks, or streamed, one after the other without being asked."
            .to_owned(),
        figures,
        picture: Some(Picture {
            caption: "Bytes of one task in another's memory",
            lines: LINES,
        }),
    })
}

type Measured = (&'static str, Role, f64);

/// All ways once, for one size.
fn measure(
    guests: &mut Guests,
    ways: &mut Ways,
    plan: &Plan,
    bytes: u32,
) -> Result<Vec<Measured>, String> {
    let times = plan.times(25.0 + f64::from(bytes) * 0.08);
    let of_guest = guests.time(bytes, times)?;
    let mut measured = vec![
        (MEMCPY, Role::Floor, of_guest.memcpy_ns),
        ("read_mem", Role::Ours, of_guest.read_ns),
        ("write_mem", Role::Ours, of_guest.write_ns),
    ];
    if bytes <= SMALL_BYTES {
        let sum = of_guest.empty_call_ns + of_guest.memcpy_ns;
        measured.push((CALL_AND_MEMCPY, Role::Rival, sum));
    }
    measured.extend(ways.time(plan, bytes)?);
    Ok(measured)
}

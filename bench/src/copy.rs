//! `read_mem`, timed inside a guest's loop through the import, beside `memcpy`
//! between the same two memories.

use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::measure::memcpy_between;
use usufruct_wasm::{Capture, Input, Output, Program, Spec, System, Task};

use crate::figure::{Spread, Table};
use crate::system;

/// The size that means the empty call.
const EMPTY_CALL: i32 = -1;

/// What is measured: sizes in bytes, and how many make a few milliseconds.
const LOOPS: [(i32, u32); 7] = [
    (EMPTY_CALL, 300_000),
    (0, 100_000),
    (8, 100_000),
    (64, 100_000),
    (4096, 40_000),
    (65_536, 2_000),
    (1 << 20, 60),
];

/// Where the bytes are, in both memories.
const START: u64 = 1 << 20;

/// How long one reader may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One pass over [`LOOPS`], nanoseconds for one copy each.
struct Pass {
    read_ns: Vec<f64>,
    memcpy_ns: Vec<f64>,
}

/// Measures `repeats` passes, reader and `memcpy` in turns.
pub(crate) fn run(repeats: usize) -> Result<String, String> {
    let system = system::with_workers(2)?;
    let owner = system::load(&system, include_str!("guest/owner.wat"))?;
    let owner = system::make(&system, &owner, &Spec::new("owner"))?;
    owner.start();
    let reader = system::load(&system, include_str!("guest/reader.wat"))?;
    let passes: Result<Vec<Pass>, String> = (0..repeats)
        .map(|_| pass(&system, &owner, &reader))
        .collect();
    Ok(table(&passes?))
}

/// A fresh reader goes through the loops, then waits while the host does.
fn pass(system: &System, owner: &Task, reader: &Program) -> Result<Pass, String> {
    let output = Capture::new(1 << 12);
    let mut spec = Spec::new("reader");
    let words = LOOPS
        .iter()
        .flat_map(|(size, times)| [size.to_le_bytes(), times.to_le_bytes()]);
    spec.streams.stdin = Input::Bytes(words.flatten().collect());
    spec.streams.stdout = Output::Capture(output.clone());
    let reader = system::make(system, reader, &spec)?;
    reader.start();
    let times = await_output(&reader, &output, LOOPS.len() * size_of::<u64>())?;
    let per_copy = |ns: u64, times: u32| ns as f64 / f64::from(times);
    let words = times
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word));
    let read_ns = words
        .zip(LOOPS)
        .map(|(ns, (_, times))| per_copy(ns, times))
        .collect();
    let memcpy_ns: Result<Vec<f64>, String> = LOOPS
        .iter()
        .map(|&(size, times)| {
            let size = usize::try_from(size).unwrap_or(0);
            let time = memcpy_between(owner, &reader, (START, size), times);
            let time = time.ok_or("the memories are not there")?;
            Ok(time.as_nanos() as f64 / f64::from(times))
        })
        .collect();
    reader.kill();
    let _ = reader.wait();
    Ok(Pass {
        read_ns,
        memcpy_ns: memcpy_ns?,
    })
}

fn await_output(task: &Task, output: &Capture, len: usize) -> Result<Vec<u8>, String> {
    let begun = Instant::now();
    loop {
        let contents = output.contents();
        if contents.len() >= len {
            return Ok(contents);
        }
        if let Some(report) = task.report() {
            return Err(format!("the reader {report}"));
        }
        if begun.elapsed() > PATIENCE {
            return Err("the reader takes too long".to_owned());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn table(passes: &[Pass]) -> String {
    let mut table = Table::new(&["size", "read_mem, ns", "memcpy, ns", "ratio"]);
    for (index, (size, _)) in LOOPS.iter().enumerate() {
        let column = |of: fn(&Pass) -> &Vec<f64>| passes.iter().map(move |pass| of(pass)[index]);
        let read = Spread::new(column(|pass| &pass.read_ns));
        if *size == EMPTY_CALL {
            table.row(&["(empty call)", &read.to_string(), "", ""]);
            continue;
        }
        let memcpy = Spread::new(column(|pass| &pass.memcpy_ns));
        let ratios = passes
            .iter()
            .map(|pass| pass.read_ns[index] / pass.memcpy_ns[index]);
        let ratio = format!("{:.2}", Spread::new(ratios).median);
        table.row(&[
            &size.to_string(),
            &read.to_string(),
            &memcpy.to_string(),
            &ratio,
        ]);
    }
    table.to_string()
}

//! The copies by guests, and `memcpy` between the very memories that they use.

use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::measure::memcpy_between;
use usufruct_wasm::{Config, Program, System};

use crate::guest::Guest;
use crate::system;

/// Where the bytes are, in both memories.
const START: u64 = 1 << 20;

/// How long one reader may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two workers, an owner whose bytes are read and written, and who does it.
pub(super) struct Guests {
    system: System,
    owner: Guest,
    reader: Program,
}

/// Nanoseconds for one of each.
pub(super) struct Times {
    pub(super) empty_call_ns: f64,
    pub(super) read_ns: f64,
    pub(super) write_ns: f64,
    pub(super) memcpy_ns: f64,
}

impl Guests {
    pub(super) fn new() -> Result<Self, String> {
        let mut config = Config::default();
        config.workers = 2;
        let config = config.with_imports(|linker| {
            let nothing = |_: u32, _: u32, _: u32, _: u32| 0_u32;
            linker.func_wrap("bench", "nothing", nothing).map(|_| ())
        });
        let system = system::with(config)?;
        let owner = Guest::start(&system, "owner", include_str!("../guest/owner.wat"), &[])?;
        let reader = system::load(&system, include_str!("../guest/reader.wat"))?;
        Ok(Self {
            system,
            owner,
            reader,
        })
    }

    /// A fresh reader goes through its loops, then waits while the host does.
    pub(super) fn time(&mut self, bytes: u32, times: u32) -> Result<Times, String> {
        let reader = Guest::start_program(&self.system, "reader", &self.reader, &[bytes, times])?;
        let ns = await_words(&reader, 3)?;
        let per_copy = |ns: f64| ns / f64::from(times);
        let memcpy = |times: u32| {
            let range = (START, bytes as usize);
            memcpy_between(self.owner.task(), reader.task(), range, times)
                .ok_or("the memories are not there")
        };
        memcpy(1 + times / 10)?;
        let memcpy_ns = per_copy(memcpy(times)?.as_nanos() as f64);
        reader.kill()?;
        let _ = reader.task().wait();
        Ok(Times {
            empty_call_ns: per_copy(ns[0] as f64),
            read_ns: per_copy(ns[1] as f64),
            write_ns: per_copy(ns[2] as f64),
            memcpy_ns,
        })
    }
}

/// Waits until a guest that goes on has written so many words.
fn await_words(guest: &Guest, count: usize) -> Result<Vec<u64>, String> {
    let begun = Instant::now();
    loop {
        let words = guest.words();
        if words.len() >= count {
            return Ok(words);
        }
        if let Some(report) = guest.task().report() {
            return Err(format!("the reader {report}"));
        }
        if begun.elapsed() > PATIENCE {
            return Err("the reader takes too long".to_owned());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

//! What wasmtime by itself offers for bytes from one program to another.
//!
//! ```text
//!   naive.rs        a host that copies through a `Vec`
//!   components.rs   components that are handed a list: composed, or linked by a host
//! ```
//!
//! Asked by a line on standard input, `WAY SIZE TIMES`, it answers by a line with
//! the nanoseconds that all of them took.

mod components;
mod naive;

use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use wasmtime::{Config, Engine, Result, Store, bail};

/// Far enough away never to come.
const NO_DEADLINE: u64 = u64::MAX / 2;

/// Moves so many bytes so many times; how long it took.
type Way = Box<dyn FnMut(u32, u32) -> Result<Duration>>;

fn main() -> Result<()> {
    // Like the tasks of usufruct, they can be interrupted.
    let engine = Engine::new(Config::new().epoch_interruption(true))?;
    let mut ways: [(&str, Way); 3] = [
        ("naive", naive::way(&engine)?),
        ("composed", components::composed(&engine)?),
        ("linked", components::linked(&engine)?),
    ];
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let [name, size, times] = words[..] else {
            bail!("'{line}' is not WAY SIZE TIMES");
        };
        let Some((_, way)) = ways.iter_mut().find(|(known, _)| *known == name) else {
            bail!("'{name}' is no way");
        };
        let took = way(size.parse()?, times.parse()?)?;
        writeln!(stdout(), "{}", took.as_nanos())?;
    }
    Ok(())
}

fn store(engine: &Engine) -> Store<()> {
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(NO_DEADLINE);
    store
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    run()?;
    Ok(begun.elapsed())
}

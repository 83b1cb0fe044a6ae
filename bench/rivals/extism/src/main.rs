//! Bytes from one Extism plug-in to another: what the first returns, the host
//! hands to the second. The argument is the plug-in's file.
//!
//! Asked by a line on standard input, `extism SIZE TIMES`, it answers by a line
//! with the nanoseconds that all of them took.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use extism::{Error, Manifest, Plugin, Wasm};

fn main() -> Result<(), Error> {
    let file = std::env::args().nth(1);
    let file = file.ok_or_else(|| Error::msg("name the plug-in's file"))?;
    let file = std::fs::read(file)?;
    let plugin = || Plugin::new(Manifest::new([Wasm::data(file.clone())]), [], false);
    let (mut producer, mut consumer) = (plugin()?, plugin()?);
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["extism", size, times] = words[..] else {
            return Err(Error::msg(format!("'{line}' is not extism SIZE TIMES")));
        };
        let took = time(&mut producer, &mut consumer, size, times.parse()?)?;
        writeln!(stdout(), "{}", took.as_nanos())?;
    }
    Ok(())
}

fn time(
    producer: &mut Plugin,
    consumer: &mut Plugin,
    size: &str,
    times: u32,
) -> Result<Duration, Error> {
    let begun = Instant::now();
    for _ in 0..times {
        let bytes: &[u8] = producer.call("produce", size)?;
        let () = consumer.call("consume", bytes)?;
    }
    Ok(begun.elapsed())
}

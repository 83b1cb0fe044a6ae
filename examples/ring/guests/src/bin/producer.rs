//! Puts a stream into the ring, from wherever the last producer has come to.

use std::process::ExitCode;

use ends::{End, Fault, run};
use stream::{COUNT_AT, HEAD_AT, RING_AT, STEP_BYTES, WORD_BYTES, fill, record_at};
use usufruct_guest::page::{Foreign, PageError};

fn main() -> ExitCode {
    run(produce)
}

fn produce() -> Result<(), Fault> {
    let mut end = End::start()?;
    let ring = end.mine().len() - RING_AT;
    let mut bytes = vec![0; STEP_BYTES];
    loop {
        end.obey()?;
        let head = end.mine().load_u64(HEAD_AT)?;
        if head >= end.total {
            return Ok(());
        }
        let not_taken = head
            .checked_sub(tail(&end.theirs)?)
            .ok_or(Fault::Nonsense)?;
        let room = (ring as u64)
            .checked_sub(not_taken)
            .ok_or(Fault::Nonsense)?;
        let at = (head % ring as u64) as usize;
        let step = room.min(end.total - head).min(STEP_BYTES as u64) as usize;
        let step = step.min(ring - at) / WORD_BYTES * WORD_BYTES;
        if step == 0 {
            end.rest()?;
            continue;
        }
        let bytes = &mut bytes[..step];
        fill(end.seed, head, bytes);
        end.store(|mine| {
            mine.write_at(RING_AT + at, bytes)?;
            // After the bytes: who sees this number sees them.
            mine.store_u64(HEAD_AT, head + step as u64)
        })?;
    }
}

/// How far the consumer is.
fn tail(consumer: &Foreign) -> Result<u64, PageError> {
    loop {
        let count = consumer.load_u64(COUNT_AT)?;
        let tail = consumer.load_u64(record_at(count))?;
        // Unless it is being written anew, for the count after the next.
        if consumer.load_u64(COUNT_AT)? == count {
            return Ok(tail);
        }
    }
}

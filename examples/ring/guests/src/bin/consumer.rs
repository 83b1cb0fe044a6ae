//! Takes a stream out of the ring and sums it up, from wherever the last consumer has come to.

use std::process::ExitCode;

use ends::{End, Fault, run};
use stream::{COUNT_AT, HEAD_AT, RING_AT, STEP_BYTES, WORD_BYTES, record_at, sum};

fn main() -> ExitCode {
    run(consume)
}

fn consume() -> Result<(), Fault> {
    let mut end = End::start()?;
    let ring = end
        .theirs
        .len()
        .checked_sub(RING_AT)
        .ok_or(Fault::Nonsense)?;
    let mut bytes = vec![0; STEP_BYTES];
    let mut count = end.mine().load_u64(COUNT_AT)?;
    let mut tail = end.mine().load_u64(record_at(count))?;
    let mut total = end.mine().load_u64(record_at(count) + WORD_BYTES)?;
    while tail < end.total {
        end.obey()?;
        let head = end.theirs.load_u64(HEAD_AT)?;
        let there = head.checked_sub(tail).ok_or(Fault::Nonsense)?;
        let at = (tail % ring as u64) as usize;
        let step = there.min(STEP_BYTES as u64).min((ring - at) as u64) as usize;
        if step == 0 {
            end.rest()?;
            continue;
        }
        let bytes = &mut bytes[..step];
        end.theirs.read_at(RING_AT + at, bytes)?;
        tail += step as u64;
        total = sum(total, bytes);
        count += 1;
        end.store(|mine| {
            mine.store_u64(record_at(count), tail)?;
            mine.store_u64(record_at(count) + WORD_BYTES, total)?;
            // Last: from here on this record is the valid one, and the step is done.
            mine.store_u64(COUNT_AT, count)
        })?;
    }
    Ok(())
}

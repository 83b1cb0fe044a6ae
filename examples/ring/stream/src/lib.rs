//! What the two ends of the ring and their supervisor agree on: the bytes that stream, where
//! things lie, and what they tell each other.
//!
//! ```text
//!   producer's pages:  | head |  ring: as many bytes as the supervisor says ...  |
//!   consumer's pages:  | count | record, record |
//! ```
//!
//! Each end can write its own pages alone, and read the other's. `head` is how many bytes were
//! put into the ring since the beginning, stored after these bytes. The consumer has two
//! records, and `count` says which is the valid one: its last bit. So whoever looks at either
//! end, at any moment and after any end of a task, sees a state that is whole.

#![forbid(unsafe_code)]

mod letter;

pub use letter::{Order, PORT, Word};

/// Where `head` lies in the producer's pages, in bytes.
pub const HEAD_AT: usize = 0;
/// Where the ring begins in the producer's pages, in bytes: behind one page.
pub const RING_AT: usize = 4096;
/// Where `count` lies in the consumer's pages, in bytes.
pub const COUNT_AT: usize = 0;

/// The most bytes that either end moves before it says so.
pub const STEP_BYTES: usize = 64 << 10;
/// Everything that streams is a multiple of this, in bytes.
pub const WORD_BYTES: usize = size_of::<u64>();

/// Where a record of the consumer's lies, in bytes: how far it is, and behind that its sum.
#[must_use]
pub fn record_at(count: u64) -> usize {
    if count.is_multiple_of(2) { 64 } else { 128 }
}

/// Fills in the bytes of the stream that begin at `position`, a multiple of 8.
pub fn fill(seed: u64, position: u64, bytes: &mut [u8]) {
    let first = position / WORD_BYTES as u64;
    for (number, bytes) in (first..).zip(bytes.as_chunks_mut().0) {
        *bytes = word(seed, number).to_le_bytes();
    }
}

/// SplitMix64, at any place at once.
#[must_use]
pub fn word(seed: u64, number: u64) -> u64 {
    let mut mixed = number
        .wrapping_add(seed)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// A number for all bytes of a stream so far: another one if a byte is missing, is there
/// twice, or is elsewhere.
#[must_use]
pub fn sum(before: u64, bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks().0.iter().copied().map(u64::from_le_bytes);
    words.fold(before, |sum, word| {
        (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

#[cfg(test)]
mod tests {
    use super::{fill, sum};

    #[test]
    fn the_stream_is_the_same_in_whatever_steps_it_comes() {
        let mut whole = [0; 4096];
        fill(7, 0, &mut whole);
        for step in [8, 24, 1000, 4096] {
            let mut total = 0;
            for (number, expected) in whole.chunks(step).enumerate() {
                let mut bytes = vec![0; expected.len()];
                fill(7, (number * step) as u64, &mut bytes);
                assert_eq!(bytes, expected);
                total = sum(total, &bytes);
            }
            assert_eq!(total, sum(0, &whole));
        }
        let mut other = [0; 4096];
        fill(8, 0, &mut other);
        assert_ne!(sum(0, &other), sum(0, &whole));
    }

    #[test]
    fn a_word_that_is_missing_doubled_or_moved_changes_the_sum() {
        let mut bytes = vec![0; 1024];
        fill(1, 0, &mut bytes);
        let right = sum(0, &bytes);
        assert_ne!(sum(0, &bytes[8..]), right);
        assert_ne!(sum(0, &bytes[..1016]), right);
        assert_ne!(sum(sum(0, &bytes), &bytes[1016..]), right);
        bytes.rotate_left(8);
        assert_ne!(sum(0, &bytes), right);
    }
}

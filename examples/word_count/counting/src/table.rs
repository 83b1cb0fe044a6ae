//! How often each word was there: two tables with open addresses. A word of up to eight bytes
//! is its own key, so most words are found by comparing one number.

use crate::block::{Block, Listener, PIECE_BYTES, Word};

/// Odd, without a pattern: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// How many slots a table has at first. Always a power of two.
const FIRST_SLOTS: usize = 1 << 12;

/// Words, each with the number of times it was there.
#[derive(Clone, Debug, Default)]
pub struct Words {
    short: Table<Short>,
    long: Table<Long>,
    /// The long words, each in whole pieces.
    pieces: Vec<u64>,
}

/// A word of 1 to 8 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Short {
    /// The bytes, with zeros behind the last one; no word has a zero. 0: the slot is free.
    key: u64,
    count: u64,
}

/// A longer one.
#[derive(Clone, Copy, Debug, Default)]
struct Long {
    /// What its pieces hash to.
    key: u64,
    count: u64,
    /// Where it begins in `pieces`.
    place: usize,
    /// In bytes. 0: the slot is free.
    len: usize,
}

trait Slot: Copy + Default {
    fn key(&self) -> u64;
    fn is_free(&self) -> bool;
}

impl Slot for Short {
    fn key(&self) -> u64 {
        self.key
    }

    fn is_free(&self) -> bool {
        self.key == 0
    }
}

impl Slot for Long {
    fn key(&self) -> u64 {
        self.key
    }

    fn is_free(&self) -> bool {
        self.len == 0
    }
}

#[derive(Clone, Debug)]
struct Table<S> {
    slots: Vec<S>,
    used: usize,
}

impl<S: Slot> Default for Table<S> {
    fn default() -> Self {
        Self {
            slots: vec![S::default(); FIRST_SLOTS],
            used: 0,
        }
    }
}

impl<S: Slot> Table<S> {
    /// The slot of that key that `is_it`, or a free one where it belongs.
    #[inline]
    fn find(&mut self, key: u64, is_it: impl Fn(&S) -> bool) -> &mut S {
        let mask = self.slots.len() - 1;
        let mut at = start_of(key) & mask;
        loop {
            let slot = &self.slots[at];
            if (slot.key() == key && is_it(slot)) || slot.is_free() {
                return &mut self.slots[at];
            }
            at = (at + 1) & mask;
        }
    }

    /// A free slot that was found has been used.
    #[cold]
    fn has_taken_one(&mut self) {
        self.used += 1;
        if 2 * self.used > self.slots.len() {
            self.resize(2 * self.slots.len());
        }
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![S::default(); slots]);
        for slot in old.into_iter().filter(|slot| !slot.is_free()) {
            *self.find(slot.key(), |_| false) = slot;
        }
    }

    fn taken(&self) -> impl Iterator<Item = &S> {
        self.slots.iter().filter(|slot| !slot.is_free())
    }
}

fn start_of(key: u64) -> usize {
    // The high bits are those that depend on the whole key.
    let spread = (key ^ key >> 32).wrapping_mul(SPREAD) >> 32;
    spread as usize
}

/// Adds words, each as one that was there `count` times.
struct Adding<'words> {
    words: &'words mut Words,
    count: u64,
}

impl Listener for Adding<'_> {
    // A function of its own, so that the loop has all registers to itself.
    #[inline(never)]
    fn short(&mut self, words: &[u64]) {
        let table = &mut self.words.short;
        for word in words {
            let slot = table.find(*word, |_| true);
            slot.count = slot.count.saturating_add(self.count);
            if slot.key == 0 {
                slot.key = *word;
                table.has_taken_one();
            }
        }
    }

    #[inline(never)]
    fn long(&mut self, word: Word<'_>) {
        let key = word.pieces().fold(0, |hash: u64, piece| {
            (hash.rotate_left(5) ^ piece).wrapping_mul(SPREAD)
        });
        let Words { long, pieces, .. } = &mut *self.words;
        let slot = long.find(key, |slot| {
            slot.len == word.len() && word.pieces().eq(pieces_of(pieces, slot))
        });
        slot.count = slot.count.saturating_add(self.count);
        if slot.len == 0 {
            slot.key = key;
            slot.len = word.len();
            slot.place = pieces.len();
            pieces.extend(word.pieces());
            long.has_taken_one();
        }
    }
}

impl Words {
    /// Counts the words of a text at whose end no word goes on.
    pub(crate) fn count(&mut self, block: &mut Block, text: &[u8]) {
        self.add_bytes(block, text, 1);
    }

    /// The same, each as one that was there `count` times.
    pub(crate) fn add_bytes(&mut self, block: &mut Block, text: &[u8], count: u64) {
        let words = self;
        block.words(text, &mut Adding { words, count });
    }

    /// Adds all that another table has.
    pub(crate) fn add_all(&mut self, block: &mut Block, other: &Self) {
        other.for_each(|word, count| self.add_bytes(block, word, count));
    }

    /// Calls `what` with each word and how often it was there, in no particular order.
    pub fn for_each(&self, mut what: impl FnMut(&[u8], u64)) {
        for slot in self.short.taken() {
            let end = PIECE_BYTES - slot.key.leading_zeros() as usize / 8;
            what(&slot.key.to_le_bytes()[..end], slot.count);
        }
        let mut bytes = Vec::new();
        for slot in self.long.taken() {
            bytes.clear();
            bytes.extend(pieces_of(&self.pieces, slot).flat_map(u64::to_le_bytes));
            what(&bytes[..slot.len], slot.count);
        }
    }

    /// How many different words there are.
    #[must_use]
    pub fn different(&self) -> usize {
        self.short.used + self.long.used
    }

    /// How many words there are in all.
    #[must_use]
    pub fn all(&self) -> u64 {
        let mut all: u64 = 0;
        self.for_each(|_, count| all = all.saturating_add(count));
        all
    }

    /// Each word and how often it was there: the most frequent first, equals by their bytes.
    #[must_use]
    pub fn sorted(&self) -> Vec<(Vec<u8>, u64)> {
        let mut sorted = Vec::with_capacity(self.different());
        self.for_each(|word, count| sorted.push((word.to_vec(), count)));
        sorted.sort_unstable_by(|(word, count), (other, others)| {
            others.cmp(count).then_with(|| word.cmp(other))
        });
        sorted
    }
}

/// Equal if they have the same words, each as often.
impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.different() == other.different() && self.sorted() == other.sorted()
    }
}

impl Eq for Words {}

fn pieces_of(pieces: &[u64], slot: &Long) -> impl Iterator<Item = u64> {
    let end = slot.place + slot.len.div_ceil(PIECE_BYTES);
    pieces[slot.place..end].iter().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Block, FIRST_SLOTS, Words};

    #[test]
    fn a_table_that_has_grown_has_all_words_once() {
        let mut text = String::new();
        let mut expected = HashMap::new();
        for number in 0..4 * FIRST_SLOTS {
            for word in [format!("w{number}"), format!("a long word {number:0>20}")] {
                text += &word;
                text.push('\n');
            }
        }
        for word in text.split_whitespace() {
            *expected.entry(word.as_bytes().to_vec()).or_insert(0) += 1;
        }
        let mut words = Words::default();
        words.count(&mut Block::default(), text.as_bytes());
        assert_eq!(words.different(), expected.len());
        assert_eq!(words.all(), expected.values().sum::<u64>());
        assert_eq!(
            words.sorted().into_iter().collect::<HashMap<_, _>>(),
            expected
        );
    }

    #[test]
    fn tables_are_equal_by_what_they_count() {
        let count = |text: &str| {
            let mut words = Words::default();
            words.count(&mut Block::default(), text.as_bytes());
            words
        };
        assert_eq!(count("one two TWO"), count("two one, two"));
        assert_ne!(count("one two"), count("one two two"));
        assert_ne!(count("one two"), count("one too"));
    }
}

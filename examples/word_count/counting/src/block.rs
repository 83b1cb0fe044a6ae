//! Where words begin and end. A block is classified as a whole, in steps without a branch
//! that compilers turn into vector instructions, before anybody looks at a word of it.

/// How many bytes are classified at once: few enough to stay in the first cache.
const BLOCK_BYTES: usize = 4096;
/// Bytes of one mask.
const LANES: usize = 64;
/// Bytes behind a block, so that eight bytes can be read from wherever a word ends.
const MARGIN_BYTES: usize = PIECE_BYTES;
/// Words are looked at in pieces of so many.
pub(crate) const PIECE_BYTES: usize = size_of::<u64>();
/// How many bounds are stored at once.
const BATCH: usize = 8;

/// Whether a byte is part of a word.
pub(crate) fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// A block of text in lower case, and its words.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    lower: [u8; BLOCK_BYTES + MARGIN_BYTES],
    /// Where words begin and end, by turns.
    bounds: [usize; BLOCK_BYTES + BATCH],
    /// The words of up to eight bytes.
    short: [u64; BLOCK_BYTES / 2 + 1],
}

impl Default for Block {
    fn default() -> Self {
        Self {
            lower: [0; BLOCK_BYTES + MARGIN_BYTES],
            bounds: [0; BLOCK_BYTES + BATCH],
            short: [0; BLOCK_BYTES / 2 + 1],
        }
    }
}

/// Who is told about words.
pub(crate) trait Listener {
    /// Words of up to eight bytes: these, the first one lowest, and zeros behind them.
    fn short(&mut self, words: &[u64]);
    /// A longer one.
    fn long(&mut self, word: Word<'_>);
}

/// A word that lies in bytes that go on for [`MARGIN_BYTES`] behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'block> {
    bytes: &'block [u8],
    len: usize,
}

impl Block {
    /// Tells of each word of a text at whose end no word goes on.
    pub(crate) fn words(&mut self, text: &[u8], listener: &mut impl Listener) {
        let mut rest = text;
        while !rest.is_empty() {
            let len = whole_words(rest);
            let (now, later) = rest.split_at(len);
            rest = later;
            if now.len() > BLOCK_BYTES {
                let mut bytes = now.to_ascii_lowercase();
                bytes.extend([0; MARGIN_BYTES]);
                let bytes = &bytes;
                listener.long(Word { bytes, len });
                continue;
            }
            let count = self.classify(now);
            let mut shorts = 0;
            for [start, end] in self.bounds[..count].as_chunks::<2>().0 {
                let bytes = &self.lower[*start..];
                let len = end - start;
                self.short[shorts] = piece(bytes, len);
                if len <= PIECE_BYTES {
                    shorts += 1;
                } else {
                    listener.long(Word { bytes, len });
                }
            }
            listener.short(&self.short[..shorts]);
        }
    }

    /// Answers how many bounds there are.
    #[inline(never)]
    fn classify(&mut self, text: &[u8]) -> usize {
        let mut count = 0;
        let mut before = 0;
        let (lanes, last) = text.as_chunks::<LANES>();
        let mut padded = [0; LANES];
        padded[..last.len()].copy_from_slice(last);
        let lower = self.lower.as_chunks_mut::<LANES>().0;
        let all = lanes.iter().chain((!last.is_empty()).then_some(&padded));
        for (number, (bytes, lower)) in all.zip(lower).enumerate() {
            let mask = classify(bytes, lower);
            let mut changes = mask ^ (mask << 1 | before);
            before = mask >> (LANES - 1);
            let end = count + changes.count_ones() as usize;
            // Some at a time, which is cheaper than to look whether there is another one;
            // what is too much is overwritten.
            while let Some(batch) = self.bounds[count..].first_chunk_mut::<BATCH>()
                && count < end
            {
                for bound in batch {
                    *bound = number * LANES + changes.trailing_zeros() as usize;
                    changes &= changes.wrapping_sub(1);
                }
                count += BATCH;
            }
            count = end;
        }
        if before == 1 {
            // Text and mask end together, and with them the last word.
            self.bounds[count] = text.len();
            count += 1;
        }
        count
    }
}

/// How much of a text, from its beginning, is at most a block and cuts no word; a word that
/// is longer than a block by itself.
fn whole_words(text: &[u8]) -> usize {
    let Some(block) = text.get(..BLOCK_BYTES) else {
        return text.len();
    };
    match block.iter().rposition(|byte| !is_in_word(*byte)) {
        Some(last) => last + 1,
        None => {
            let end = text.iter().position(|byte| !is_in_word(*byte));
            end.unwrap_or(text.len())
        }
    }
}

/// Bit by bit, which bytes are part of a word; and all of them in lower case.
fn classify(bytes: &[u8; LANES], lower: &mut [u8; LANES]) -> u64 {
    let mut is_in_word = [0; LANES];
    for ((byte, lower), is_in_word) in bytes.iter().zip(lower).zip(&mut is_in_word) {
        let small = byte | 0x20;
        let is_letter = small.wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        *lower = if is_letter { small } else { *byte };
        *is_in_word = u8::from(is_letter | is_digit | (*byte >= 0x80));
    }
    let mut mask = 0;
    for (number, eight) in is_in_word.as_chunks::<8>().0.iter().enumerate() {
        // Each byte is 0 or 1; the product brings all eight into its highest byte.
        let packed = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= packed << (8 * number);
    }
    mask
}

impl Word<'_> {
    /// In bytes.
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The word's bytes, eight by eight, the first one lowest, with zeros behind the last one.
    pub(crate) fn pieces(self) -> impl Iterator<Item = u64> {
        let starts = (0..self.len).step_by(PIECE_BYTES);
        starts.map(move |at| piece(&self.bytes[at..], self.len - at))
    }
}

/// The first eight bytes, of which `len` count, at least one.
fn piece(bytes: &[u8], len: usize) -> u64 {
    let eight = bytes.first_chunk().expect("the margin is behind all words");
    let gone = PIECE_BYTES - len.min(PIECE_BYTES);
    u64::from_le_bytes(*eight) & (u64::MAX >> (8 * gone))
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, Block, Listener, Word, is_in_word};

    #[derive(Default)]
    struct Heard(Vec<Vec<u8>>);

    impl Listener for Heard {
        fn short(&mut self, words: &[u64]) {
            for word in words {
                let end = 8 - word.leading_zeros() as usize / 8;
                self.0.push(word.to_le_bytes()[..end].to_vec());
            }
        }

        fn long(&mut self, word: Word<'_>) {
            let mut bytes: Vec<u8> = word.pieces().flat_map(u64::to_le_bytes).collect();
            bytes.truncate(word.len());
            self.0.push(bytes);
        }
    }

    /// In alphabetical order: the short ones are told of behind the others.
    fn words(text: &[u8]) -> Vec<Vec<u8>> {
        let mut heard = Heard::default();
        Block::default().words(text, &mut heard);
        heard.0.sort_unstable();
        heard.0
    }

    /// As one would write it without a thought of speed.
    fn slowly(text: &[u8]) -> Vec<Vec<u8>> {
        let words = text.split(|byte| !is_in_word(*byte));
        let words = words.filter(|word| !word.is_empty());
        let mut words: Vec<_> = words.map(<[u8]>::to_ascii_lowercase).collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn every_byte_is_what_the_slow_way_makes_of_it() {
        for byte in 0..=u8::MAX {
            for text in [vec![byte], vec![b'a', byte, b'Z'], vec![byte; 200]] {
                assert_eq!(words(&text), slowly(&text), "{byte}");
            }
        }
    }

    #[test]
    fn words_of_all_lengths_are_found_wherever_masks_and_blocks_end() {
        for len in (1..200).chain([BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 10_000]) {
            let mut text = Vec::new();
            while text.len() < 3 * BLOCK_BYTES + len {
                text.extend((0..len).map(|at| b'A' + u8::try_from(at % 26).unwrap()));
                text.push(b' ');
            }
            assert_eq!(words(&text), slowly(&text), "{len} with a separator behind");
            text.pop();
            assert_eq!(words(&text), slowly(&text), "{len} without one");
        }
    }
}

//! The text: files as they are, or as many bytes as are wanted, made of their lines.

use std::fs;
use std::path::{Path, PathBuf};

/// What the project says about itself, for who names no file.
const DOCUMENTS: &str = concat!(
    include_str!("../../../ARCHITECTURE.md"),
    include_str!("../../../CONTRIBUTING.md"),
    include_str!("../../../LICENSE-APACHE"),
    include_str!("../../../README.md"),
    include_str!("../../../docs/calls.md"),
    include_str!("../../../docs/porting.md"),
    include_str!("../../../docs/seeds.md"),
    include_str!("../../../docs/threats.md"),
);

/// The text of `files` one behind the other, or the project's documents if there are none.
/// If `len` is said, all lines come again and again, each time in another order, until the
/// text has exactly so many bytes; `seed` decides the orders.
///
/// # Errors
///
/// The sentence that says which file can not be read.
pub(crate) fn text(files: &[PathBuf], len: Option<usize>, seed: u64) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    for file in files {
        text.extend(read(file)?);
    }
    if files.is_empty() {
        text.extend(DOCUMENTS.as_bytes());
    }
    match len {
        Some(len) => Ok(shuffled(&text, len, seed)),
        None => Ok(text),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| {
        let file = file.display();
        format!("'{file}' can not be read: {error}; name another file")
    })
}

fn shuffled(text: &[u8], len: usize, seed: u64) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut order = Order(seed);
    let mut shuffled = Vec::with_capacity(len + text.len());
    while shuffled.len() < len && !lines.is_empty() {
        for end in (1..lines.len()).rev() {
            lines.swap(end, order.next_below(end + 1));
        }
        shuffled.extend(lines.iter().copied().flatten());
    }
    shuffled.truncate(len);
    shuffled
}

/// SplitMix64: the same orders for the same seed, everywhere.
struct Order(u64);

impl Order {
    fn next_below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{shuffled, text};

    #[test]
    fn a_text_has_the_wanted_length_and_the_lines_of_its_source() {
        let source = b"one\ntwo\nthree";
        let once = shuffled(source, 40, 1);
        assert_eq!(once.len(), 40);
        assert_eq!(once, shuffled(source, 40, 1), "a seed is one text");
        assert_ne!(once, shuffled(source, 40, 2));
        let mut lines: Vec<&[u8]> = once[..13].split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        assert_eq!(lines.concat().len(), 13);
        assert_eq!(shuffled(b"", 40, 1), b"");
        assert!(text(&[], None, 1).unwrap().len() > 50_000);
        assert!(text(&["no such file".into()], None, 1).is_err());
    }
}

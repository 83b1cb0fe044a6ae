//! Which pages nobody owns, and where the longest run of them is.
//!
//! One bit a page; above the words of bits, a tree that knows for each stretch
//! how many free pages it begins with, ends with, and has in one piece. So a run
//! is found, and the longest known, in the logarithm of the pool's size.

use alloc::boxed::Box;

use crate::page::pool::Run;

const WORD_PAGES: u32 = u64::BITS;

/// What is free in one stretch of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stretch {
    /// Free pages at its begin.
    prefix: u32,
    /// Free pages at its end.
    suffix: u32,
    longest: u32,
    /// Pages in it, free or not.
    pages: u32,
}

impl Stretch {
    fn of(word: u64) -> Self {
        Self {
            prefix: word.trailing_ones(),
            suffix: word.leading_ones(),
            longest: longest_run(word),
            pages: WORD_PAGES,
        }
    }

    fn join(left: Self, right: Self) -> Self {
        let between = left.suffix.saturating_add(right.prefix);
        let whole = |stretch: Self| stretch.longest == stretch.pages;
        Self {
            prefix: if whole(left) { between } else { left.prefix },
            suffix: if whole(right) { between } else { right.suffix },
            longest: left.longest.max(right.longest).max(between),
            pages: left.pages.saturating_add(right.pages),
        }
    }
}

/// The free pages of the pool.
#[derive(Debug)]
pub(crate) struct FreePages {
    /// A bit is set when its page is free.
    words: Box<[u64]>,
    /// A heap: the root at 1, the words' stretches from `leaves` on.
    tree: Box<[Stretch]>,
    leaves: u32,
    count: u32,
}

impl FreePages {
    /// All of `pages` free.
    pub(crate) fn new(pages: u32) -> Self {
        let leaves = pages.div_ceil(WORD_PAGES).next_power_of_two();
        let mut free = Self {
            words: (0..leaves).map(|_| 0).collect(),
            tree: (0..leaves.saturating_mul(2))
                .map(|_| Stretch::default())
                .collect(),
            leaves,
            count: 0,
        };
        for leaf in 0..leaves {
            free.renew_leaf(leaf);
        }
        for node in (1..leaves).rev() {
            free.renew_node(node);
        }
        if let Some(all) = Run::between(0, pages) {
            free.release(all);
        }
        free
    }

    /// How many pages are free.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The longest run of free pages.
    pub(crate) fn longest(&self) -> u32 {
        self.stretch(1).longest
    }

    pub(crate) fn is_free(&self, page: u32) -> bool {
        let word = self.words.get((page / WORD_PAGES) as usize);
        word.is_some_and(|word| word >> (page % WORD_PAGES) & 1 != 0)
    }

    /// Takes the first run of so many pages, if there is one.
    pub(crate) fn take(&mut self, pages: u32) -> Option<Run> {
        if pages == 0 || self.longest() < pages {
            return None;
        }
        let first = self.find(pages);
        let run = Run::between(first, first.saturating_add(pages))?;
        self.set(run, false);
        self.count = self.count.saturating_sub(pages);
        Some(run)
    }

    /// Gives a run back, none of which is free.
    pub(crate) fn release(&mut self, run: Run) {
        self.set(run, true);
        self.count = self.count.saturating_add(run.pages());
    }

    /// Where the first run of so many pages begins. There is one.
    fn find(&self, pages: u32) -> u32 {
        let (mut node, mut first, mut stretch) = (1, 0_u32, self.stretch(1));
        while node < self.leaves {
            let (left, right) = (
                self.stretch(node.saturating_mul(2)),
                self.stretch(node.saturating_mul(2).saturating_add(1)),
            );
            let middle = first.saturating_add(left.pages);
            if left.longest >= pages {
                (node, stretch) = (node.saturating_mul(2), left);
            } else if left.suffix.saturating_add(right.prefix) >= pages {
                return middle.saturating_sub(left.suffix);
            } else {
                (node, first, stretch) = (node.saturating_mul(2).saturating_add(1), middle, right);
            }
        }
        debug_assert!(stretch.longest >= pages, "the tree has promised it");
        let word = self.words.get(node.saturating_sub(self.leaves) as usize);
        first.saturating_add(first_run(word.copied().unwrap_or(0), pages))
    }

    fn set(&mut self, run: Run, is_free: bool) {
        let (first, last) = (
            run.first() / WORD_PAGES,
            run.end().saturating_sub(1) / WORD_PAGES,
        );
        for leaf in first..=last {
            let begin = leaf.saturating_mul(WORD_PAGES);
            let from = run.first().max(begin).saturating_sub(begin);
            let to = run.end().saturating_sub(begin).min(WORD_PAGES);
            let mask = low_bits(to) & !low_bits(from);
            if let Some(word) = self.words.get_mut(leaf as usize) {
                *word = if is_free { *word | mask } else { *word & !mask };
            }
            self.renew_leaf(leaf);
        }
        let (mut first, mut last) = (
            first.saturating_add(self.leaves),
            last.saturating_add(self.leaves),
        );
        while first > 1 {
            (first, last) = (first / 2, last / 2);
            for node in first..=last {
                self.renew_node(node);
            }
        }
    }

    fn stretch(&self, node: u32) -> Stretch {
        self.tree.get(node as usize).copied().unwrap_or_default()
    }

    fn renew_leaf(&mut self, leaf: u32) {
        let stretch = Stretch::of(self.words.get(leaf as usize).copied().unwrap_or(0));
        if let Some(node) = self.tree.get_mut(leaf.saturating_add(self.leaves) as usize) {
            *node = stretch;
        }
    }

    fn renew_node(&mut self, node: u32) {
        let left = self.stretch(node.saturating_mul(2));
        let right = self.stretch(node.saturating_mul(2).saturating_add(1));
        if let Some(node) = self.tree.get_mut(node as usize) {
            *node = Stretch::join(left, right);
        }
    }
}

/// The lowest `count` bits, up to all 64.
fn low_bits(count: u32) -> u64 {
    1_u64
        .checked_shl(count)
        .map_or(u64::MAX, |bit| bit.wrapping_sub(1))
}

/// The longest run of ones.
fn longest_run(word: u64) -> u32 {
    if word == u64::MAX {
        return WORD_PAGES;
    }
    let (mut rest, mut longest) = (word, 0_u32);
    while rest != 0 {
        rest &= rest << 1;
        longest = longest.saturating_add(1);
    }
    longest
}

/// Where the first run of so many ones begins.
fn first_run(word: u64, ones: u32) -> u32 {
    let begins = (1..ones).fold(word, |begins, shift| begins & (word >> shift));
    begins.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::FreePages;
    use crate::page::pool::Run;
    use alloc::vec;
    use alloc::vec::Vec;

    /// What a plain search says: where the first run is, and the longest.
    fn naive(free: &[bool], pages: u32) -> (Option<u32>, u32) {
        let mut runs = free.windows(pages as usize);
        let first = runs.position(|run| run.iter().all(|free| *free));
        let longest = free.split(|free| !free).map(<[bool]>::len).max();
        (
            first.map(|first| u32::try_from(first).unwrap()),
            u32::try_from(longest.unwrap_or(0)).unwrap(),
        )
    }

    #[test]
    fn the_tree_agrees_with_a_plain_search() {
        for pages in [1_u32, 63, 64, 65, 130, 300] {
            let mut free = FreePages::new(pages);
            let mut plain = vec![true; pages as usize];
            let mut held: Vec<Run> = Vec::new();
            let mut state = u64::from(pages);
            for _ in 0..if cfg!(miri) { 30 } else { 300 } {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let random = u32::try_from(state >> 40).unwrap();
                if random % 3 == 0 && !held.is_empty() {
                    let run = held.swap_remove(random as usize % held.len());
                    free.release(run);
                    plain[run.first() as usize..run.end() as usize].fill(true);
                } else {
                    let wanted = 1 + random % 70.min(pages);
                    let (first, _) = naive(&plain, wanted);
                    let run = free.take(wanted);
                    assert_eq!(run.map(Run::first), first, "{wanted} of {pages}");
                    if let Some(run) = run {
                        plain[run.first() as usize..run.end() as usize].fill(false);
                        held.push(run);
                    }
                }
                let count = plain.iter().filter(|free| **free).count();
                assert_eq!(free.count() as usize, count);
                assert_eq!(free.longest(), naive(&plain, 1).1);
            }
        }
    }

    #[test]
    fn there_is_no_run_of_no_pages() {
        assert_eq!(FreePages::new(0).take(1), None);
        assert_eq!(FreePages::new(8).take(0), None);
    }
}

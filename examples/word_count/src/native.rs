//! The same job in one native process: threads that trust each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use counting::{Damaged, Tally, Words, join};

/// Counts the words of a text, piece by piece, in as many threads.
///
/// # Errors
///
/// None: it counts every piece once.
pub(crate) fn count(text: &[u8], piece_bytes: usize, threads: usize) -> Result<Words, Damaged> {
    let next = AtomicUsize::new(0);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| map(text, piece_bytes, &next)))
            .collect();
        let tallies = threads.into_iter().map(thread::ScopedJoinHandle::join);
        tallies.filter_map(Result::ok).collect()
    });
    join(tallies)
}

fn map(text: &[u8], piece_bytes: usize, next: &AtomicUsize) -> Tally {
    let mut tally = Tally::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(piece) = text.chunks(piece_bytes).nth(number) else {
            return tally;
        };
        tally.count(u32::try_from(number).unwrap_or(u32::MAX), piece);
    }
}

//! How many mappings the pool may make. The operating system allows a process a
//! number (`vm.max_map_count`), and where it is used up the host's own allocator
//! fails: so the pool counts, and refuses early.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the operating system allows unless it says otherwise.
const USUAL_MOST: usize = 65_530;

/// One part in this many stays free, for the host's allocator and the memories,
/// stacks and code of tasks that come later.
const MARGIN_PART: usize = 2;

/// One view may have one part in this many of all: nobody uses them up alone.
const VIEW_PART: usize = 8;

/// Mappings that views may still make, beyond what each is sure of.
#[derive(Debug)]
pub(super) struct Mappings {
    free: AtomicUsize,
    most_of_a_view: usize,
}

impl Mappings {
    /// What this process may still have, as of now, less the margin.
    pub(super) fn of_this_process() -> Self {
        let most = fs::read_to_string("/proc/sys/vm/max_map_count");
        let most = most.map_or(None, |text| text.trim().parse().ok());
        let maps = fs::read("/proc/self/maps").unwrap_or_default();
        let used = maps.iter().filter(|byte| **byte == b'\n').count();
        Self::new(most.unwrap_or(USUAL_MOST).saturating_sub(used) / MARGIN_PART)
    }

    pub(super) fn new(free: usize) -> Self {
        Self {
            free: AtomicUsize::new(free),
            most_of_a_view: free / VIEW_PART,
        }
    }

    /// Makes `taken` into `wanted`, if there are so many.
    pub(super) fn change(&self, taken: &mut usize, wanted: usize) -> bool {
        if wanted <= *taken {
            self.free.fetch_add(*taken - wanted, Ordering::Relaxed);
        } else {
            let more = wanted - *taken;
            let take = |free: usize| free.checked_sub(more);
            let is_too_much = wanted > self.most_of_a_view;
            if is_too_much
                || self
                    .free
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                    .is_err()
            {
                return false;
            }
        }
        *taken = wanted;
        true
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.load(Ordering::Relaxed)
    }
}

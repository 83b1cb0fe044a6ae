//! Which pages of a view may be stored to, as runs: so many mappings does the
//! operating system keep for them.

use std::ops::Range;

/// A set of page numbers. Its runs are in order, and neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs(Vec<Range<u32>>);

impl Runs {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The runs that overlap `pages` or touch it, by their places.
    fn near(&self, pages: &Range<u32>) -> Range<usize> {
        let first = self.0.partition_point(|run| run.end < pages.start);
        let end = self.0.partition_point(|run| run.start <= pages.end);
        first..end
    }

    /// The runs that share pages with `pages`, by their places.
    fn hit(&self, pages: &Range<u32>) -> Range<usize> {
        let first = self.0.partition_point(|run| run.end <= pages.start);
        let end = self.0.partition_point(|run| run.start < pages.end);
        first..end.max(first)
    }

    /// How many runs there would be with `pages`.
    pub(super) fn count_with(&self, pages: &Range<u32>) -> usize {
        self.count() - self.near(pages).len() + 1
    }

    /// How many runs there would be without `pages`.
    pub(super) fn count_without(&self, pages: &Range<u32>) -> usize {
        let hit = self.hit(pages);
        self.count() - hit.len() + self.left_of(&hit, pages).count()
    }

    /// What stays of the runs at `hit` when `pages` go.
    fn left_of(&self, hit: &Range<usize>, pages: &Range<u32>) -> impl Iterator<Item = Range<u32>> {
        let runs = self.0.get(hit.clone()).unwrap_or_default();
        let before = runs.first().map(|run| run.start..pages.start);
        let behind = runs.last().map(|run| pages.end..run.end);
        before
            .into_iter()
            .chain(behind)
            .filter(|run| !run.is_empty())
    }

    /// What `pages` and the runs that share pages with it cover together.
    pub(super) fn extent(&self, pages: &Range<u32>) -> Range<u32> {
        Self::around(self.0.get(self.hit(pages)).unwrap_or_default(), pages)
    }

    fn around(runs: &[Range<u32>], pages: &Range<u32>) -> Range<u32> {
        let start = runs.first().map_or(pages.start, |run| run.start);
        let end = runs.last().map_or(pages.end, |run| run.end);
        start.min(pages.start)..end.max(pages.end)
    }

    pub(super) fn insert(&mut self, pages: &Range<u32>) {
        let near = self.near(pages);
        let joined = Self::around(self.0.get(near.clone()).unwrap_or_default(), pages);
        self.0.splice(near, [joined]);
    }

    pub(super) fn remove(&mut self, pages: &Range<u32>) {
        let hit = self.hit(pages);
        let left: Vec<_> = self.left_of(&hit, pages).collect();
        self.0.splice(hit, left);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::Runs;

    const PAGES: u32 = 24;

    /// The runs of a plain list of flags.
    fn runs_of(flags: &[bool]) -> Vec<Range<u32>> {
        let mut runs: Vec<Range<u32>> = Vec::new();
        for (page, _) in (0..).zip(flags).filter(|(_, is_in)| **is_in) {
            match runs.last_mut().filter(|run| run.end == page) {
                Some(run) => run.end += 1,
                None => runs.push(page..page + 1),
            }
        }
        runs
    }

    /// The extent of pages holds the runs that share pages with it, whole.
    fn is_extent(runs: &Runs, pages: &Range<u32>) -> bool {
        let extent = runs.extent(pages);
        let shared = |run: &&Range<u32>| run.start < pages.end && pages.start < run.end;
        let hits = runs.0.iter().filter(shared);
        let are_whole = hits
            .clone()
            .all(|run| extent.start <= run.start && run.end <= extent.end);
        are_whole && runs.count_without(&extent) == runs.count() - hits.count()
    }

    #[test]
    fn it_is_what_a_list_of_flags_is() {
        let mut runs = Runs::default();
        let mut flags = [false; PAGES as usize];
        let mut seed = 1_u64;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u32::try_from((seed >> 33) % u64::from(below)).unwrap()
        };
        for _ in 0..100_000 {
            let start = random(PAGES);
            let pages = start..start + 1 + random(PAGES - start);
            assert!(is_extent(&runs, &pages), "{pages:?}");
            let goes_in = random(2) == 0;
            let expected = if goes_in {
                let expected = runs.count_with(&pages);
                runs.insert(&pages);
                expected
            } else {
                let expected = runs.count_without(&pages);
                runs.remove(&pages);
                expected
            };
            for page in pages.clone() {
                flags[page as usize] = goes_in;
            }
            assert_eq!(runs.0, runs_of(&flags), "{pages:?}");
            assert_eq!(runs.count(), expected, "{pages:?}");
        }
    }
}

//! Where a drawn place is: in the caller's window, in the pool, or in nobody's memory.

use super::resolve::{View, int, pick, up_to};
use super::step::PlaceWish;
use crate::model::{Place, WINDOW_BYTES};

impl View<'_> {
    /// A place for so many bytes, and its address.
    pub(super) fn place(&self, wish: PlaceWish, bytes: usize) -> (Place, i64) {
        match wish {
            PlaceWish::Writable(draw) | PlaceWish::Pool(draw) | PlaceWish::PoolEdge(draw)
                if self.model.pool.pages.is_empty() =>
            {
                self.place(PlaceWish::Inside(draw), bytes)
            }
            PlaceWish::Writable(draw) => match pick(&self.writable(bytes), draw / 64) {
                Some((start, room)) => self.place_in_pool(start + up_to(room, draw)),
                None => self.place(PlaceWish::Inside(draw), bytes),
            },
            PlaceWish::Pool(draw) => {
                let most = self.model.pool.bytes.len().saturating_sub(bytes.max(1));
                let offset = up_to(most, draw);
                let pages = self
                    .model
                    .pool
                    .pages_of(&(offset..offset + bytes.min(most)));
                if self.model.is_settled(pages) {
                    self.place_in_pool(offset)
                } else {
                    self.place(PlaceWish::Inside(draw), bytes)
                }
            }
            PlaceWish::PoolEdge(draw) => {
                let pool = self.model.pool.bytes.len();
                let (start, end) = (self.pool_address(0), self.pool_address(pool));
                let some = i64::try_from(bytes.clamp(1, pool)).expect("a small pool");
                let ways = [end, end - some + 1, start - 1, end + 4095];
                let address = ways[usize::from(draw) % ways.len()];
                (Place::Outside, address)
            }
            PlaceWish::Inside(draw) => {
                let offset = up_to(WINDOW_BYTES.saturating_sub(bytes), draw);
                (Place::Window(offset), self.arena + i64::from(int(offset)))
            }
            PlaceWish::Outside(draw) => {
                let some = i64::try_from(bytes.clamp(1, WINDOW_BYTES)).expect("a window is small");
                let ways = [
                    self.end,
                    self.end - some + 1,
                    self.end - 1,
                    self.end + 4095,
                    -1,
                    -some,
                    1 - some,
                    -2,
                ];
                let address = ways[usize::from(draw) % ways.len()];
                // With a single byte, some of these would be memory.
                let is_memory = address >= 0 && address < self.end && bytes < 2 || address == 0;
                (Place::Outside, if is_memory { self.end } else { address })
            }
        }
    }

    /// The address of a byte of the pool.
    pub(super) fn pool_address(&self, offset: usize) -> i64 {
        i64::from(self.model.pool.start) + i64::from(int(offset))
    }

    fn place_in_pool(&self, offset: usize) -> (Place, i64) {
        (Place::Pool(offset), self.pool_address(offset))
    }

    /// Where the caller may store so many bytes: the first offset, and how many more are as good.
    fn writable(&self, bytes: usize) -> Vec<(usize, usize)> {
        let pool = &self.model.pool;
        let may_write = |page: &usize| {
            self.model.may_write(self.caller, *page) && self.model.is_settled(*page..page + 1)
        };
        let mut runs = Vec::new();
        for first in (0..pool.pages.len()).filter(may_write) {
            let pages = (first..pool.pages.len()).take_while(may_write).count();
            let start = first * pool.page_bytes;
            if let Some(room) = (pages * pool.page_bytes).checked_sub(bytes.max(1)) {
                runs.push((start, room));
            }
        }
        runs
    }
}

//! The bytes: each task's window, and the pool.

use super::{Model, Place, WINDOW_BYTES};
use std::ops::Range;

/// Bytes that are memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// In the pool, or in the task's window.
    pub in_pool: bool,
    /// Offsets there.
    pub range: Range<usize>,
}

impl Stretch {
    /// A part of it.
    pub(super) fn part(&self, offset: usize, size: usize) -> Self {
        let start = self.range.start + offset;
        Self {
            in_pool: self.in_pool,
            range: start..start + size,
        }
    }
}

impl Model {
    /// Where `size` bytes from a place on are memory of a task; `None` if they are not all that.
    ///
    /// # Panics
    ///
    /// If they are memory that the model does not know: the test must not ask for such.
    #[must_use]
    pub fn span(&self, task: i32, place: Place, size: usize) -> Option<Stretch> {
        match place {
            Place::Window(offset) if offset + size <= WINDOW_BYTES => Some(Stretch {
                in_pool: false,
                range: offset..offset + size,
            }),
            Place::Window(_) => {
                assert!(
                    size > 1 << 30,
                    "{size} bytes are neither in the window nor too many"
                );
                None
            }
            Place::Pool(offset) => {
                let is_inside = self.is_attached(task) && offset + size <= self.pool.bytes.len();
                is_inside.then(|| Stretch {
                    in_pool: true,
                    range: offset..offset + size,
                })
            }
            Place::Outside => None,
        }
    }

    /// Whether a task may store to all of this. (Section 4)
    #[must_use]
    pub fn may_store(&self, task: i32, stretch: &Stretch) -> bool {
        let mut pages = self.pool.pages_of(&stretch.range);
        !stretch.in_pool || pages.all(|page| self.may_write(task, page))
    }

    /// Where `size` bytes may be stored for a task.
    pub(super) fn room(&self, task: i32, place: Place, size: usize) -> Option<Stretch> {
        let stretch = self.span(task, place, size);
        stretch.filter(|stretch| self.may_store(task, stretch))
    }

    pub(super) fn bytes(&self, task: i32, stretch: &Stretch) -> Vec<u8> {
        let memory = if stretch.in_pool {
            &self.pool.bytes
        } else {
            &self.tasks[&task].memory
        };
        memory[stretch.range.clone()].to_vec()
    }

    /// Bytes change.
    pub fn store(&mut self, task: i32, stretch: &Stretch, bytes: &[u8]) {
        let memory = if stretch.in_pool {
            &mut self.pool.bytes
        } else {
            &mut self.task(task).memory
        };
        memory[stretch.range.clone()].copy_from_slice(bytes);
    }
}

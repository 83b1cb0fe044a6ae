//! The places that tasks' memories lie in, kept for the next tasks: to map one,
//! open it, show the pool in it and unmap it again takes longer than all else in
//! a short task's life.
//!
//! ```text
//!   mod.rs       who has which place, and which ones nobody has
//!   mapping.rs   one place: its addresses, how much of it is open, and its wiping
//!   used.rs      which pages of a place have been stored to
//!   creator.rs   how the engine gets the place that was meant
//! ```
//!
//! # What holds
//!
//! - A place has one task at a time. It comes back when that task's Store is gone,
//!   and with it its code, its stack and its calls: so after the barrier of its
//!   end, after which no copy of another task's uses the memory.
//! - What comes back has no byte of the task's, and where the pool is shown none of
//!   its rights: all of the view may be read and nothing stored to. Where either
//!   can not be had, the place is unmapped; and where not even that, it is never
//!   used again.
//! - The pool is shown to those alone who are attached.

mod creator;
mod mapping;
#[cfg(test)]
mod tests;
mod used;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use usufruct_core::NoMapping;

use self::mapping::Place;
use self::used::Scanner;
use crate::pool::{Pool, View};

pub(crate) use self::creator::{Creator, in_place};

/// Places that are kept at most: few, for each takes four gibibytes of addresses,
/// and enough for all workers' tasks that come and go.
const MOST_SPARE: usize = 16;

/// All places of one system that nobody has.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    spare: Mutex<Vec<Spare>>,
    scanner: Option<Scanner>,
}

/// A wiped place, and the view that is still in it: shut, and nobody's.
#[derive(Debug)]
struct Spare {
    place: Place,
    view: Option<Arc<View>>,
}

/// A place that a task has, until its Store is gone.
#[derive(Debug)]
pub(crate) struct Held {
    place: Arc<Place>,
    /// The view of a task before, until this one's takes over.
    kept: Option<Arc<View>>,
    places: Places,
}

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Inside {
            spare: Mutex::default(),
            scanner: Scanner::new(),
        }))
    }
}

impl Places {
    fn spare(&self) -> MutexGuard<'_, Vec<Spare>> {
        self.0.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a task whose memory begins with so many bytes, wiped.
    ///
    /// # Errors
    ///
    /// The operating system has no addresses left, or no mapping.
    pub(crate) fn take(&self, bytes: usize, is_attached: bool) -> io::Result<Held> {
        while let Some(Spare { place, view }) = self.best(bytes, is_attached) {
            let hides = |view: &Arc<View>| is_attached || view.close();
            if view.as_ref().is_none_or(hides) {
                return Ok(self.held(place, view.filter(|_| is_attached)));
            }
            // What can not be hidden is nobody's place any more.
            std::mem::forget(place);
        }
        Ok(self.held(Place::new()?, None))
    }

    fn held(&self, place: Place, kept: Option<Arc<View>>) -> Held {
        Held {
            place: Arc::new(place),
            kept,
            places: self.clone(),
        }
    }

    /// The spare place that has to be changed the least.
    fn best(&self, bytes: usize, is_attached: bool) -> Option<Spare> {
        let mut spare = self.spare();
        let fits = |spare: &Spare| {
            let is_shown_right = spare.view.is_some() == is_attached;
            (is_shown_right, spare.place.open_bytes() == bytes)
        };
        let (index, _) = spare
            .iter()
            .enumerate()
            .max_by_key(|(_, spare)| fits(spare))?;
        Some(spare.swap_remove(index))
    }

    /// Wipes a place and keeps it, if there is room and that can be had.
    fn keep(&self, place: Place, view: Option<Arc<View>>) {
        if place.wipe(self.0.scanner.as_ref()).is_err() {
            return;
        }
        let mut spare = self.spare();
        if spare.len() < MOST_SPARE {
            spare.push(Spare { place, view });
        } else {
            drop(spare);
            drop(place);
        }
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.spare().len()
    }
}

impl Held {
    /// For [`in_place`].
    pub(crate) fn place(&self) -> Arc<Place> {
        self.place.clone()
    }

    /// Shows the pool to the task whose memory begins at `base`, readable and no more.
    ///
    /// # Errors
    ///
    /// The operating system has no mapping for it; or this is not the memory's place.
    pub(crate) fn show(&mut self, pool: &Arc<Pool>, base: *mut u8) -> Result<Arc<View>, NoMapping> {
        if base != self.place.start() {
            return Err(NoMapping);
        }
        let Some(kept) = &self.kept else {
            // SAFETY: a place reserves 4 GiB of addresses, and never opens its upper half.
            let opened = unsafe { View::open(pool, base) };
            // The operating system may have left a hole there.
            return opened.inspect_err(|_| self.place.doubt());
        };
        let view = kept.successor(pool).ok_or(NoMapping)?;
        self.kept = None;
        Ok(view)
    }

    /// Gives the place back, when the task's Store is gone; `view`, shut, is the
    /// one that is in it.
    pub(crate) fn give_back(self, view: Option<Arc<View>>) {
        // Else something still has the memory, and it is unmapped when that goes.
        if let Some(place) = Arc::into_inner(self.place) {
            self.places.keep(place, view.or(self.kept));
        }
    }
}

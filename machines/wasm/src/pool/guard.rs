//! What holds a task's Store together with its place and its view of the pool.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use wasmtime::Store;

use super::view::View;
use crate::place::Held;

/// A Store, the view that is mapped into its memory, if any, and the memory's place,
/// if it is one that is kept. However this is dropped, the view goes first, or is
/// shut; then the Store; then the place is given back. Where a view can neither go nor
/// be shut, the Store stays for ever: its address space would be another task's
/// otherwise, with the rights of this one.
#[derive(Debug)]
pub(crate) struct Guarded<T: 'static> {
    store: ManuallyDrop<Store<T>>,
    view: Option<Arc<View>>,
    held: Option<Held>,
}

impl<T> Guarded<T> {
    pub(crate) fn new(store: Store<T>) -> Self {
        Self {
            store: ManuallyDrop::new(store),
            view: None,
            held: None,
        }
    }

    /// From now on a place, which is for this Store's memory, is given back after the Store.
    pub(crate) fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }

    /// The place that is given back after the Store.
    pub(crate) fn held(&mut self) -> Option<&mut Held> {
        self.held.as_mut()
    }

    /// From now on `view`, which is in this Store's memory, goes with the Store.
    pub(crate) fn attach(&mut self, view: Arc<View>) {
        self.view = Some(view);
    }
}

impl<T> Deref for Guarded<T> {
    type Target = Store<T>;

    fn deref(&self) -> &Store<T> {
        &self.store
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut Store<T> {
        &mut self.store
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        let (view, held) = (self.view.take(), self.held.take());
        let is_shut = held.is_some() && view.as_ref().is_some_and(|view| view.retire());
        if !is_shut && !view.as_ref().is_none_or(|view| view.close()) {
            std::mem::forget(held);
            return;
        }
        // SAFETY: it is used no more after this.
        unsafe { ManuallyDrop::drop(&mut self.store) }
        if let Some(held) = held {
            held.give_back(view.filter(|_| is_shut));
        }
    }
}

//! What holds a task's Store together with its view of the pool.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use wasmtime::Store;

use super::view::View;

/// A Store, and the view that is mapped into its memory, if any. However this is
/// dropped, the view goes first; and where it can not go, the Store stays for
/// ever: its address space would be another task's otherwise, with the rights of this one.
#[derive(Debug)]
pub(crate) struct Guarded<T: 'static> {
    store: ManuallyDrop<Store<T>>,
    view: Option<Arc<View>>,
}

impl<T> Guarded<T> {
    pub(crate) fn new(store: Store<T>) -> Self {
        Self {
            store: ManuallyDrop::new(store),
            view: None,
        }
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
        let is_gone = self.view.take().is_none_or(|view| view.close());
        if is_gone {
            // SAFETY: it is used no more after this.
            unsafe { ManuallyDrop::drop(&mut self.store) }
        }
    }
}

//! How the engine comes to the place that is meant for a memory. It asks for one in
//! the middle of making an instance, and says nothing of whose that is: so the
//! place lies ready on the thread that makes the instance.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use wasmtime::{Error, LinearMemory, MemoryCreator, MemoryType, Result};

use super::mapping::Place;
use crate::layout::{GUARD_BYTES, HEAP_LIMIT_BYTES, RESERVATION_BYTES};

thread_local! {
    /// For the next memory that is made on this thread.
    static NEXT: Cell<Option<Arc<Place>>> = const { Cell::new(None) };
}

/// Has `making`, the making of an instance, put its memory into `place`.
pub(crate) async fn in_place<R>(place: Arc<Place>, making: impl Future<Output = R>) -> R {
    let mut place = Some(place);
    let mut making = pin!(making);
    poll_fn(|context| {
        NEXT.set(place.take());
        let polled = making.as_mut().poll(context);
        place = NEXT.take();
        polled
    })
    .await
}

/// Makes memories in places.
#[derive(Debug)]
pub(crate) struct Creator;

// SAFETY:
// 1. A place reserves what the engine asks for, guard included, at one address for
//    as long as the memory lives, which has it in an `Arc`.
// 2. Of it are open the memory's bytes, which are zeros: a place is new or wiped.
//    The pool's view in its upper half is not the engine's business: no memory
//    reaches it, and guests' accesses there do what the memory protection says.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved_bytes: Option<usize>,
        guard_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let reserved_bytes = reserved_bytes.unwrap_or(0) as u64;
        if reserved_bytes > RESERVATION_BYTES || guard_bytes as u64 > GUARD_BYTES {
            return Err("the engine asks for more addresses than a memory gets here".to_owned());
        }
        let words = |error| format!("no place for a memory: {error}");
        let place = match NEXT.take() {
            Some(place) => place,
            None => Arc::new(Place::new().map_err(words)?),
        };
        place.open(minimum).map_err(words)?;
        Ok(Box::new(PlacedMemory(place)))
    }
}

/// A memory in its place.
struct PlacedMemory(Arc<Place>);

// SAFETY: the two points of `Creator`. All bytes up to `byte_size` are open, and what
// growth opens was closed since the place was wiped.
unsafe impl LinearMemory for PlacedMemory {
    fn byte_size(&self) -> usize {
        self.0.open_bytes()
    }

    fn byte_capacity(&self) -> usize {
        usize::try_from(HEAP_LIMIT_BYTES).unwrap_or(usize::MAX)
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        self.0.open(new_size).map_err(Error::new)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.start()
    }
}

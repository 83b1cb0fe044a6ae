//! Small blocks in pages of the pool: Portfolio's AllocMem, FreeMem and ScavengeMem.

use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::arena::{Arena, Shape};
use super::held::{Held, MOST_BYTES};
use super::{PageError, page_bytes};

/// Where a heap's pages come from, and go.
///
/// # Safety
///
/// What `take` answers is aligned to pages, of the size that was asked for, readable and
/// writable, the heap's alone until it is given back, and does not wrap. Pages are powers
/// of two, of 4 KiB or more, and always of one size.
pub unsafe trait Supply {
    /// The size of a page, in bytes.
    ///
    /// # Errors
    ///
    /// [`PageError::NoPool`], if there are no pages.
    fn page_bytes(&self) -> Result<usize, PageError>;

    /// Takes pages; `bytes` is a whole number of them.
    ///
    /// # Errors
    ///
    /// [`PageError::NoMemory`], if they are not to be had.
    fn take(&self, bytes: usize) -> Result<NonNull<u8>, PageError>;

    /// Takes them back, also some of what was taken at once.
    ///
    /// # Safety
    ///
    /// They are whole pages that `take` answered, each is given back once, and nothing
    /// uses them any more.
    unsafe fn give_back(&self, at: NonNull<u8>, bytes: usize);
}

/// The pool of the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool;

// SAFETY: `Held::alloc` answers whole pages of the kernel's, this task's alone; they stay in
// the program's record, so nothing else makes a value of them.
unsafe impl Supply for Pool {
    fn page_bytes(&self) -> Result<usize, PageError> {
        page_bytes()
    }

    fn take(&self, bytes: usize) -> Result<NonNull<u8>, PageError> {
        let (at, _) = Held::alloc(bytes)?.into_raw();
        Ok(at)
    }

    unsafe fn give_back(&self, at: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's.
        drop(unsafe { Held::from_raw(at, bytes) });
    }
}

/// Blocks of any size in pages of the pool, the first place that fits. (AllocMem, FreeMem)
///
/// Pages that become free stay with the heap for later blocks, until [`Heap::scavenge`].
/// As all pages, they can be read by everybody.
///
/// ```no_run
/// use usufruct_guest::page::{Heap, PageError};
///
/// fn names(heap: &Heap) -> Result<(), PageError> {
///     let mut name = heap.block(5)?;
///     name.copy_from_slice(b"Ashby");
///     drop(name);
///     heap.scavenge();
///     Ok(())
/// }
/// ```
pub struct Heap<S: Supply = Pool> {
    supply: S,
    arenas: Cell<Option<Arena>>,
}

impl Heap {
    /// A heap without pages. It takes some for its first block.
    #[must_use]
    pub const fn new() -> Self {
        Self::over(Pool)
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Supply> Heap<S> {
    /// A heap over other pages than the pool's.
    #[must_use]
    pub const fn over(supply: S) -> Self {
        let arenas = Cell::new(None);
        Self { supply, arenas }
    }

    /// A block of that many zeros.
    ///
    /// # Errors
    ///
    /// As for [`Heap::allocate`].
    pub fn block(&self, bytes: usize) -> Result<Block<'_, S>, PageError> {
        let layout = Layout::from_size_align(bytes, 1).map_err(|_| PageError::BadSize)?;
        let at = self.allocate(layout)?.cast::<u8>();
        // SAFETY: the block has so many bytes, and is nobody else's.
        unsafe { at.write_bytes(0, bytes) };
        Ok(Block {
            heap: self,
            at,
            layout,
        })
    }

    /// A place for `layout`, of exactly its size. What is there is left from before.
    ///
    /// # Errors
    ///
    /// [`PageError::BadSize`]: of size 0, of not much under 2 GiB or more, or aligned to
    /// more than a page. [`PageError::NoMemory`]: the pool has no pages for it.
    /// [`PageError::NoPool`]: there is none.
    pub fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, PageError> {
        let page = self.supply.page_bytes()?;
        if layout.size() == 0 || layout.size() > MOST_BYTES || layout.align() > page {
            return Err(PageError::BadSize);
        }
        let standing = self.arenas().find_map(|mut arena| arena.take(layout));
        let at = match standing {
            Some(at) => at,
            None => {
                let mut arena = self.grow(layout.size(), page)?;
                arena.take(layout).ok_or(PageError::NoMemory)?
            }
        };
        Ok(NonNull::slice_from_raw_parts(at, layout.size()))
    }

    /// Frees a block. What is no block of this heap, or has another size, is refused and
    /// harms nothing; sizes are told apart by 16 bytes.
    ///
    /// # Errors
    ///
    /// [`PageError::NotOwned`]: no such block.
    ///
    /// # Safety
    ///
    /// If [`Heap::allocate`] has answered this block for this layout and it has not been
    /// freed since, nothing uses it any more.
    pub unsafe fn deallocate(&self, at: NonNull<u8>, layout: Layout) -> Result<(), PageError> {
        let freed = self
            .arenas()
            .any(|mut arena| arena.give_back(at, layout.size()));
        freed.then_some(()).ok_or(PageError::NotOwned)
    }

    /// Gives back all whole pages without a block. How many bytes that was. (ScavengeMem)
    pub fn scavenge(&self) -> usize {
        let mut given = 0;
        let mut before: Option<Arena> = None;
        let mut next = self.arenas.get();
        while let Some(mut arena) = next {
            next = arena.next();
            while let Some((at, bytes)) = arena.retire_pages() {
                given += bytes;
                // SAFETY: `retire_pages` names whole pages of the arena, once, and no block
                // lies in them any more.
                unsafe { self.supply.give_back(at, bytes) };
            }
            if !arena.all_gone() {
                before = Some(arena);
                continue;
            }
            match &mut before {
                Some(before) => before.set_next(next),
                None => self.arenas.set(next),
            }
            given += self.give_books_back(arena);
        }
        given
    }

    fn arenas(&self) -> impl Iterator<Item = Arena> {
        core::iter::successors(self.arenas.get(), Arena::next)
    }

    /// Takes pages for a block of that size, and for more if they are to be had.
    fn grow(&self, bytes: usize, page: usize) -> Result<Arena, PageError> {
        let roomy = Shape::roomy(bytes, page).ok_or(PageError::BadSize)?;
        let exact = Shape::exact(bytes, page).ok_or(PageError::BadSize)?;
        let (at, shape) = match self.supply.take(roomy.bytes()) {
            Ok(at) => (at, roomy),
            Err(_) => (self.supply.take(exact.bytes())?, exact),
        };
        // SAFETY: the supply has just given it.
        let arena = unsafe { Arena::create(at, shape, self.arenas.get()) };
        self.arenas.set(Some(arena));
        Ok(arena)
    }

    /// The last pages of an arena that is in no list any more.
    fn give_books_back(&self, arena: Arena) -> usize {
        let (at, bytes) = arena.books();
        // SAFETY: they are the arena's, its data are gone, and nobody knows of it any more.
        unsafe { self.supply.give_back(at, bytes) };
        bytes
    }
}

/// Pages without a block go back. Blocks that were never freed keep theirs until the task
/// ends.
impl<S: Supply> Drop for Heap<S> {
    fn drop(&mut self) {
        self.scavenge();
    }
}

impl<S: Supply> fmt::Debug for Heap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arenas = self.arenas().count();
        f.debug_struct("Heap").field("arenas", &arenas).finish()
    }
}

/// Bytes in a heap. Dropped, they are free again.
#[must_use = "dropping it frees it"]
pub struct Block<'heap, S: Supply = Pool> {
    heap: &'heap Heap<S>,
    at: NonNull<u8>,
    layout: Layout,
}

impl<S: Supply> Deref for Block<'_, S> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block is this value's until it is dropped, and was filled with zeros.
        unsafe { core::slice::from_raw_parts(self.at.as_ptr(), self.layout.size()) }
    }
}

impl<S: Supply> DerefMut for Block<'_, S> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`.
        unsafe { core::slice::from_raw_parts_mut(self.at.as_ptr(), self.layout.size()) }
    }
}

impl<S: Supply> Drop for Block<'_, S> {
    fn drop(&mut self) {
        // SAFETY: nothing uses it after this.
        let freed = unsafe { self.heap.deallocate(self.at, self.layout) };
        debug_assert_eq!(freed, Ok(()), "a block is one of its heap's");
    }
}

impl<S: Supply> fmt::Debug for Block<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Block").field(&&**self).finish()
    }
}

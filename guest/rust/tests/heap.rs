//! The heap over pages of this process: blocks do not meet, wrong frees harm nothing, and
//! pages that were given back are touched no more.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use usufruct_guest::page::{Heap, PageError, Supply};

const PAGE_BYTES: usize = 4096;
const POISON: u8 = 0xDD;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Taken,
    GivenBack,
}

/// Pages of this process, first fit. What is given back is poisoned, and never taken again.
struct Pages {
    at: NonNull<u8>,
    layout: Layout,
    states: RefCell<Vec<State>>,
    takes: Cell<usize>,
}

impl Pages {
    fn new(pages: usize) -> Self {
        let layout = Layout::from_size_align(pages * PAGE_BYTES, PAGE_BYTES).unwrap();
        // SAFETY: the layout is not empty.
        let at = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap();
        Self {
            at,
            layout,
            states: RefCell::new(vec![State::Free; pages]),
            takes: Cell::new(0),
        }
    }

    fn count(&self, state: State) -> usize {
        let states = self.states.borrow();
        states.iter().filter(|found| **found == state).count()
    }

    fn first_page(&self, at: NonNull<u8>) -> usize {
        let offset = at.addr().get() - self.at.addr().get();
        assert!(offset.is_multiple_of(PAGE_BYTES));
        offset / PAGE_BYTES
    }

    fn assert_poison(&self) {
        for (page, state) in self.states.borrow().iter().enumerate() {
            if *state == State::GivenBack {
                // SAFETY: the page lies in the allocation, and nobody borrows it.
                let bytes = unsafe {
                    self.at
                        .as_ptr()
                        .cast::<[u8; PAGE_BYTES]>()
                        .wrapping_add(page)
                        .read()
                };
                assert!(
                    bytes.iter().all(|byte| *byte == POISON),
                    "page {page} was touched"
                );
            }
        }
    }
}

// SAFETY: pages of one live allocation, each taken once.
unsafe impl Supply for &Pages {
    fn page_bytes(&self) -> Result<usize, PageError> {
        Ok(PAGE_BYTES)
    }

    fn take(&self, bytes: usize) -> Result<NonNull<u8>, PageError> {
        assert!(bytes.is_multiple_of(PAGE_BYTES) && bytes > 0);
        let count = bytes / PAGE_BYTES;
        let mut states = self.states.borrow_mut();
        let free = |run: &[State]| run.iter().all(|state| *state == State::Free);
        let first = states
            .windows(count)
            .position(free)
            .ok_or(PageError::NoMemory)?;
        states[first..first + count].fill(State::Taken);
        self.takes.set(self.takes.get() + 1);
        // SAFETY: within the allocation.
        Ok(unsafe { self.at.add(first * PAGE_BYTES) })
    }

    unsafe fn give_back(&self, at: NonNull<u8>, bytes: usize) {
        let first = self.first_page(at);
        assert!(bytes.is_multiple_of(PAGE_BYTES) && bytes > 0);
        let mut states = self.states.borrow_mut();
        for state in &mut states[first..first + bytes / PAGE_BYTES] {
            assert_eq!(*state, State::Taken);
            *state = State::GivenBack;
        }
        // SAFETY: within the allocation, and nobody uses it any more.
        unsafe { at.write_bytes(POISON, bytes) };
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.assert_poison();
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

fn layout(bytes: usize, align: usize) -> Layout {
    Layout::from_size_align(bytes, align).unwrap()
}

/// A number below `below`, after `state`.
fn random(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % below as u64).unwrap()
}

#[test]
fn blocks_never_meet_and_are_zeros_at_first() {
    let pages = Pages::new(600);
    let heap = Heap::over(&pages);
    let mut blocks = Vec::new();
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for step in 0..5000_usize {
        if random(&mut state, 5) < 3 || blocks.is_empty() {
            let size = match random(&mut state, 20) {
                0 => 1 + random(&mut state, 100_000),
                _ => 1 + random(&mut state, 600),
            };
            let Ok(mut block) = heap.block(size) else {
                continue;
            };
            assert!(block.iter().all(|byte| *byte == 0));
            let mark = step.to_le_bytes()[0];
            block.fill(mark);
            blocks.push((block, mark));
        } else {
            let (block, mark) = blocks.swap_remove(random(&mut state, blocks.len()));
            assert!(block.iter().all(|byte| *byte == mark));
        }
    }
    assert!(blocks.len() > 100, "{}", blocks.len());
    for (block, mark) in &blocks {
        assert!(block.iter().all(|byte| byte == mark));
    }
}

#[test]
fn what_is_free_is_used_again_before_new_pages_are_taken() {
    let pages = Pages::new(64);
    let heap = Heap::over(&pages);
    for _ in 0..1000 {
        drop(heap.block(50_000).unwrap());
    }
    assert_eq!(pages.takes.get(), 1);
}

#[test]
fn scavenging_gives_back_whole_free_pages_and_their_books_at_last() {
    let pages = Pages::new(64);
    let heap = Heap::over(&pages);
    let first = heap.block(PAGE_BYTES).unwrap();
    let middle = heap.block(3 * PAGE_BYTES).unwrap();
    let last = heap.block(16).unwrap();
    let taken = pages.count(State::Taken);
    assert_eq!(taken, 17, "64 KiB of data and a page of books");

    assert_eq!(heap.scavenge(), 11 * PAGE_BYTES);
    assert_eq!(heap.scavenge(), 0);
    drop(middle);
    assert_eq!(heap.scavenge(), 3 * PAGE_BYTES);
    pages.assert_poison();

    drop(first);
    drop(last);
    assert_eq!(heap.scavenge(), 3 * PAGE_BYTES);
    assert_eq!(pages.count(State::Taken), 0);
    pages.assert_poison();

    assert_eq!(heap.block(7).unwrap().len(), 7, "and it goes on");
}

#[test]
fn an_arena_between_others_goes_alone() {
    let pages = Pages::new(64);
    let heap = Heap::over(&pages);
    let [one, two, three] = [(); 3].map(|()| heap.block(60_000).unwrap());
    assert_eq!(pages.takes.get(), 3);
    drop(two);
    assert_eq!(
        heap.scavenge(),
        (17 + 2) * PAGE_BYTES,
        "and a rest of the others"
    );
    drop(one);
    drop(three);
    pages.assert_poison();
    assert_eq!(heap.scavenge(), 2 * 16 * PAGE_BYTES);
    assert_eq!(pages.count(State::Taken), 0);
}

#[test]
fn wrong_frees_are_refused_and_harm_nothing() {
    let pages = Pages::new(64);
    let heap = Heap::over(&pages);
    let one = heap.allocate(layout(100, 1)).unwrap().cast::<u8>();
    let two = heap.allocate(layout(100, 1)).unwrap().cast::<u8>();
    let free = |at: NonNull<u8>, bytes| {
        // SAFETY: nothing uses the blocks of this test.
        unsafe { heap.deallocate(at, layout(bytes, 1)) }
    };
    let shifted = |by: isize| NonNull::new(one.as_ptr().wrapping_offset(by)).unwrap();
    for (at, bytes) in [
        (one, 16),
        (one, 200),
        (one, 224),
        (shifted(16), 96),
        (shifted(1), 100),
        (shifted(-16), 100),
        (shifted(-PAGE_BYTES.cast_signed()), 100),
        (shifted(1 << 20), 100),
        (NonNull::dangling(), 100),
    ] {
        assert_eq!(free(at, bytes), Err(PageError::NotOwned), "{at:p} {bytes}");
    }
    assert_eq!(free(one, 100), Ok(()));
    assert_eq!(free(one, 100), Err(PageError::NotOwned), "twice");
    assert_eq!(free(two, 100), Ok(()));
    assert_eq!(heap.scavenge(), 17 * PAGE_BYTES);
    assert_eq!(
        free(two, 100),
        Err(PageError::NotOwned),
        "of pages that are gone"
    );
}

#[test]
fn sizes_and_alignments_that_can_not_be_are_refused() {
    let pages = Pages::new(64);
    let heap = Heap::over(&pages);
    assert_eq!(heap.allocate(layout(0, 1)), Err(PageError::BadSize));
    assert_eq!(
        heap.allocate(layout(1, 2 * PAGE_BYTES)),
        Err(PageError::BadSize)
    );
    assert_eq!(
        heap.allocate(layout(0x7fff_0001, 1)),
        Err(PageError::BadSize)
    );
    assert_eq!(
        heap.allocate(layout(0x7fff_0000, 1)),
        Err(PageError::NoMemory)
    );
    assert_eq!(pages.takes.get(), 0);

    let aligned = heap.allocate(layout(24, 256)).unwrap().cast::<u8>();
    assert!(aligned.addr().get().is_multiple_of(256));
    let page = heap.allocate(layout(1, PAGE_BYTES)).unwrap().cast::<u8>();
    assert!(page.addr().get().is_multiple_of(PAGE_BYTES));
}

#[test]
fn the_last_pages_of_a_small_supply_are_used() {
    let pages = Pages::new(3);
    let heap = Heap::over(&pages);
    let block = heap.block(2 * PAGE_BYTES).unwrap();
    assert_eq!(heap.block(1).unwrap_err(), PageError::NoMemory);
    drop(block);
    assert!(heap.block(2 * PAGE_BYTES).is_ok());
}

#[test]
fn a_heap_that_ends_gives_back_all_but_what_was_never_freed() {
    let pages = Pages::new(64);
    let heap = Heap::over(&pages);
    let block = heap.block(1).unwrap();
    std::mem::forget(block);
    let large = heap.block(100_000).unwrap();
    drop(large);
    drop(heap);
    assert_eq!(pages.count(State::Taken), 2, "a page of data and its books");
}

//! Two of these fight over pages: each takes from the other, again and again, the right to
//! write a page of its own, while both copy into the other's page; and looks for bytes that
//! came too late. What is said to it is in `usufruct_x86_64_wire::duel`.

#![no_std]
#![no_main]

mod door;

use core::cell::UnsafeCell;
use usufruct_abi::{Error, MEMC_NOWRITE, MEMC_OKWRITE, MEMTYPE_FILL, READ_PERM};
use usufruct_guest::raw::page::{AllocMemBlocks, ControlMem};
use usufruct_guest::raw::{last_error, read_mem, share_mem};
use usufruct_x86_64_wire::duel::{Order, PAGE_BYTES, Score, Terms};

/// How often a copy is tried between a grant and its end.
const COPIES: u32 = 4;
/// How often one looks at a page that must stand still.
const LOOKS: u32 = 20_000;

/// The size of a page, as calls take it.
const BYTES: i32 = 4096;
const _: () = assert!(BYTES.unsigned_abs() as usize == PAGE_BYTES);
const WORDS: usize = PAGE_BYTES / size_of::<u64>();

/// What the other copies: words that are even while it may, and odd when it may not.
#[repr(C, align(4096))]
struct Source(UnsafeCell<[u64; WORDS]>);

// SAFETY: one thread; the kernel reads it for the other task, a byte at a time.
unsafe impl Sync for Source {}

static SOURCE: Source = Source(UnsafeCell::new([0; WORDS]));

impl Source {
    fn at(&self) -> *mut u64 {
        self.0.get().cast()
    }

    fn fill(&self, word: u64) {
        for number in 0..WORDS {
            // SAFETY: one of the array's words; volatile, for the kernel reads it.
            unsafe { self.at().wrapping_add(number).write_volatile(word) };
        }
    }
}

/// A page of the pool.
#[derive(Clone, Copy)]
struct Page(*mut u64);

impl Page {
    fn control(self, command: i32, task: i32) -> i32 {
        // SAFETY: nothing in this program relies on what the page holds.
        unsafe { ControlMem(self.0.cast(), BYTES, command, task) }
    }

    fn word(self, number: usize) -> u64 {
        // SAFETY: a word of a page, which everybody may read; volatile, for others store.
        unsafe { self.0.wrapping_add(number).read_volatile() }
    }

    fn store(self, word: u64) {
        // SAFETY: this task may store there; if not, it ends, as the test wants it.
        unsafe { self.0.write_volatile(word) };
    }
}

/// What is kept from one order to the next.
struct Duelist {
    page: Page,
    round: u64,
}

impl Duelist {
    /// Takes a page, and lends the source.
    fn prepare(&mut self, peer: i32) -> Terms {
        self.page = Page(AllocMemBlocks(BYTES, MEMTYPE_FILL).cast());
        // SAFETY: lent to be read only.
        let smo = unsafe { share_mem(peer, SOURCE.at().cast(), BYTES, READ_PERM) };
        Terms {
            page: self.page.0 as u32,
            smo,
        }
    }

    fn fight(&mut self, peer: i32, terms: Terms, rounds: u32) -> Score {
        let mut score = Score::default();
        let theirs = terms.page as usize as *mut u8;
        for _ in 0..rounds {
            self.round += 2;
            SOURCE.fill(self.round);
            if self.page.control(MEMC_OKWRITE, peer) != 0 {
                score.wrong += 1;
            }
            for _ in 0..COPIES {
                // SAFETY: into a page on which nothing here relies.
                match unsafe { read_mem(terms.smo, 0, BYTES, theirs) } {
                    0 => score.copies += 1,
                    _ if last_error() == Error::NoPermission.code() => score.refusals += 1,
                    _ => score.wrong += 1,
                }
            }
            if self.page.control(MEMC_NOWRITE, peer) != 0 {
                score.wrong += 1;
            }
            // A copy that lands from now on is late, and brings this.
            SOURCE.fill(self.round + 1);
            let late = |number| u32::from(!self.page.word(number).is_multiple_of(2));
            score.late += (0..WORDS).map(late).sum::<u32>();
            score.rounds += 1;
        }
        score
    }

    /// Stores for ever; that is, until it may not.
    fn store(&self, page: u32) -> ! {
        let page = Page(page as usize as *mut u64);
        let mut word = 0;
        loop {
            page.store(word);
            word += 1;
        }
    }

    /// Takes a task's right to the page, and looks whether anything changes there afterwards.
    fn strike(&self, task: i32) -> Score {
        let begun = self.page.word(0);
        let answer = self.page.control(MEMC_NOWRITE, task);
        let first = self.page.word(0);
        let looks = (0..LOOKS).map(|_| u32::from(self.page.word(0) != first));
        Score {
            rounds: 1,
            copies: u32::from(first != begun),
            late: looks.sum(),
            wrong: u32::from(answer != 0),
            ..Score::default()
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let mut duelist = Duelist {
        page: Page(core::ptr::null_mut()),
        round: 0,
    };
    let mut buffer = [0; 64];
    loop {
        let length = door::next_command(&mut buffer);
        let order = length.and_then(|length| Order::decode(&buffer[..length]));
        let Some(order) = order else { door::exit(1) };
        match order {
            Order::Prepare { peer } => door::reply(&duelist.prepare(peer).encode()),
            Order::Fight {
                peer,
                terms,
                rounds,
            } => door::reply(&duelist.fight(peer, terms, rounds).encode()),
            Order::Allow { task } => {
                let answer = duelist.page.control(MEMC_OKWRITE, task);
                door::reply(&answer.to_le_bytes());
            }
            Order::Store { page } => {
                door::reply(&[0]);
                duelist.store(page)
            }
            Order::Strike { task } => door::reply(&duelist.strike(task).encode()),
            Order::WhoAreYou => {
                door::reply(&usufruct_guest::raw::get_current_task().to_le_bytes());
            }
        }
    }
}

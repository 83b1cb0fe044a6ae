//! Counts instructions, where the machine's clock counts them (QEMU's `-icount`): what is
//! between two looks at the clock, the kernel's and the task's own. What is said to it is in
//! `usufruct_x86_64_wire::meter`.

#![no_std]
#![no_main]

mod door;

use core::arch::x86_64::_rdtsc;
use core::cell::UnsafeCell;
use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, MEMTYPE_FILL, READ_PERM, WRITE_PERM};
use usufruct_guest::raw::page::{AllocMemBlocks, ControlMem};
use usufruct_guest::raw::{
    claim_mem, get_current_task, get_msg, open_port, read_mem, send_msg, share_mem, wait_msg,
    watch_task, write_mem,
};
use usufruct_x86_64_wire::meter::{LENT_BYTES, Order, TIMES, Thing};

/// Memory for the kernel to copy from and to.
#[repr(C, align(4096))]
struct Buffer(UnsafeCell<[u8; LENT_BYTES]>);

// SAFETY: one thread, and only its address is taken.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; LENT_BYTES]));
const BUFFER_BYTES: i32 = 128 << 10;
const _: () = assert!(BUFFER_BYTES.unsigned_abs() as usize == LENT_BYTES);

const PAGE_BYTES: i32 = 4096;
const PORT: i32 = 0;
const FOR_EVER: i32 = -1;

fn buffer() -> *mut u8 {
    BUFFER.0.get().cast()
}

/// The low half of a word.
#[allow(clippy::cast_possible_truncation, reason = "an int is the low half")]
fn int(word: u64) -> i32 {
    (word as u32).cast_signed()
}

#[allow(clippy::cast_possible_truncation, reason = "this machine has 64 bits")]
fn size(word: u64) -> usize {
    word as usize
}

fn clock() -> u64 {
    // SAFETY: every processor that this kernel starts on has it, and tasks may use it.
    unsafe { _rdtsc() }
}

/// Least, median and most of what it takes; a call that fails ends the program.
fn count(act: impl FnMut() -> bool) -> [u64; 3] {
    count_after(|| true, act)
}

/// The same, when each time something is done before that is not counted.
fn count_after(mut before: impl FnMut() -> bool, mut act: impl FnMut() -> bool) -> [u64; 3] {
    let mut taken = [0; TIMES];
    for time in &mut taken {
        let is_ready = before();
        let begin = clock();
        let went_well = act();
        *time = clock() - begin;
        if !is_ready || !went_well {
            door::exit(2);
        }
    }
    sum_up(taken)
}

fn sum_up(mut taken: [u64; TIMES]) -> [u64; 3] {
    taken.sort_unstable();
    [taken[0], taken[TIMES / 2], taken[TIMES - 1]]
}

fn lend(peer: i32) -> i32 {
    // SAFETY: nothing here relies on what is in the buffer.
    unsafe { share_mem(peer, buffer(), BUFFER_BYTES, READ_PERM | WRITE_PERM) }
}

fn read(smo: i32, offset: i32, bytes: i32) -> bool {
    let to = buffer().wrapping_offset(offset as isize);
    // SAFETY: inside the buffer: no offset is behind a page, no size beyond 64 KiB.
    unsafe { read_mem(smo, offset, bytes, to) == 0 }
}

fn control(page: *mut u8, command: i32, task: i32) -> bool {
    // SAFETY: nothing here relies on the page.
    unsafe { ControlMem(page, PAGE_BYTES, command, task) == 0 }
}

fn send(to: i32) -> bool {
    let message = [0; 4];
    // SAFETY: 16 bytes.
    unsafe { send_msg(to, PORT, message.as_ptr()) == 0 }
}

/// Waits for a message: its sender.
fn receive() -> Option<i32> {
    let (mut message, mut sender) = ([0; 4], 0);
    if wait_msg(PORT, FOR_EVER) != 0 {
        return None;
    }
    // SAFETY: 16 bytes and 4.
    let got = unsafe { get_msg(PORT, message.as_mut_ptr(), &raw mut sender) };
    (got == 0).then_some(sender)
}

fn measure(thing: Thing, peer: i32, smo: i32) -> [u64; 3] {
    match thing {
        Thing::Nothing => count(|| true),
        Thing::NullCall => count(|| get_current_task() > 0),
        Thing::ShareClaim => count(|| claim_mem(lend(peer)) == 0),
        Thing::Read8 => count(|| read(smo, 0, 8)),
        Thing::Read64 => count(|| read(smo, 0, 64)),
        Thing::Read4K => count(|| read(smo, 0, 4096)),
        Thing::Read4KUnaligned => count(|| read(smo, 100, 4096)),
        Thing::Read64K => count(|| read(smo, 0, 64 << 10)),
        // SAFETY: inside the buffer.
        Thing::Write64 => count(|| unsafe { write_mem(smo, 0, 64, buffer()) == 0 }),
        Thing::GrantRevoke => {
            let page = AllocMemBlocks(PAGE_BYTES, MEMTYPE_FILL);
            count(|| control(page, MEMC_OKWRITE, peer) && control(page, MEMC_NOWRITE, peer))
        }
        Thing::RoundTrip => count(|| send(peer) && receive() == Some(peer)),
        Thing::FirstStore => {
            let page = AllocMemBlocks(PAGE_BYTES, MEMTYPE_FILL);
            let own = get_current_task();
            let give = || control(page, MEMC_NOWRITE, own) && control(page, MEMC_GIVE, own);
            count_after(give, || {
                note(page.cast(), 0, 1);
                true
            })
        }
    }
}

/// Stores a word in a page.
fn note(page: *mut u64, place: usize, word: u64) {
    // SAFETY: whoever calls this names a page of the pool, and one of its words. A store that
    // the task has no right to ends it, and tasks that may store there are no race of this
    // program's: nobody has a reference.
    unsafe { page.wrapping_add(place).write_volatile(word) };
}

fn noted(page: *mut u64, place: usize) -> u64 {
    // SAFETY: as above.
    unsafe { page.wrapping_add(place).read_volatile() }
}

/// Each of two tasks notes when it ran last; whom the other has been running since has been
/// switched to. Two switches, there and back, are one time.
fn take_turns(page: *mut u64, own: usize) -> [u64; 3] {
    const SWITCHES: usize = 2;
    const FIRST: usize = 3;
    let mut last = clock();
    loop {
        let now = clock();
        let other = noted(page, 1 - own);
        let switches = size(noted(page, SWITCHES));
        if switches >= 2 * TIMES {
            break;
        }
        if other > last {
            note(page, FIRST + switches, clock() - other);
            note(page, SWITCHES, switches as u64 + 1);
        }
        note(page, own, now);
        // A switch between the two looks is not seen twice.
        last = now.max(other);
    }
    sum_up(core::array::from_fn(|time| {
        noted(page, FIRST + 2 * time) + noted(page, FIRST + 2 * time + 1)
    }))
}

/// Waits for the end of a task, which may write the page; what has gone by since it noted the
/// clock there.
fn hear(peer: i32, page: *mut u64) -> u64 {
    if !control(page.cast(), MEMC_OKWRITE, peer) || watch_task(peer, PORT) != 0 {
        door::exit(2);
    }
    reply([0]);
    if receive() != Some(0) {
        door::exit(2);
    }
    clock() - noted(page, 0)
}

fn reply<const WORDS: usize>(words: [u64; WORDS]) {
    let mut bytes = [0; 24];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    door::reply(&bytes[..8 * WORDS]);
}

/// A page of this pool, by its address.
fn page_at(address: u64) -> *mut u64 {
    core::ptr::with_exposed_provenance_mut(size(address))
}

fn next_order() -> Option<Order> {
    let mut bytes = [0; 32];
    door::next_command(&mut bytes)?;
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    }
    Order::decode(words)
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    if open_port(PORT) != 0 {
        door::exit(1);
    }
    loop {
        match next_order() {
            None => door::exit(1),
            Some(order) => obey(order),
        }
    }
}

fn obey(order: Order) {
    match order {
        Order::WhoAreYou => reply([u64::from(get_current_task().cast_unsigned())]),
        Order::Lend { peer } => reply([u64::from(lend(int(peer)).cast_unsigned())]),
        Order::Echo => {
            reply([0]);
            for _ in 0..TIMES {
                if !receive().is_some_and(send) {
                    door::exit(2);
                }
            }
        }
        Order::Count { thing, peer, smo } => reply(measure(thing, int(peer), int(smo))),
        Order::Page { peer } => {
            let page = AllocMemBlocks(PAGE_BYTES, MEMTYPE_FILL);
            if !control(page, MEMC_OKWRITE, int(peer)) {
                door::exit(2);
            }
            reply([page as u64]);
        }
        Order::TakeTurns { page, number } => {
            reply([0]);
            let taken = take_turns(page_at(page), size(number) & 1);
            if number == 0 {
                reply(taken);
            }
        }
        Order::Hear { peer, page } => reply([hear(int(peer), page_at(page))]),
        Order::End { page, forbidden } => {
            note(page_at(page), 0, clock());
            if forbidden != 0 {
                note(page_at(forbidden), 0, 0);
            }
            door::exit(0);
        }
    }
}

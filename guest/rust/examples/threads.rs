//! A sum in four threads; or, with the argument `deep`, a thread that uses up its stack; or, with
//! `full`, one that uses all of it and no more, while others begin.

#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::black_box;
use usufruct_guest::program::{argument, spawn};
use usufruct_guest::{eprintln, println};

usufruct_guest::main!(add);

/// More rounds than there may be stacks, so that threads get those of others.
const ROUNDS: u64 = 50;
const THREADS: u64 = 4;

fn add() -> i32 {
    if argument(1).as_deref() == Some("deep") {
        return spawn(|| i32::from(deep(0) == 0)).map_or(1, |thread| thread.join());
    }
    #[cfg(target_os = "none")]
    if argument(1).as_deref() == Some("full") {
        return full::threads().map_or(1, |are_apart| i32::from(!are_apart));
    }
    let mut sum = 0;
    for round in 0..ROUNDS {
        let threads: Result<Vec<_>, _> = (0..THREADS)
            .map(|part| {
                let numbers: Vec<u64> = (0..1000).map(|number| number * THREADS + part).collect();
                spawn(move || numbers.iter().sum::<u64>())
            })
            .collect();
        match threads {
            Ok(threads) => sum += threads.into_iter().map(|thread| thread.join()).sum::<u64>(),
            Err(no) => {
                eprintln!("threads: {no}, in round {round}");
                return 1;
            }
        }
    }
    println!("{sum}");
    0
}

/// Without an end.
fn deep(depth: u64) -> u64 {
    let here = black_box([depth; 64]);
    if depth == u64::MAX {
        return 0;
    }
    deep(depth + 1) + here[0]
}

/// Threads that store zeros to the whole of their stacks.
#[cfg(target_os = "none")]
mod full {
    use alloc::vec::Vec;
    use core::arch::asm;
    use core::hint::{black_box, spin_loop};
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use usufruct_guest::program::{NoThread, spawn};

    const PAGE_BYTES: u64 = 4096;
    /// What `spawn` gives a thread.
    const STACK_BYTES: u64 = 256 << 10;

    static FULL: AtomicU32 = AtomicU32::new(0);
    static MAY_END: AtomicBool = AtomicBool::new(false);

    /// Whether each of three that run at one time has a stack of its own.
    pub(super) fn threads() -> Result<bool, NoThread> {
        let mut running = Vec::new();
        for before in 0..3 {
            running.push(spawn(fill)?);
            while FULL.load(Ordering::Acquire) == before {
                spin_loop();
            }
        }
        MAY_END.store(true, Ordering::Release);
        let mut ends: Vec<u64> = running.into_iter().map(|one| one.join()).collect();
        ends.sort_unstable();
        ends.dedup();
        Ok(ends.len() == 3)
    }

    /// Stores zeros to the stack down to its lowest word, and answers where it ends.
    fn fill() -> u64 {
        let here = black_box(0_u8);
        let end = ((&raw const here) as u64).next_multiple_of(PAGE_BYTES);
        // SAFETY: the thread's own stack, below everything that is on it: there is no red zone.
        unsafe {
            asm!("mov {kept}, rsp", "2:", "push 0", "cmp rsp, {lowest}", "ja 2b",
                "mov rsp, {kept}", kept = out(reg) _, lowest = in(reg) end - STACK_BYTES);
        }
        FULL.fetch_add(1, Ordering::Release);
        while !MAY_END.load(Ordering::Acquire) {
            spin_loop();
        }
        end
    }
}

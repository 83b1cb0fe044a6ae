//! A sum in four threads; or, with the argument `deep`, a thread that uses up its stack.

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

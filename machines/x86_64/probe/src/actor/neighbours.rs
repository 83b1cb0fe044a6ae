//! What takes two tasks.

use crate::acts::{PAGE_BYTES, find, grow, life};
use crate::natively::{Strings, call, exit, native, say};
use core::arch::x86_64::_rdtsc;
use usufruct_abi::{NativeCall, Number};

const PORT: u64 = 0;
const FOR_EVER: u64 = (-1_i32).cast_unsigned() as u64;

fn clock() -> u64 {
    // SAFETY: every processor that the kernel starts on has it, and tasks may use it.
    unsafe { _rdtsc() }
}

/// A message of no words.
fn send(task: u64) -> bool {
    let message = [0_u8; 16];
    call(Number::SendMsg, [task, PORT, message.as_ptr() as u64, 0]) == 0
}

/// The sender of the next message, 0 if it is the kernel.
fn receive() -> Option<u64> {
    let (mut message, mut sender) = ([0_u8; 16], 0_i32);
    if call(Number::WaitMsg, [PORT, FOR_EVER, 0, 0]) != 0 {
        return None;
    }
    let (message, at) = (message.as_mut_ptr() as u64, (&raw mut sender) as u64);
    let got = call(Number::GetMsg, [PORT, message, at, 0]);
    (got == 0).then_some(u64::from(sender.cast_unsigned()))
}

/// Has much memory, and ends when it is told to; badly, but in its last life.
pub(crate) fn large(strings: Strings, kibibytes: u64, last_life: u64) -> Option<()> {
    grow(kibibytes)?;
    let is_last = life(strings)? == last_life;
    call(Number::OpenPort, [PORT, 0, 0, 0]);
    let peer = receive()?;
    send(peer).then_some(())?;
    exit(i32::from(!is_last))
}

/// Asks for a page at a time while lives of the other task end, one after another: in most of
/// these ends asking never takes three quarters of the end. One that is over before it has asked
/// often says nothing about that.
pub(crate) fn keep_growing(other: &str, lives: u64) -> Option<()> {
    const OFTEN: u64 = 8;
    const MOST_LIVES: usize = 32;
    call(Number::OpenPort, [PORT, 0, 0, 0]);
    let (mut last, mut measured) = (0, 0);
    let mut longest_percent = [0; MOST_LIVES];
    for _ in 0..lives {
        let peer = loop {
            match find(other).filter(|peer| *peer != last) {
                Some(peer) => break peer,
                None => native(NativeCall::YieldTurn, [0; 3]).ok()?,
            };
        };
        last = peer;
        (call(Number::WatchTask, [peer, PORT, 0, 0]) == 0).then_some(())?;
        while !send(peer) {
            native(NativeCall::YieldTurn, [0; 3]).ok()?;
        }
        (receive()? == peer).then_some(())?;
        let (begin, mut longest, mut times) = (clock(), 0, 0);
        while call(Number::GetMsgCount, [PORT, 0, 0, 0]) == 0 {
            let asked = clock();
            native(NativeCall::GrowMemory, [PAGE_BYTES, 0, 0]).ok()?;
            longest = longest.max(clock() - asked);
            times += 1;
        }
        let whole = clock() - begin;
        (receive()? == 0).then_some(())?;
        if times >= OFTEN {
            *longest_percent.get_mut(measured)? = longest * 100 / whole;
            measured += 1;
        }
    }
    let measured = longest_percent.get_mut(..measured)?;
    measured.sort_unstable();
    // A host may stop a processor in the middle of a call: not in most of them. If no end has
    // said anything, this is no success.
    let median = *measured.get(measured.len() / 2)?;
    say(format_args!("median {median} %\n"));
    (median < 75).then_some(())
}

//! The calls as one trap with a number, for programs on bare x86-64. On all other targets
//! but WebAssembly there is no kernel to call.

#[cfg(all(target_arch = "x86_64", target_os = "none"))]
use usufruct_abi::NativeCall;
use usufruct_abi::Number;

/// What a call takes, as a word of the trap: an `int` in its low half.
pub(super) trait Word {
    fn word(self) -> u64;
}

impl Word for i32 {
    fn word(self) -> u64 {
        u64::from(self.cast_unsigned())
    }
}

impl Word for u32 {
    fn word(self) -> u64 {
        u64::from(self)
    }
}

impl<T> Word for *const T {
    fn word(self) -> u64 {
        self.expose_provenance() as u64
    }
}

impl<T> Word for *mut T {
    fn word(self) -> u64 {
        self.expose_provenance() as u64
    }
}

/// What a call answers, from the low half of a register.
pub(super) trait Answer {
    fn of(word: u32) -> Self;
}

impl Answer for i32 {
    fn of(word: u32) -> Self {
        word.cast_signed()
    }
}

impl Answer for *mut u8 {
    /// The pool lies below 4 GiB.
    fn of(word: u32) -> Self {
        core::ptr::with_exposed_provenance_mut(word as usize)
    }
}

impl Answer for () {
    fn of(_: u32) -> Self {}
}

/// The call of this name; looked up when the program is compiled.
pub(super) const fn number(name: &str) -> Number {
    let mut all = Number::ALL;
    while let [first, rest @ ..] = all {
        if is_same(first.name().as_bytes(), name.as_bytes()) {
            return *first;
        }
        all = rest;
    }
    panic!("a call that the abi does not name")
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, rest_of_one @ ..], [b, rest_of_other @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest_of_one, rest_of_other);
    }
    one.is_empty() && other.is_empty()
}

/// Makes the call, and answers the low half of its word; `None` where there is no kernel.
///
/// # Safety
///
/// As for the call of this number with these words.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
pub(super) unsafe fn trap<const WORDS: usize>(number: Number, words: [u64; WORDS]) -> Option<u32> {
    // SAFETY: the caller's word.
    let answer = unsafe { syscall(number as u32, words) };
    u32::try_from(answer & 0xffff_ffff).ok()
}

/// There is no kernel to call.
///
/// # Safety
///
/// None is needed; it is as the other one is.
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
pub(super) unsafe fn trap<const WORDS: usize>(_: Number, _: [u64; WORDS]) -> Option<u32> {
    None
}

/// A call of the bare machine's own, which programs on WebAssembly have WASI for: its answer,
/// or a negative [`usufruct_abi::StreamError`].
///
/// # Safety
///
/// `ReadStream` stores to its buffer, and `SpawnThread` to its stack: nothing else in this
/// program uses what they store to. All others are safe, whatever their words.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
pub unsafe fn native_call<const WORDS: usize>(number: NativeCall, words: [u64; WORDS]) -> i64 {
    // SAFETY: the caller's word.
    unsafe { syscall(number as u32, words) }.cast_signed()
}

/// # Safety
///
/// As for the call of this number with these words.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
unsafe fn syscall<const WORDS: usize>(number: u32, words: [u64; WORDS]) -> u64 {
    let mut all = [0; 4];
    all[..WORDS].copy_from_slice(&words);
    let [first, second, third, fourth] = all;
    let answer: u64;
    // SAFETY:
    // 1. The kernel keeps all registers but rax, rcx and r11, vector registers included, and
    //    does not touch the stack.
    // 2. Where it stores is what the words say: the caller's word.
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") u64::from(number) => answer,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}

//! A handler of signals that was there before a system: guests' faults do not come
//! to it, and all others still do. A process of its own, for handlers are the process's.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use usufruct_wasm::{Config, Reason, Spec, System};

const PAGE_BYTES: usize = 65_536;

/// A page of the host's that may not be stored to, until the handler has come.
static CLOSED: AtomicPtr<libc::c_void> = AtomicPtr::new(ptr::null_mut());
static CAUGHT: AtomicU32 = AtomicU32::new(0);

/// Opens the page, so that the store is executed again and goes through.
extern "C" fn open_page(_: libc::c_int) {
    CAUGHT.fetch_add(1, Ordering::SeqCst);
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: our own mapping of that length. `mprotect` is a plain system call,
    // and may be made in a handler.
    unsafe { libc::mprotect(CLOSED.load(Ordering::SeqCst), PAGE_BYTES, access) };
}

fn install() {
    // SAFETY: zeroes are a `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = open_page as extern "C" fn(libc::c_int) as usize;
    // Tasks' threads have a stack of their own for handlers.
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler is a function that may run at any point of the program.
    let installed = unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) };
    assert_eq!(installed, 0);
}

fn map_closed() -> *mut u8 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping where there was none.
    let page = unsafe { libc::mmap(ptr::null_mut(), PAGE_BYTES, libc::PROT_NONE, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    CLOSED.store(page, Ordering::SeqCst);
    page.cast()
}

/// How a guest ends that stores behind its memory.
fn guests_fault(system: &System) -> Reason {
    let module = br#"(module (memory (export "memory") 1)
        (func (export "main") (i32.store (i32.const 0x7fff0000) (i32.const 1))))"#;
    let program = system.load(module).unwrap();
    let task = system.make(&program, &Spec::new("wild")).unwrap();
    task.start();
    task.wait().ending.reason
}

#[test]
fn a_handler_that_was_there_gets_what_is_no_guests() {
    let page = map_closed();
    install();
    let mut config = Config::default();
    config.pool_bytes = 1 << 20;
    let system = System::new(config).unwrap();
    let second = System::new(Config::default()).unwrap();
    assert_eq!(guests_fault(&system), Reason::Trap);
    assert_eq!(guests_fault(&second), Reason::Trap);
    assert_eq!(
        CAUGHT.load(Ordering::SeqCst),
        0,
        "guests' faults are not the host's"
    );
    // SAFETY: the page is mapped; the handler lets the store through.
    unsafe { page.write_volatile(7) };
    assert_eq!(CAUGHT.load(Ordering::SeqCst), 1);
    // SAFETY: it is open now.
    assert_eq!(unsafe { page.read_volatile() }, 7);
    assert_eq!(guests_fault(&system), Reason::Trap);
    assert_eq!(CAUGHT.load(Ordering::SeqCst), 1);
}

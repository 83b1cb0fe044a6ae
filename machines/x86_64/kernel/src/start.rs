//! From boot.s to the executors: what the loader says, and the second processor.

use crate::executor::Executor;
use crate::line;
use crate::machine::Bare;
use crate::postbox;
use crate::processor::{Processor, controller};
use crate::space::pool_of;
use alloc::vec::Vec;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use spin::{Mutex, Once};
use usufruct_core::{Copier, Limits};
use usufruct_x86_64_wire::Kind;

/// Processors that the kernel is built for, and wants.
pub(crate) const PROCESSORS: usize = 2;
/// Where boot.s's wake_up is copied to: a page below 1 MiB that nobody uses.
pub(crate) const WAKE_UP_AT: u64 = 0x8000;
/// Physical address 0, as the kernel sees it. kernel.ld says the same.
pub(crate) const DIRECT_MAP: u64 = 0xffff_ffff_8000_0000;
/// How much physical memory the direct map shows, in bytes.
const DIRECT_MAP_BYTES: u64 = 1 << 30;

unsafe extern "C" {
    /// kernel.ld: where the direct map is.
    static direct_map: u8;
    /// kernel.ld: behind the kernel.
    static image_end: u8;
    /// boot.s: what another processor executes first.
    static wake_up: u8;
    static wake_up_end: u8;
}

/// What all processors share from the start on.
struct System {
    machine: Bare,
    program: &'static [u8],
    copiers: Mutex<Vec<Copier>>,
}

static SYSTEM: Once<System> = Once::new();
static AWAKE: AtomicUsize = AtomicUsize::new(0);

/// Where boot.s calls, on each processor: `number` counts them, `start_info` is a physical
/// address for the first one.
#[unsafe(no_mangle)]
extern "C" fn start_processor(number: usize, start_info: u64) -> ! {
    let system = match number {
        0 => {
            line::open();
            SYSTEM.call_once(|| prepare(start_info))
        }
        // Not woken before it is there.
        _ => SYSTEM.wait(),
    };
    let processor = Processor::new(number);
    let copier = system
        .copiers
        .lock()
        .pop()
        .expect("there is one for each processor");
    let mut executor = Executor::new(&system.machine, system.program, processor, copier);
    AWAKE.fetch_add(1, Ordering::Release);
    if number == 0 {
        controller::listen_to_serial();
        wake_the_others();
        line::send(Kind::Ready, 0, &[&postbox::address().to_le_bytes()]);
    }
    executor.serve_for_ever()
}

/// Makes the machine, from what the loader says.
fn prepare(start_info: u64) -> System {
    assert_eq!(
        &raw const direct_map as u64, DIRECT_MAP,
        "kernel.ld and start.rs agree"
    );
    let start_info: StartInfo = read(start_info);
    assert_eq!(start_info.magic, START_MAGIC, "the loader speaks PVH");
    assert!(
        start_info.modules > 0,
        "no program: give QEMU one by -initrd"
    );
    let module: Module = read(start_info.module_list);
    let program = module.start..module.start.saturating_add(module.bytes);
    let limits = limits(command_line(start_info.command_line));
    let free = free_memory(&start_info, &program);
    let (machine, copiers) = Bare::new(limits, free).expect("the command line's sizes");
    System {
        machine,
        program: slice(program),
        copiers: Mutex::new(copiers.into_vec()),
    }
}

/// Memory that is neither the kernel's nor the program's: of what is behind the kernel, the
/// larger part before or behind the program.
fn free_memory(start_info: &StartInfo, program: &Range<u64>) -> Range<u64> {
    let kernel_end = &raw const image_end as u64 - DIRECT_MAP;
    let entry = size_of::<MemoryRange>() as u64;
    let ours = (0..u64::from(start_info.memory_ranges))
        .map(|number| read::<MemoryRange>(start_info.memory_map + number * entry))
        .find(|range| range.kind == MEMORY && range.holds(kernel_end))
        .expect("the kernel lies in memory that the loader lists");
    let end = ours.start.saturating_add(ours.bytes).min(DIRECT_MAP_BYTES);
    let before = kernel_end..program.start.clamp(kernel_end, end);
    let behind = program.end.clamp(kernel_end, end)..end;
    let bytes = |range: &Range<u64>| range.end - range.start;
    if bytes(&before) > bytes(&behind) {
        before
    } else {
        behind
    }
}

/// `tasks=N smos=N messages=N pages=N`; what is not said has the core's default.
fn limits(command_line: &str) -> Limits {
    let mut limits = Limits {
        processors: PROCESSORS as u32,
        ..Limits::default()
    };
    let words = command_line
        .split_whitespace()
        .filter_map(|word| word.split_once('='));
    for (key, value) in words {
        let value = value
            .parse()
            .expect("a number behind = on the command line");
        match key {
            "tasks" => limits.tasks = value,
            "smos" => limits.smos = value,
            "messages" => limits.messages = value,
            "pages" => limits.pool = pool_of(value),
            _ => panic!("command line: {key} is none of tasks, smos, messages, pages"),
        }
    }
    limits
}

fn wake_the_others() {
    /// Looks at the counter before giving up: seconds.
    const PATIENCE: u64 = 1 << 26;
    let (first, end) = (&raw const wake_up, &raw const wake_up_end);
    let bytes = end as usize - first as usize;
    let page = (DIRECT_MAP + WAKE_UP_AT) as *mut u8;
    // SAFETY: the code lies between its two labels; the page is ordinary memory below 1 MiB,
    // mapped writable in the direct map, and nothing lives in it.
    unsafe { ptr::copy_nonoverlapping(first, page, bytes) };
    controller::wake_the_others(WAKE_UP_AT);
    let is_awake = |_: &u64| AWAKE.load(Ordering::Acquire) == PROCESSORS;
    let all = (0..PATIENCE)
        .inspect(|_| core::hint::spin_loop())
        .find(is_awake);
    assert!(
        all.is_some(),
        "only one processor came up: start QEMU with -smp {PROCESSORS}"
    );
}

/// `hvm_start_info` of Xen's PVH boot ABI.
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    root_pointer: u64,
    memory_map: u64,
    memory_ranges: u32,
    reserved: u32,
}

const START_MAGIC: u32 = 0x336e_c578;

/// `hvm_modlist_entry`.
#[repr(C)]
struct Module {
    start: u64,
    bytes: u64,
    command_line: u64,
    reserved: u64,
}

/// `hvm_memmap_table_entry`.
#[repr(C)]
struct MemoryRange {
    start: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

const MEMORY: u32 = 1;

impl MemoryRange {
    fn holds(&self, address: u64) -> bool {
        address >= self.start && address - self.start < self.bytes
    }
}

/// A structure of the loader's, at a physical address that need not be aligned.
fn read<T>(address: u64) -> T {
    assert!(
        address < DIRECT_MAP_BYTES,
        "the loader's tables lie in the first GiB"
    );
    // SAFETY: the loader put one there and the PVH ABI says so; nobody has written to memory
    // since but the kernel to its own. Only used for structures of numbers.
    unsafe { ((DIRECT_MAP + address) as *const T).read_unaligned() }
}

/// Memory that the loader filled and that stays as it is.
fn slice(at: Range<u64>) -> &'static [u8] {
    assert!(
        at.end <= DIRECT_MAP_BYTES,
        "the program lies in the first GiB"
    );
    let bytes = (at.end - at.start) as usize;
    // SAFETY: mapped for ever, and kept out of the free frames by `free_memory`.
    unsafe { core::slice::from_raw_parts((DIRECT_MAP + at.start) as *const u8, bytes) }
}

fn command_line(address: u64) -> &'static str {
    if address == 0 {
        return "";
    }
    assert!(
        address < DIRECT_MAP_BYTES,
        "the command line lies in the first GiB"
    );
    // SAFETY: the PVH ABI: 0, or a string that ends in 0; nobody writes to it.
    let text = unsafe { core::ffi::CStr::from_ptr((DIRECT_MAP + address) as *const _) };
    text.to_str().expect("a command line in UTF-8")
}

//! From boot.s to the executors: the machine is made from what the loader says (loader.rs),
//! and the other processors are woken.

mod loader;
mod provoke;

use crate::executor::Executor;
use crate::line;
use crate::machine::Bare;
use crate::memory::{self, DIRECT_MAP, IMAGE_END, Regions};
use crate::postbox;
use crate::processor::{self, Processor, controller};
use crate::space::pool_of;
use crate::system::{self, System, Worker};
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use loader::StartInfo;
use spin::{Mutex, Once};
use usufruct_core::{Copier, Limits};
use usufruct_system_file::Fault;
use usufruct_x86_64_wire::Kind;

/// Where boot.s's wake_up is copied to: a page below 1 MiB that nobody uses.
pub(crate) const WAKE_UP_AT: u64 = 0x8000;

unsafe extern "C" {
    /// boot.s: what another processor executes first.
    static wake_up: u8;
    static wake_up_end: u8;
}

/// What all processors share from the start on.
struct Start {
    machine: Bare,
    work: Work,
    copiers: Mutex<Vec<Copier>>,
    /// A bug that a test wants to see.
    provoked: Option<&'static str>,
}

/// What the loader's module is.
enum Work {
    /// A program of the tests', an ELF file: the line says who runs it.
    Probes(&'static [u8]),
    /// An archive.
    System(System),
}

static START: Once<Start> = Once::new();
static AWAKE: AtomicUsize = AtomicUsize::new(0);

/// Where boot.s calls, on each processor: `number` counts them, `start_info` is a physical
/// address for the first one.
#[unsafe(no_mangle)]
extern "C" fn start_processor(number: usize, start_info: u64) -> ! {
    let start = match number {
        0 => {
            line::open();
            START.call_once(|| prepare(start_info))
        }
        // Not woken before it is there.
        _ => START.wait(),
    };
    let processor = Processor::new(number);
    if let Some(bug) = start.provoked {
        provoke::provoke(bug);
    }
    let copier = start
        .copiers
        .lock()
        .pop()
        .expect("there is one for each processor");
    AWAKE.fetch_add(1, Ordering::Release);
    match &start.work {
        Work::Probes(program) => {
            let mut executor = Executor::new(&start.machine, program, processor, copier);
            if number == 0 {
                controller::listen_to_serial();
                wake_the_others();
                line::send(Kind::Ready, 0, &[&postbox::address().to_le_bytes()]);
            }
            executor.serve_for_ever()
        }
        Work::System(system) => {
            let mut worker = Worker::new(&start.machine, system, processor, copier);
            if number == 0 {
                wake_the_others();
                if let Err(fault) = system.begin(&start.machine) {
                    system::refuse(&fault);
                }
            }
            worker.serve_for_ever()
        }
    }
}

/// Makes the machine, from what the loader says.
fn prepare(start_info: u64) -> Start {
    let start_info = StartInfo::at(start_info);
    let (limits, provoked) = settings(start_info.command_line());
    let module = start_info.module();
    let mut free = Regions::default();
    for memory in start_info.memory() {
        // What is below the image is the loader's, the wake-up code's and the tables'.
        let usable = memory.start.max(IMAGE_END)..memory.end;
        let is_noted = free.add(usable) && free.remove(&module);
        assert!(
            is_noted,
            "the loader lists more ranges than the kernel has places for"
        );
    }
    for memory in start_info.memory() {
        memory::show(&memory, &mut free);
    }
    memory::look_at_rights();
    let program = loader::slice(module);
    let (work, limits) = if program.starts_with(ELF) {
        (Work::Probes(program), limits)
    } else {
        let read = system::read(program, &free);
        let (system, limits) = read.unwrap_or_else(|fault| system::refuse(&fault));
        (Work::System(system), limits)
    };
    let members = match &work {
        Work::Probes(_) => 0,
        Work::System(system) => {
            let tables = system::tables_of(&limits, &mut free);
            tables
                .map(memory::go_on_with)
                .unwrap_or_else(|fault| system::refuse(&fault));
            system.tasks()
        }
    };
    let made = Bare::new(limits, members, free);
    let (machine, copiers) = made.unwrap_or_else(|bad| {
        let help = "change `[limits]` in the system file";
        system::refuse(&Fault::new("the kernel's tables", bad.to_string(), help))
    });
    Start {
        machine,
        work,
        copiers: Mutex::new(copiers.into_vec()),
        provoked,
    }
}

/// What an ELF file begins with.
const ELF: &[u8] = b"\x7fELF";

/// `tasks=N smos=N messages=N pages=N`; what is not said has the core's default. And the bug
/// that a test wants to see.
fn settings(command_line: &'static str) -> (Limits, Option<&'static str>) {
    let mut limits = Limits {
        processors: processor::count() as u32,
        ..Limits::default()
    };
    let mut provoked = None;
    let words = command_line
        .split_whitespace()
        .filter_map(|word| word.split_once('='));
    for (key, value) in words {
        let number = || {
            value
                .parse()
                .expect("a number behind = on the command line")
        };
        match key {
            "tasks" => limits.tasks = number(),
            "smos" => limits.smos = number(),
            "messages" => limits.messages = number(),
            "pages" => limits.pool = pool_of(number()),
            "provoke" => provoked = Some(value),
            _ => panic!("command line: {key} is none of tasks, smos, messages, pages, provoke"),
        }
    }
    (limits, provoked)
}

fn wake_the_others() {
    /// Looks at the counter before giving up: seconds.
    const PATIENCE: u64 = 1 << 26;
    if processor::count() == 1 {
        return;
    }
    let (first, end) = (&raw const wake_up, &raw const wake_up_end);
    let bytes = end as usize - first as usize;
    let page = (DIRECT_MAP + WAKE_UP_AT) as *mut u8;
    // SAFETY: the code lies between its two labels; the page is ordinary memory below 1 MiB,
    // mapped writable in the direct map, and nothing lives in it.
    unsafe { ptr::copy_nonoverlapping(first, page, bytes) };
    controller::wake_the_others(WAKE_UP_AT);
    let is_awake = |_: &u64| AWAKE.load(Ordering::Acquire) == processor::count();
    let all = (0..PATIENCE)
        .inspect(|_| core::hint::spin_loop())
        .find(is_awake);
    assert!(
        all.is_some(),
        "{} of {} processors came up",
        AWAKE.load(Ordering::Relaxed),
        processor::count()
    );
}

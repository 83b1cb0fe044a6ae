//! The tables are made once, with the kernel: no call allocates afterwards, and
//! an idle task costs what the documents say.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use usufruct_abi::Number;
use usufruct_core::{
    Copier, CopyFault, Ending, Fences, Kernel, Limits, Machine, Plane, Quota, Reason, Reply, Span,
    TaskKey, Thread, ThreadId, Transfer, Unmapped, end_task, serve,
};

/// Counts what it hands out.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// The tests of this file read one counter, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from the system's allocator, above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A machine without memory: every address is there and holds nothing.
struct Bare {
    kernel: Mutex<Kernel>,
    plane: std::sync::Arc<Plane>,
}

struct Spinning;

impl Fences for Spinning {
    fn pause(&self, _looks: u32) {
        std::hint::spin_loop();
    }
}

impl Machine for Bare {
    type Sink = ();
    type Fences = Spinning;

    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel) -> R) -> R {
        rule(&mut self.kernel.lock().unwrap())
    }

    fn plane(&self) -> &Plane {
        &self.plane
    }

    fn fences(&self) -> &Spinning {
        &Spinning
    }

    fn sink(&self) -> &() {
        &()
    }

    fn reaches(&self, _: TaskKey, _: Span) -> bool {
        true
    }

    fn copy_from_task(&self, _: &Transfer<'_>) -> Result<(), CopyFault> {
        Ok(())
    }

    fn copy_to_task(&self, _: &Transfer<'_>) -> Result<(), CopyFault> {
        Ok(())
    }

    fn load(&self, _: TaskKey, _: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        into.fill(b'x');
        Ok(())
    }

    fn store(&self, _: TaskKey, _: u64, _: &[u8]) -> Result<(), Unmapped> {
        Ok(())
    }

    fn wake(&self, _: ThreadId) {}
    fn reap(&self, _: TaskKey) {}
    fn yield_now(&self) {}
}

fn word(int: i32) -> u64 {
    u64::from(int.cast_unsigned())
}

fn call(
    machine: &Bare,
    copier: &mut Copier,
    thread: &mut Thread,
    number: Number,
    words: [u64; 4],
) -> i32 {
    match serve(machine, copier, thread, number, words) {
        Reply::Word(word) => word,
        Reply::Block(_) => 0,
    }
}

/// Every call, in good ways and bad ones, and the life of a task around them.
fn one_round(machine: &Bare, copier: &mut Copier, owner: &mut Thread) {
    let start = |name: &[u8]| {
        machine
            .with_kernel(|kernel| kernel.start_task(name, Quota::default()))
            .unwrap()
    };
    let mut target = start(b"target");
    let (to, own) = (word(target.task().raw()), word(owner.task().raw()));
    let smo = word(call(
        machine,
        copier,
        owner,
        Number::ShareMem,
        [to, 0, 200_000, 6],
    ));
    for number in [Number::ReadMem, Number::WriteMem] {
        assert_eq!(
            call(machine, copier, &mut target, number, [smo, 0, 200_000, 0]),
            0
        );
    }
    for port in 0..8 {
        call(machine, copier, owner, Number::OpenPort, [port, 0, 0, 0]);
        call(machine, copier, owner, Number::WatchTask, [to, port, 0, 0]);
        for _ in 0..40 {
            call(
                machine,
                copier,
                &mut target,
                Number::SendMsg,
                [own, port, 0, 0],
            );
        }
        call(machine, copier, owner, Number::GetMsg, [port, 0, 0, 0]);
    }
    for number in Number::ALL {
        for words in [[smo, to, 1, 2], [0, 40, u64::MAX, 9], [to, 1, 0, 0]] {
            call(machine, copier, owner, *number, words);
            call(machine, copier, &mut target, *number, words);
        }
    }
    for _ in 0..100 {
        call(machine, copier, owner, Number::ShareMem, [own, 0, 1, 2]);
    }
    end_task(
        machine,
        target.task(),
        Ending {
            status: 0,
            reason: Reason::Killed,
        },
    )
    .unwrap();
    for port in 0..8 {
        call(machine, copier, owner, Number::ClosePort, [port, 0, 0, 0]);
    }
    end_task(
        machine,
        owner.task(),
        Ending {
            status: 0,
            reason: Reason::Exit,
        },
    )
    .unwrap();
    *owner = start(b"owner");
}

#[test]
fn no_call_allocates() {
    let _turn = TURN.lock().unwrap();
    let (kernel, copiers) = Kernel::new(Limits::default(), ()).unwrap();
    let machine = Bare {
        plane: kernel.plane(),
        kernel: Mutex::new(kernel),
    };
    let mut copier = copiers.into_vec().pop().unwrap();
    let mut owner = machine
        .with_kernel(|kernel| kernel.start_task(b"owner", Quota::default()))
        .unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..50 {
        one_round(&machine, &mut copier, &mut owner);
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
    assert!(machine.with_kernel(|kernel| kernel.invariants_hold()));
}

/// Bytes that a kernel of these limits allocates, all of them when it is made.
fn table_bytes(limits: Limits) -> usize {
    let before = BYTES.load(Ordering::Relaxed);
    let kernel = Kernel::new(limits, ()).unwrap();
    let bytes = BYTES.load(Ordering::Relaxed) - before;
    drop(kernel);
    bytes
}

/// What one task more costs when it does nothing: its books, its place among
/// the ids, its published life and its name. Objects and messages have tables
/// and limits of their own; what one of those costs is stated too.
#[test]
#[cfg_attr(miri, ignore = "large tables, and nothing for Miri to find in them")]
fn an_idle_task_costs_at_most_a_kibibyte_of_tables() {
    let _turn = TURN.lock().unwrap();
    let few = Limits {
        tasks: 1 << 10,
        smos: 1 << 16,
        messages: 1 << 16,
        processors: 2,
    };
    let many = Limits {
        tasks: 1 << 12,
        ..few
    };
    let per_task = (table_bytes(many) - table_bytes(few)) / ((1 << 12) - (1 << 10));
    let per_smo = (table_bytes(Limits {
        smos: 1 << 18,
        ..few
    }) - table_bytes(few))
        / (3 << 16);
    let per_message = (table_bytes(Limits {
        messages: 1 << 18,
        ..few
    }) - table_bytes(few))
        / (3 << 16);
    println!("{per_task} B per task, {per_smo} B per object, {per_message} B per message");
    assert!(per_task <= 1024, "{per_task} bytes per idle task");
    assert!(per_smo <= 320, "{per_smo} bytes per object");
    assert!(per_message <= 40, "{per_message} bytes per message");
}

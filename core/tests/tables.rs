//! The tables are made once, with the kernel: no call allocates afterwards, and
//! an idle task costs what the documents say.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number};
use usufruct_core::{
    Access, Copier, CopyFault, Ending, Fences, Kernel, Limits, Machine, NoMapping, Plane, Pool,
    PoolQuota, Quota, Reason, Reply, Run, Span, TaskKey, Thread, ThreadId, Transfer, Unmapped,
    end_task, serve, touch,
};

/// Counts what it hands out.
struct Counting;

thread_local! {
    /// Each test reads what its own thread did; the harness allocates beside it.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

impl Counting {
    fn count(layout: Layout) {
        // A thread that ends allocates after its counters are gone.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size()));
    }
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout);
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

impl Bare {
    fn start(&self, name: &[u8]) -> Thread {
        let quota = Quota {
            pool: Some(PoolQuota::default()),
            ..Quota::default()
        };
        self.with_kernel(|kernel| kernel.start_task(name, quota))
            .unwrap()
    }
}

const POOL: Pool = Pool {
    start: 0x8000_0000,
    page_bytes: 4096,
    pages: 1 << 10,
};

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

    fn reaches(&self, _: TaskKey, _: Span, _: Access) -> bool {
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

    fn protect(&self, _: TaskKey, _: Run, _: bool) -> Result<(), NoMapping> {
        Ok(())
    }
}

fn word(int: i32) -> u64 {
    u64::from(int.cast_unsigned())
}

/// A machine with one processor and two tasks.
struct World {
    machine: Bare,
    copier: Copier,
    owner: Thread,
    target: Thread,
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            pool: POOL,
            ..Limits::default()
        };
        let (kernel, copiers) = Kernel::new(limits, ()).unwrap();
        let plane = kernel.plane();
        let machine = Bare {
            plane,
            kernel: Mutex::new(kernel),
        };
        let (owner, target) = (machine.start(b"owner"), machine.start(b"target"));
        let copier = copiers.into_vec().pop().unwrap();
        Self {
            machine,
            copier,
            owner,
            target,
        }
    }

    fn owner(&mut self, number: Number, words: [u64; 4]) -> Reply {
        serve(
            &self.machine,
            &mut self.copier,
            &mut self.owner,
            number,
            words,
        )
    }

    fn target(&mut self, number: Number, words: [u64; 4]) -> Reply {
        serve(
            &self.machine,
            &mut self.copier,
            &mut self.target,
            number,
            words,
        )
    }

    /// Every call, in good ways and bad ones.
    fn call_everything(&mut self) {
        let (to, own) = (
            word(self.target.task().raw()),
            word(self.owner.task().raw()),
        );
        let Reply::Word(smo) = self.owner(Number::ShareMem, [to, 0, 200_000, 6]) else {
            panic!("share_mem does not wait");
        };
        let smo = word(smo);
        for number in [Number::ReadMem, Number::WriteMem] {
            assert_eq!(self.target(number, [smo, 0, 200_000, 0]), Reply::Word(0));
        }
        for port in 0..8 {
            let _ = self.owner(Number::OpenPort, [port, 0, 0, 0]);
            let _ = self.owner(Number::WatchTask, [to, port, 0, 0]);
            for _ in 0..40 {
                let _ = self.target(Number::SendMsg, [own, port, 0, 0]);
            }
            let _ = self.owner(Number::GetMsg, [port, 0, 0, 0]);
        }
        for command in [MEMC_OKWRITE, MEMC_GIVE, MEMC_NOWRITE] {
            for task in [to, 0] {
                let _ = self.owner(Number::AllocMemBlocks, [40_000, 0, 0, 0]);
                let words = [u64::from(POOL.start), 50_000, word(command), task];
                let _ = self.owner(Number::ControlMem, words);
                let _ = touch(&self.machine, self.target.key(), u64::from(POOL.start));
            }
        }
        for number in Number::ALL {
            for words in [[smo, to, 1, 2], [0, 40, u64::MAX, 9], [to, 1, 0, 0]] {
                let _ = self.owner(*number, words);
                let _ = self.target(*number, words);
            }
        }
        for _ in 0..100 {
            let _ = self.owner(Number::ShareMem, [own, 0, 1, 2]);
        }
    }

    /// Ends both tasks with all that they have, and starts them again.
    fn live_again(&mut self) {
        for (thread, reason) in [(&self.target, Reason::Killed), (&self.owner, Reason::Exit)] {
            end_task(&self.machine, thread.task(), Ending { status: 0, reason }).unwrap();
        }
        self.owner = self.machine.start(b"owner");
        self.target = self.machine.start(b"target");
    }
}

#[test]
fn no_call_allocates() {
    let mut world = World::new();
    let before = ALLOCATIONS.get();
    for _ in 0..50 {
        world.call_everything();
        world.live_again();
    }
    assert_eq!(ALLOCATIONS.get(), before);
    let holds = world.machine.with_kernel(|kernel| kernel.invariants_hold());
    assert!(holds);
}

/// Bytes that a kernel of these limits allocates, all of them when it is made.
fn table_bytes(limits: Limits) -> usize {
    let before = BYTES.get();
    let kernel = Kernel::new(limits, ()).unwrap();
    let bytes = BYTES.get() - before;
    drop(kernel);
    bytes
}

/// What one task more costs when it does nothing: its books, its place among
/// the ids, its published life and its name. Objects and messages have tables
/// and limits of their own; what one of those costs is stated too.
#[test]
#[cfg_attr(miri, ignore = "large tables, and nothing for Miri to find in them")]
fn an_idle_task_costs_at_most_a_kibibyte_of_tables() {
    let few = Limits {
        tasks: 1 << 10,
        smos: 1 << 16,
        messages: 1 << 16,
        processors: 2,
        pool: Pool::NONE,
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
    let per_page = (table_bytes(Limits {
        pool: Pool {
            pages: 1 << 16,
            ..POOL
        },
        ..few
    }) - table_bytes(few))
        / (1 << 16);
    println!("{per_page} B per page");
    assert!(per_page <= 64, "{per_page} bytes per page");
    assert!(per_task <= 1024, "{per_task} bytes per idle task");
    assert!(per_smo <= 320, "{per_smo} bytes per object");
    assert!(per_message <= 40, "{per_message} bytes per message");
}

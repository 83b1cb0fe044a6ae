//! The pin protocol and the border under the model checker: every interleaving
//! (up to the preemption bound) of copies with each way of taking rights away.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p usufruct-core --release --test loom`
//!
//! Each task's memory is one loom cell, and so is the pool. A copy touches the owner's under its
//! pin; who takes rights away touches it without any when the call has
//! returned. An overlap, or a missing happens-before, is a loom error.

mod pages;

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::sync::atomic::{AtomicUsize, Ordering};
use usufruct_abi::{Error, Number};
use usufruct_core::sync::IS_MODEL_CHECKED;
use usufruct_core::{
    Access, Copier, CopyFault, CopyRequest, Direction, Ending, Fences, Kernel, Limits, Machine,
    NoMapping, Plane, Pool, PoolQuota, Quota, Reason, Reply, Request, Run, Span, TaskKey, Thread,
    ThreadId, Transfer, Unmapped, Window, copy, end_task, serve, settle,
};

const POOL_AT: u32 = 0x8000_0000;

const LIMITS: Limits = Limits {
    tasks: 4,
    smos: 32,
    messages: 32,
    processors: 2,
    pool: Pool {
        start: POOL_AT,
        page_bytes: 64,
        pages: 2,
    },
};

struct Checked {
    kernel: Mutex<Kernel>,
    plane: std::sync::Arc<Plane>,
    memories: Vec<UnsafeCell<u8>>,
    /// All pages of the pool.
    pool: UnsafeCell<u8>,
}

struct Yielding;

impl Fences for Yielding {
    fn pause(&self, _looks: u32) {
        thread::yield_now();
    }
}

impl Checked {
    /// The task itself looks at its memory: no pin, no lock.
    fn own(&self, task: TaskKey) -> u8 {
        self.memories[task.index()].with_mut(|byte| {
            // SAFETY: loom checks every access to the cell.
            let byte = unsafe { &mut *byte };
            *byte = byte.wrapping_add(1);
            *byte
        })
    }

    /// Whoever may write the pages does: no pin, no lock.
    fn own_pool(&self) {
        self.pool.with_mut(|byte| {
            // SAFETY: loom checks every access to the cell.
            let byte = unsafe { &mut *byte };
            *byte = byte.wrapping_add(1);
        });
    }
}

impl Machine for Checked {
    type Sink = ();
    type Fences = Yielding;

    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel) -> R) -> R {
        rule(&mut self.kernel.lock().unwrap())
    }

    fn plane(&self) -> &Plane {
        &self.plane
    }

    fn fences(&self) -> &Yielding {
        &Yielding
    }

    fn sink(&self) -> &() {
        &()
    }

    fn reaches(&self, _: TaskKey, span: Span, _: Access) -> bool {
        span.lies_below(64)
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        // SAFETY: loom checks every access to the cell.
        self.memories[approved.owner().index()].with(|byte| unsafe { *byte });
        if approved.caller_start() >= u64::from(POOL_AT) {
            self.own_pool();
        }
        Ok(())
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        if approved.owner_start() >= u64::from(POOL_AT) {
            self.own_pool();
        } else {
            self.own(approved.owner());
        }
        Ok(())
    }

    fn load(&self, _: TaskKey, _: u64, _: &mut [u8]) -> Result<(), Unmapped> {
        Err(Unmapped)
    }

    fn store(&self, _: TaskKey, _: u64, _: &[u8]) -> Result<(), Unmapped> {
        Err(Unmapped)
    }

    fn wake(&self, _: ThreadId) {}

    fn reap(&self, task: TaskKey) {
        self.own(task);
    }

    fn yield_now(&self) {
        thread::yield_now();
    }

    fn protect(&self, _: TaskKey, _: Run, _: bool) -> Result<(), NoMapping> {
        Ok(())
    }
}

/// An owner, two tasks that it may share with, and two processors.
struct World {
    machine: Arc<Checked>,
    owner: Thread,
    first: Thread,
    second: Thread,
    copiers: Vec<Copier>,
}

impl World {
    fn new() -> Self {
        let (mut kernel, copiers) = Kernel::new(LIMITS, ()).unwrap();
        let mut start = |name: &[u8]| {
            let quota = Quota {
                pool: Some(PoolQuota::default()),
                ..Quota::default()
            };
            kernel.start_task(name, quota).unwrap()
        };
        let (owner, first, second) = (start(b"owner"), start(b"first"), start(b"second"));
        let memories = (0..LIMITS.tasks).map(|_| UnsafeCell::new(0)).collect();
        let plane = kernel.plane();
        let machine = Arc::new(Checked {
            kernel: Mutex::new(kernel),
            plane,
            memories,
            pool: UnsafeCell::new(0),
        });
        Self {
            machine,
            owner,
            first,
            second,
            copiers: copiers.into_vec(),
        }
    }

    fn share_with_first(&mut self) -> i32 {
        self.share(self.first.task().raw())
    }

    fn share_with(&mut self, target: &Thread) -> i32 {
        self.share(target.task().raw())
    }

    fn share(&mut self, target: i32) -> i32 {
        self.share_at(target, 0)
    }

    fn share_at(&mut self, target: i32, address: u64) -> i32 {
        let target = word(target);
        let copier = &mut self.copiers[0];
        match serve(
            &*self.machine,
            copier,
            &mut self.owner,
            Number::ShareMem,
            [target, address, 8, 6],
        ) {
            Reply::Word(id) if id > 0 => id,
            reply => panic!("not shared: {reply:?}"),
        }
    }
}

fn word(int: i32) -> u64 {
    u64::from(int.cast_unsigned())
}

fn one_copy(
    machine: &Checked,
    copier: &mut Copier,
    thread: &mut Thread,
    (smo, direction): (i32, Direction),
) -> Result<(), Error> {
    copy_at(machine, copier, thread, (smo, direction, 8))
}

/// A copy through an object, from or to this address of the caller's.
fn copy_at(
    machine: &Checked,
    copier: &mut Copier,
    thread: &mut Thread,
    (smo, direction, buffer): (i32, Direction, u64),
) -> Result<(), Error> {
    let window = Window::WHOLE;
    let request = CopyRequest {
        direction,
        smo,
        offset: 0,
        size: 8,
        buffer,
        window,
    };
    match copy(machine, copier, thread, &request) {
        0 => Ok(()),
        _ => Err(thread.last_error()),
    }
}

/// A control call of one or two words that succeeds or not.
fn call(
    machine: &Checked,
    thread: &mut Thread,
    number: Number,
    words: [i32; 2],
) -> Result<(), Error> {
    let [first, second] = words.map(word);
    let call = (number, [first, second, 0, 0]);
    let request = Request::decode(machine, thread, number, call.1).unwrap();
    let progress = machine.with_kernel(|kernel| kernel.begin(thread, &request));
    match settle(machine, thread, call, progress) {
        Reply::Word(0) => Ok(()),
        Reply::Word(_) | Reply::Block(_) => Err(thread.last_error()),
    }
}

/// Runs the world in every order that needs at most `preemptions` of a thread.
fn check_within(preemptions: usize, world: impl Fn() + Sync + Send + 'static) {
    if !IS_MODEL_CHECKED {
        println!("skipped: build with RUSTFLAGS=\"--cfg loom\" to check this");
        return;
    }
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 20_000;
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let count = executions.clone();
    model.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        world();
    });
    println!("{} executions", executions.load(Ordering::Relaxed));
}

fn check(world: impl Fn() + Sync + Send + 'static) {
    check_within(3, world);
}

#[test]
fn no_byte_moves_after_a_claim_has_returned() {
    for direction in [Direction::Read, Direction::Write] {
        check(move || {
            let mut world = World::new();
            let smo = world.share_with_first();
            let (machine, mut target) = (world.machine.clone(), world.first);
            let mut copier = world.copiers.pop().unwrap();
            let copying = thread::spawn(move || {
                match one_copy(&machine, &mut copier, &mut target, (smo, direction)) {
                    Ok(()) | Err(Error::InvalidSmo) => {}
                    Err(error) => panic!("{error:?}"),
                }
            });
            call(&world.machine, &mut world.owner, Number::ClaimMem, [smo, 0]).unwrap();
            world.machine.own(world.owner.key());
            copying.join().unwrap();
        });
    }
}

#[test]
fn a_claim_waits_for_both_threads_of_the_target() {
    check(|| {
        let mut world = World::new();
        let machine = world.machine.clone();
        let [mut one, mut other] = [(); 2].map(|()| machine.with_kernel(|kernel| kernel.host()));
        let smo = world.share_with(&one);
        let (mut first, mut second) = (world.copiers.pop().unwrap(), world.copiers.pop().unwrap());
        let copying = thread::spawn(move || {
            let _ = one_copy(&machine, &mut first, &mut one, (smo, Direction::Read));
        });
        let machine = world.machine.clone();
        let copying_too = thread::spawn(move || {
            let _ = one_copy(&machine, &mut second, &mut other, (smo, Direction::Read));
        });
        call(&world.machine, &mut world.owner, Number::ClaimMem, [smo, 0]).unwrap();
        world.machine.own(world.owner.key());
        copying.join().unwrap();
        copying_too.join().unwrap();
    });
}

/// The passer reads while another of its threads passes the object on; the new
/// target writes. Reading and writing would race if they overlapped.
#[test]
fn a_pass_ends_the_old_targets_copies_before_the_new_targets_begin() {
    check(|| {
        let mut world = World::new();
        let machine = world.machine.clone();
        let [mut reader, mut passer] =
            [(); 2].map(|()| machine.with_kernel(|kernel| kernel.host()));
        let smo = world.share_with(&passer);
        let heir = world.second.task().raw();
        let (mut old, mut new) = (world.copiers.pop().unwrap(), world.copiers.pop().unwrap());
        let reading = thread::spawn(move || {
            match one_copy(&machine, &mut old, &mut reader, (smo, Direction::Read)) {
                Ok(()) | Err(Error::NotSmoTarget) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        call(&world.machine, &mut passer, Number::PassMem, [smo, heir]).unwrap();
        let mut heir = world.second;
        one_copy(&world.machine, &mut new, &mut heir, (smo, Direction::Write)).unwrap();
        reading.join().unwrap();
    });
}

/// The heir copies while the pass is under way: refused as a stranger, or served.
#[test]
fn the_new_target_waits_its_turn() {
    check(|| {
        let mut world = World::new();
        let smo = world.share_with_first();
        let (machine, mut heir) = (world.machine.clone(), world.second);
        let to = heir.task().raw();
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            match one_copy(&machine, &mut copier, &mut heir, (smo, Direction::Read)) {
                Ok(()) | Err(Error::NotSmoTarget) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        call(&world.machine, &mut world.first, Number::PassMem, [smo, to]).unwrap();
        copying.join().unwrap();
    });
}

/// The memory is reaped, which here is a store, after the barrier.
#[test]
fn no_byte_moves_after_the_owners_death() {
    check(|| {
        let mut world = World::new();
        let smo = world.share_with_first();
        let (machine, mut target) = (world.machine.clone(), world.first);
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            match one_copy(&machine, &mut copier, &mut target, (smo, Direction::Read)) {
                Ok(()) | Err(Error::InvalidSmo) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        let ending = Ending {
            status: 0,
            reason: Reason::Killed,
        };
        end_task(&*world.machine, world.owner.task(), ending).unwrap();
        copying.join().unwrap();
    });
}

/// The target passes the object on while its owner claims it, and a copy runs.
#[test]
fn two_revokers_at_once_each_wait_for_the_copy() {
    // With one preemption more, loom lets the two wait for each other's turns
    // until it runs out of branches.
    check_within(2, || {
        let mut world = World::new();
        let machine = world.machine.clone();
        let [mut reader, mut passer] =
            [(); 2].map(|()| machine.with_kernel(|kernel| kernel.host()));
        let smo = world.share_with(&passer);
        let heir = world.second.task().raw();
        let mut copier = world.copiers.pop().unwrap();
        let reading = thread::spawn(move || {
            let _ = one_copy(&machine, &mut copier, &mut reader, (smo, Direction::Read));
        });
        let machine = world.machine.clone();
        let passing = thread::spawn(move || {
            match call(&machine, &mut passer, Number::PassMem, [smo, heir]) {
                Ok(()) | Err(Error::InvalidSmo) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        call(&world.machine, &mut world.owner, Number::ClaimMem, [smo, 0]).unwrap();
        world.machine.own(world.owner.key());
        reading.join().unwrap();
        passing.join().unwrap();
        assert!(world.machine.with_kernel(|kernel| kernel.invariants_hold()));
    });
}

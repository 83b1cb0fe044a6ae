//! The production form of the pin protocol on real threads: one locked swap
//! against a fence, which loom can not express. Under Miri a copy that overlaps
//! what the owner does after a claim is a data race; natively it is a smoke test.
//!
//! `MIRIFLAGS="-Zmiri-many-seeds=0..32" cargo +nightly miri test -p usufruct-core --test race`

use std::cell::UnsafeCell;
use std::sync::{Arc, Mutex};

use usufruct_abi::{Error, Number};
use usufruct_core::{
    Access, Copier, CopyFault, Ending, Fences, Kernel, Limits, Machine, Plane, Pool, Quota, Reason,
    Reply, Span, TaskKey, Thread, ThreadId, Transfer, Unmapped, end_task, serve,
};

/// A task's memory is one byte, to be touched under a pin, or by its owner.
struct Raw {
    kernel: Mutex<Kernel>,
    plane: Arc<Plane>,
    memories: Vec<UnsafeCell<u8>>,
}

// SAFETY: that no two threads touch a byte at once is what is tested here.
unsafe impl Sync for Raw {}

struct Yielding;

impl Fences for Yielding {
    fn pause(&self, _looks: u32) {
        std::thread::yield_now();
    }
}

impl Raw {
    fn touch(&self, task: TaskKey) {
        // SAFETY: not free of aliases by type, but by the protocol under test.
        let byte = unsafe { &mut *self.memories[task.index()].get() };
        *byte = byte.wrapping_add(1);
    }
}

impl Machine for Raw {
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
        span.lies_below(1)
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        self.touch(approved.owner());
        Ok(())
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        self.touch(approved.owner());
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
        self.touch(task);
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }
}

fn word(int: i32) -> u64 {
    u64::from(int.cast_unsigned())
}

/// An owner whose object a copier on another thread uses until it is refused.
fn against_a_copier(revoke: impl Fn(&Raw, &mut Copier, &mut Thread, i32)) {
    let limits = Limits {
        tasks: 3,
        smos: 24,
        messages: 24,
        processors: 2,
        pool: Pool::NONE,
    };
    let (mut kernel, copiers) = Kernel::new(limits, ()).unwrap();
    let mut owner = kernel.start_task(b"owner", Quota::default()).unwrap();
    let mut target = kernel.start_task(b"target", Quota::default()).unwrap();
    let memories = (0..3).map(|_| UnsafeCell::new(0)).collect();
    let machine = Raw {
        plane: kernel.plane(),
        kernel: Mutex::new(kernel),
        memories,
    };
    let mut copiers = copiers.into_vec();
    let (mut here, mut there) = (copiers.remove(0), copiers.remove(0));
    let share = [word(target.task().raw()), 0, 1, 6];
    let Reply::Word(smo) = serve(&machine, &mut here, &mut owner, Number::ShareMem, share) else {
        panic!("share_mem does not wait");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let words = [word(smo), 0, 1, 0];
            while serve(&machine, &mut there, &mut target, Number::ReadMem, words) == Reply::Word(0)
            {
            }
            assert_eq!(target.last_error(), Error::InvalidSmo);
        });
        std::thread::yield_now();
        revoke(&machine, &mut here, &mut owner, smo);
    });
}

#[test]
fn nothing_is_touched_after_a_claim() {
    for _ in 0..8 {
        against_a_copier(|machine, copier, owner, smo| {
            let claim = serve(
                machine,
                copier,
                owner,
                Number::ClaimMem,
                [word(smo), 0, 0, 0],
            );
            assert_eq!(claim, Reply::Word(0));
            machine.touch(owner.key());
        });
    }
}

#[test]
fn nothing_is_touched_after_the_owners_barrier() {
    for _ in 0..8 {
        against_a_copier(|machine, _, owner, _| {
            let ending = Ending {
                status: 0,
                reason: Reason::Killed,
            };
            end_task(machine, owner.task(), ending).unwrap();
        });
    }
}

//! Revocation is a barrier: tasks copy without a pause while their right is taken away.
//!
//! The owner's bytes are OLD until the revoking call has returned, and NEW from then on. A
//! byte that crosses late is seen by its value.

use crate::memory::index;
use crate::{Rig, Task, World, part};
use usufruct_abi::{Error, Number, READ_PERM, WRITE_PERM};

const OLD: u8 = 0x11;
const NEW: u8 = 0x22;
/// Sizes of a copy: one word, one line, a page, and more than a chunk and a burst.
const SIZES: [i32; 5] = [8, 64, 4096, 65_537, 600_000];
const ROUNDS: usize = 5;
/// How long the copies may run before the right is taken, in milliseconds.
const RUN_MS: u32 = 3;

fn repeat_copy<R: Rig>(world: &mut World<R>, task: Task, number: Number, (smo, size): (i32, i32)) {
    let address = world.at(task, 0);
    world.post_repeat(task, number, [smo.into(), 0, size.into(), address], 0);
}

/// A reader has none of the bytes that the owner stores after the claim.
pub fn no_byte_is_read_after_a_claim<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for size in SIZES.into_iter().flat_map(|size| [size; ROUNDS]) {
        let bytes = u64::from(size.unsigned_abs());
        world.fill(a, 0, bytes, OLD);
        world.fill(b, 0, bytes, OLD);
        let smo = world.share(a, b, part(0, size), READ_PERM);
        repeat_copy(world, b, Number::ReadMem, (smo, size));
        world.rig.advance(RUN_MS);
        assert_eq!(world.claim(a, smo), Ok(0));
        world.fill(a, 0, bytes, NEW);
        let (_, last) = world.repeated(b, Number::ReadMem);
        assert_eq!(last, Err(Error::InvalidSmo));
        let late = world
            .peek(b, 0, bytes)
            .into_iter()
            .filter(|byte| *byte != OLD)
            .count();
        assert_eq!(late, 0, "late bytes of {size}");
    }
}

/// A writer stores none over those that the owner stores after the claim.
pub fn no_byte_is_written_after_a_claim<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for size in SIZES.into_iter().flat_map(|size| [size; ROUNDS]) {
        let bytes = u64::from(size.unsigned_abs());
        world.fill(b, 0, bytes, OLD);
        let smo = world.share(a, b, part(0, size), WRITE_PERM);
        repeat_copy(world, b, Number::WriteMem, (smo, size));
        world.rig.advance(RUN_MS);
        assert_eq!(world.claim(a, smo), Ok(0));
        world.fill(a, 0, bytes, NEW);
        let (_, last) = world.repeated(b, Number::WriteMem);
        assert_eq!(last, Err(Error::InvalidSmo));
        let late = world
            .peek(a, 0, bytes)
            .into_iter()
            .filter(|byte| *byte != NEW)
            .count();
        assert_eq!(late, 0, "late bytes of {size}");
    }
}

/// The owner ends in the middle of others' copies: they fail, and go on with something else.
pub fn owner_ends_while_others_copy<R: Rig>(world: &mut World<R>) {
    let b = world.start("b");
    for size in SIZES {
        let a = world.start("a");
        let bytes = u64::from(size.unsigned_abs());
        world.fill(a, 0, bytes, OLD);
        world.fill(b, 0, bytes, OLD);
        let smo = world.share(a, b, part(0, size), READ_PERM);
        repeat_copy(world, b, Number::ReadMem, (smo, size));
        world.rig.advance(RUN_MS);
        world.kill(a);
        let newcomer = world.start("a");
        world.fill(newcomer, 0, bytes, NEW);
        let (_, last) = world.repeated(b, Number::ReadMem);
        assert_eq!(last, Err(Error::InvalidSmo));
        assert_eq!(world.peek(b, 0, bytes), vec![OLD; index(bytes)]);
        world.exit(newcomer, 0);
    }
}

/// The slot of a claimed object is used again at once; a copy that was in flight gets none of
/// the newcomer's bytes.
pub fn a_reused_slot_serves_its_new_object_only<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.fill(a, 0, 4096, OLD);
    world.fill(a, 8192, 4096, NEW);
    world.fill(b, 0, 4096, OLD);
    // So full a table that one slot serves all that follows.
    let mut only = world.share(a, b, part(8192, 4096), READ_PERM);
    while let Ok(smo) = world.try_share(a, world.id(b), part(8192, 4096), READ_PERM) {
        only = smo;
    }
    for _ in 0..50 {
        assert_eq!(world.claim(a, only), Ok(0));
        let smo = world.share(a, b, part(0, 4096), READ_PERM);
        repeat_copy(world, b, Number::ReadMem, (smo, 4096));
        assert_eq!(world.claim(a, smo), Ok(0));
        only = world.share(a, b, part(8192, 4096), READ_PERM);
        let (_, last) = world.repeated(b, Number::ReadMem);
        assert_eq!(last, Err(Error::InvalidSmo));
        assert_eq!(world.peek(b, 0, 4096), [OLD; 4096]);
    }
}

/// A task that is killed while it copies leaves the object's owner as it was.
pub fn target_is_killed_while_it_copies<R: Rig>(world: &mut World<R>) {
    if !world.needs_preemption() {
        return;
    }
    let a = world.start("a");
    world.fill(a, 0, 600_000, OLD);
    for size in SIZES {
        let b = world.start("b");
        let smo = world.share(a, b, part(0, size), READ_PERM);
        repeat_copy(world, b, Number::ReadMem, (smo, size));
        world.rig.advance(RUN_MS);
        world.kill(b);
        assert_eq!(world.claim(a, smo), Ok(0));
        assert_eq!(world.peek(a, 0, 600_000), vec![OLD; 600_000]);
    }
}

/// A task that never makes a call is ended all the same, and keeps nobody waiting.
pub fn a_computing_task_keeps_nobody_waiting<R: Rig>(world: &mut World<R>) {
    if !world.needs_preemption() {
        return;
    }
    let (a, spinner) = (world.start("a"), world.start("spinner"));
    let lent = world.share(spinner, a, part(0, 100), READ_PERM);
    let borrowed = world.share(a, spinner, part(0, 100), READ_PERM);
    world.post_spin(spinner);
    for _ in 0..20 {
        assert_eq!(world.read(a, lent, (0, 100), 0), Ok(0));
        let smo = world.share(a, spinner, part(0, 100), READ_PERM);
        assert_eq!(world.claim(a, smo), Ok(0));
    }
    assert_eq!(world.claim(a, borrowed), Ok(0));
    world.kill(spinner);
    assert_eq!(world.read(a, lent, (0, 100), 0), Err(Error::InvalidSmo));
}

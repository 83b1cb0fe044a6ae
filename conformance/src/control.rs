//! `ControlMem`: what its words may say, in the order in which they are looked at.

use crate::{PageAnswer, Rig, Run, Task, World};
use usufruct_abi::PortfolioError::{BadItem, BadMemCmd, BadPtr};
use usufruct_abi::{
    Error, MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number, PortfolioError, READ_PERM,
};

const COMMANDS: [i32; 3] = [MEMC_NOWRITE, MEMC_OKWRITE, MEMC_GIVE];
/// Numbers that are no command; 4 is one of the original that programs could not use.
const NO_COMMANDS: [i32; 8] = [0, 4, 5, 99, -1, 0x101, i32::MAX, i32::MIN];

/// Three tasks that are attached.
fn three<R: Rig>(world: &mut World<R>) -> [Task; 3] {
    ["a", "b", "c"].map(|name| world.start_attached(name))
}

/// Whether the call is refused so, and everybody's rights are as before.
fn refuses<R: Rig>(
    world: &mut World<R>,
    tasks: &[Task],
    error: PortfolioError,
    call: impl FnOnce(&mut World<R>) -> PageAnswer,
) {
    let before = world.statuses(tasks);
    assert_eq!(call(world), Err(error));
    assert_eq!(world.statuses(tasks), before, "after {error}");
}

/// Whatever the other words say.
pub fn commands_are_three<R: Rig>(world: &mut World<R>) {
    let tasks @ [a, b, _] = three(world);
    let run = world.alloc(a, 2);
    let (address, bytes) = world.bytes(run);
    let target = world.id(b);
    for cmd in NO_COMMANDS {
        for range in [(address, bytes), (address, 0), (address, -1), (0, 8)] {
            for task in [target, 0, -1, i32::MAX] {
                let call = |world: &mut World<R>| world.control(a, range, cmd, task);
                refuses(world, &tasks, BadMemCmd, call);
            }
        }
    }
}

/// Ids of the dead, numbers never issued, and negative ones; also with size 0.
pub fn task_is_0_or_a_live_task<R: Rig>(world: &mut World<R>) {
    let [a, b, gone] = three(world);
    let run = world.alloc(a, 2);
    let stale = world.id(gone);
    world.exit(gone, 0);
    let (address, bytes) = world.bytes(run);
    for cmd in COMMANDS {
        for task in [stale, -1, i32::MIN, i32::MAX, world.id(a) ^ 0x4000_0000] {
            for range in [(address, bytes), (address, 0), (address, -5), (0, 8)] {
                let call = |world: &mut World<R>| world.control(a, range, cmd, task);
                refuses(world, &[a, b], BadItem, call);
            }
        }
    }
}

/// A thread's id where a task is expected.
pub fn a_threads_id_means_its_task_in_page_calls<R: Rig>(world: &mut World<R>) {
    let [a, b, _] = three(world);
    let run = world.alloc(a, 1);
    let range = world.bytes(run);
    let thread = world
        .call(b, Number::GetCurrentThread, [0; 4])
        .expect("it knows its thread");
    assert_eq!(world.control(a, range, MEMC_OKWRITE, thread), Ok(()));
    world.store_to(b, run, 5);
    assert_eq!(world.control(a, range, MEMC_GIVE, thread), Ok(()));
    assert!(world.is_owned(b, range));
}

/// Whatever the address says, and whoever owns what is there.
pub fn no_size_changes_nothing<R: Rig>(world: &mut World<R>) {
    let tasks @ [a, b, _] = three(world);
    let run = world.alloc(a, 2);
    let of_b = world.alloc(b, 1);
    let addresses = [0, -1, world.address(run), world.address(of_b)];
    let target = world.id(b);
    let before = world.statuses(&tasks);
    for cmd in COMMANDS {
        for size in [0, -1, i32::MIN] {
            for address in addresses {
                for task in [0, target] {
                    let answer = world.control(a, (address, size), cmd, task);
                    assert_eq!(answer, Ok(()), "{cmd} {address:#x} {size} {task}");
                }
            }
        }
    }
    assert_eq!(world.statuses(&tasks), before);
}

/// Before it, over both its ends, behind it, around the top of the address space, and in
/// private memory. What ends at the pool's end is inside.
pub fn range_lies_in_the_pool<R: Rig>(world: &mut World<R>) {
    let tasks @ [a, b, _] = three(world);
    let whole = world.whole_pool();
    world.alloc(a, whole.pages);
    let (start, bytes) = world.bytes(whole);
    let (end, page) = (start + i64::from(bytes), world.page_bytes());
    let mut outside = vec![
        (start - 1, 1),
        (start - 1, 2),
        (start - i64::from(page), page),
        (start, bytes + 1),
        (start, i32::MAX),
        (end - 1, 2),
        (end, 1),
        (-1, 1),
        (-1, 2),
        (-16, 17),
        (0, 1),
        (world.at(a, 0), page),
    ];
    if world.facts().word_bits > 32 {
        outside.extend([(start + (1 << 32), page), (start - (1 << 32), page)]);
    }
    let target = world.id(b);
    for range in outside {
        for (cmd, task) in [
            (MEMC_NOWRITE, 0),
            (MEMC_NOWRITE, world.id(a)),
            (MEMC_OKWRITE, target),
            (MEMC_GIVE, target),
            (MEMC_GIVE, 0),
        ] {
            let call = |world: &mut World<R>| world.control(a, range, cmd, task);
            refuses(world, &tasks, BadPtr, call);
        }
    }
    let last = whole.page(whole.pages - 1);
    assert_eq!(world.control(a, (end - 1, 1), MEMC_OKWRITE, target), Ok(()));
    world.store_to(b, last, 3);
    assert_eq!(world.give(a, whole, b), Ok(()));
}

/// A part of a page stands for all of it, and no byte touches its neighbours.
pub fn every_page_touched_is_meant_and_no_other<R: Rig>(world: &mut World<R>) {
    let [a, b, _] = three(world);
    let (page, target) = (world.page_bytes(), world.id(b));
    let run = world.alloc(a, 4);
    let address = world.address(run.page(1));
    let parts = [
        (i64::from(page) / 2, 8, [false, true, false, false]),
        (0, 1, [false, true, false, false]),
        (i64::from(page) - 1, 1, [false, true, false, false]),
        (0, page, [false, true, false, false]),
        (i64::from(page) - 1, 2, [false, true, true, false]),
        (0, page + 1, [false, true, true, false]),
        (-1, page + 2, [true, true, true, false]),
    ];
    for (offset, size, wanted) in parts {
        let range = (address + offset, size);
        assert_eq!(world.control(a, range, MEMC_OKWRITE, target), Ok(()));
        assert_eq!(world.writable_pages(b, run), wanted, "{offset} {size}");
        assert_eq!(world.control(a, range, MEMC_NOWRITE, target), Ok(()));
        assert_eq!(world.writable_pages(b, run), [false; 4]);
    }
}

/// Of three pages all but the middle one are the caller's: none is changed.
pub fn the_caller_owns_every_page<R: Rig>(world: &mut World<R>) {
    let tasks @ [a, b, c] = three(world);
    let run = world.alloc(a, 3);
    assert_eq!(world.give(a, run.page(1), c), Ok(()));
    let rest = Run {
        first: run.first + 3,
        pages: 1,
    };
    for target in [Some(b), Some(a), None] {
        refuses(world, &tasks, BadPtr, |world| world.okwrite(a, run, target));
        refuses(world, &tasks, BadPtr, |world| world.give(a, run, target));
        refuses(world, &tasks, BadPtr, |world| {
            world.okwrite(a, rest, target)
        });
        refuses(world, &tasks, BadPtr, |world| world.give(a, rest, target));
    }
    for target in [Some(b), None] {
        refuses(world, &tasks, BadPtr, |world| world.nowrite(a, run, target));
        refuses(world, &tasks, BadPtr, |world| {
            world.nowrite(a, rest, target)
        });
    }
}

/// Command, task, size, range, owner.
pub fn checks_of_control_come_in_order<R: Rig>(world: &mut World<R>) {
    let [a, b, _] = three(world);
    let run = world.alloc(b, 1);
    let (of_b, page) = world.bytes(run);
    let target = world.id(b);
    let mut control = |range, cmd, task| world.control(a, range, cmd, task);
    assert_eq!(control((0, 0), 4, -1), Err(BadMemCmd));
    assert_eq!(control((0, 0), MEMC_GIVE, -1), Err(BadItem));
    assert_eq!(control((0, 1), MEMC_GIVE, -1), Err(BadItem));
    assert_eq!(control((0, 0), MEMC_GIVE, target), Ok(()));
    assert_eq!(control((of_b, 0), MEMC_GIVE, target), Ok(()));
    assert_eq!(control((0, 1), MEMC_GIVE, target), Err(BadPtr));
    assert_eq!(control((of_b, page), MEMC_GIVE, target), Err(BadPtr));
}

/// Neither success nor refusal touches it.
pub fn page_calls_leave_last_error<R: Rig>(world: &mut World<R>) {
    let [a, b, _] = three(world);
    for refused in [true, false] {
        if refused {
            assert_eq!(world.size(a, -1), Err(Error::InvalidId));
        } else {
            world.share(a, b, crate::part(0, 8), READ_PERM);
        }
        let last_error = world.last_error(a);
        let run = world.alloc(a, 1);
        let range = world.bytes(run);
        assert_eq!(world.try_alloc(a, -1, 0), None);
        assert_eq!(world.okwrite(a, run, b), Ok(()));
        assert_eq!(world.control(a, range, 4, 0), Err(BadMemCmd));
        assert!(world.is_readable(a, range) && world.is_writable(a, range));
        assert!(world.is_owned(a, range) && !world.is_owned(a, (0, -1)));
        world.avail(a);
        assert_eq!(world.give(a, run, None), Ok(()));
        assert_eq!(world.last_error(a), last_error);
    }
}

/// ER_BadPtr, NULL or 0, whatever is asked; it can not be named; and its loads trap.
pub fn a_task_that_is_not_attached_has_no_pool<R: Rig>(world: &mut World<R>) {
    let tasks @ [a, b, _] = three(world);
    let stranger = world.start("stranger");
    let run = world.alloc(a, 1);
    let range = world.bytes(run);
    let id = world.id(stranger);
    for cmd in COMMANDS {
        for task in [0, id, world.id(b)] {
            assert_eq!(world.control(stranger, range, cmd, task), Err(BadPtr));
        }
        refuses(world, &tasks, BadItem, |world| {
            world.control(a, range, cmd, id)
        });
    }
    assert_eq!(world.try_alloc(stranger, 1, 0), None);
    assert_eq!(world.word(stranger, Number::GetPageSize, [0; 4]), 0);
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    assert!(!world.is_readable(stranger, range));
    assert!(!world.is_writable(stranger, range) && !world.is_owned(stranger, range));
    let info = world.avail(stranger);
    assert_eq!((info.system_free, info.task_free), (0, 0), "nothing stored");
    let command = crate::probe_core::Command {
        operation: crate::probe_core::Operation::Load,
        number: 0,
        words: [range.0.cast_unsigned(), 1, 0, 0],
        data: &[],
    };
    world.post(stranger, command);
    let ending = world.ending(stranger);
    assert_eq!(ending.reason, usufruct_abi::ENDED_TRAP);
}

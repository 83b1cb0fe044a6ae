//! The end of a task: everything of its own goes, nothing of anybody else's.

use crate::memory::pattern;
use crate::{Ending, Rig, Task, World, part};
use std::collections::HashSet;
use usufruct_abi::{ENDED_KILLED, ENDED_TRAP, Error, READ_PERM, WRITE_PERM};

/// Every way to end that a script has.
fn ends<R: Rig>() -> [fn(&mut World<R>, Task) -> Ending; 3] {
    [|world, task| world.exit(task, 0), World::trap, World::kill]
}

/// The status is the one returned; the reason says how.
pub fn an_end_has_a_status_and_a_reason<R: Rig>(world: &mut World<R>) {
    for status in [0, 1, 7, 255, -1, i32::MAX, i32::MIN] {
        let task = world.start("task");
        assert_eq!(world.exit(task, status), Ending::exit(status));
    }
    let task = world.start("task");
    assert_eq!(world.trap(task).reason, ENDED_TRAP);
    let task = world.start("task");
    assert_eq!(world.kill(task).reason, ENDED_KILLED);
}

/// Whichever way the owner goes.
pub fn objects_die_with_their_owner<R: Rig>(world: &mut World<R>) {
    let b = world.start("b");
    for end in ends() {
        let a = world.start("a");
        let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
        assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
        end(world, a);
        assert_eq!(world.read(b, smo, (0, 100), 0), Err(Error::InvalidSmo));
        assert_eq!(world.write(b, smo, (0, 100), 0), Err(Error::InvalidSmo));
        assert_eq!(world.size(b, smo), Err(Error::InvalidSmo));
        assert_eq!(world.claim(b, smo), Err(Error::InvalidSmo));
    }
}

/// With no target: nobody reads it, the owner neither; the owner alone can still claim it.
pub fn objects_outlive_their_target<R: Rig>(world: &mut World<R>) {
    let (a, c) = (world.start("a"), world.start("c"));
    for end in ends() {
        let b = world.start("b");
        let smo = world.share(a, b, part(0, 100), READ_PERM);
        end(world, b);
        for task in [a, c] {
            assert_eq!(world.read(task, smo, (0, 100), 0), Err(Error::NotSmoTarget));
            assert_eq!(world.pass(task, smo, task), Err(Error::NotSmoTarget));
            assert_eq!(world.size(task, smo), Err(Error::NotSmoTarget));
        }
        assert_eq!(world.claim(c, smo), Err(Error::SmoNotOwned));
        assert_eq!(world.claim(a, smo), Ok(0));
    }
}

/// Not even one that takes the dead task's place in the table, and its name.
pub fn newcomer_does_not_inherit_a_dead_tasks_object<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
    let gone = world.id(b);
    world.exit(b, 0);
    let mut newcomers = vec![world.start("b")];
    while let Ok(newcomer) = world.try_start(&format!("b{}", newcomers.len()), crate::SMO_QUOTA) {
        newcomers.push(newcomer);
    }
    for newcomer in newcomers {
        assert_ne!(world.id(newcomer), gone);
        assert_eq!(
            world.read(newcomer, smo, (0, 100), 0),
            Err(Error::NotSmoTarget)
        );
        assert_eq!(
            world.write(newcomer, smo, (0, 100), 0),
            Err(Error::NotSmoTarget)
        );
        assert_eq!(
            world.pass(newcomer, smo, newcomer),
            Err(Error::NotSmoTarget)
        );
        assert_eq!(world.claim(newcomer, smo), Err(Error::SmoNotOwned));
    }
    assert_eq!(world.claim(a, smo), Ok(0));
}

/// Nor does it own what the dead task owned.
pub fn newcomer_does_not_own_a_dead_tasks_object<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    world.kill(a);
    let newcomer = world.start("a");
    assert_eq!(world.claim(newcomer, smo), Err(Error::InvalidSmo));
    assert_eq!(world.read(b, smo, (0, 100), 0), Err(Error::InvalidSmo));
}

/// An id that somebody has kept.
pub fn id_of_a_dead_task_names_nobody<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    let mut seen = HashSet::from([world.id(a)]);
    let mut gone = Vec::new();
    for _ in 0..100 {
        let b = world.start("b");
        let id = world.id(b);
        assert!(id > 0 && seen.insert(id), "id {id} came back");
        world.exit(b, 0);
        gone.push(id);
    }
    for id in gone {
        assert_eq!(
            world.try_share(a, id, part(0, 1), READ_PERM),
            Err(Error::InvalidTsk)
        );
    }
}

/// Objects between others, also those that were the dead task's at some time.
pub fn an_end_disturbs_nobody_else<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.poke(a, 0, &pattern(1, 100));
    for end in ends() {
        let dying = world.start("dying");
        let between = world.share(a, b, part(0, 100), READ_PERM);
        let through = world.share(a, dying, part(0, 100), READ_PERM);
        assert_eq!(world.pass(dying, through, b), Ok(0));
        world.share(dying, b, part(0, 100), READ_PERM);
        world.share(b, dying, part(0, 100), READ_PERM);
        assert_eq!(world.size(b, -1), Err(Error::InvalidId));
        end(world, dying);
        assert_eq!(world.last_error(b), Error::InvalidId.code());
        for smo in [between, through] {
            assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
            assert_eq!(world.peek(b, 0, 100), pattern(1, 100));
        }
    }
}

/// Many lives, each with objects both ways: places in the tables come back.
pub fn an_end_gives_its_places_back<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    for round in 0..60 {
        let b = world.start("b");
        for _ in 0..8 {
            world.share(b, a, part(0, 16), READ_PERM);
        }
        let smo = world.share(a, b, part(0, 16), READ_PERM);
        ends()[round % 3](world, b);
        assert_eq!(world.claim(a, smo), Ok(0));
    }
}

/// All that a hog held is there for others at once.
pub fn a_full_table_has_room_after_its_hogs_end<R: Rig>(world: &mut World<R>) {
    let (a, hog) = (world.start("a"), world.start("hog"));
    let count = |world: &mut World<R>, owner| {
        let target = world.id(a);
        (0..)
            .take_while(|_| {
                world
                    .try_share(owner, target, part(0, 16), READ_PERM)
                    .is_ok()
            })
            .count()
    };
    let hoarded = count(world, hog);
    world.kill(hog);
    let next = world.start("next");
    assert_eq!(count(world, next), hoarded);
}

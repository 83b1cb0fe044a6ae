//! Quotas and full tables: refused at once, for the caller only.

use crate::{Rig, Tables, Task, World, index, part};
use usufruct_abi::{Error, READ_PERM};

/// Objects that every task is sure of, whatever the others do.
const SURE_SMOS: usize = 8;

/// Shares until it is refused; the objects made, and the refusal.
fn share_all<R: Rig>(world: &mut World<R>, owner: Task, target: Task) -> (Vec<i32>, Error) {
    let mut smos = Vec::new();
    loop {
        match world.try_share(owner, world.id(target), part(0, 16), READ_PERM) {
            Ok(smo) => smos.push(smo),
            Err(error) => return (smos, error),
        }
    }
}

/// The quota is exact, counts what is owned, and bothers nobody else.
pub fn a_task_owns_as_many_objects_as_its_quota<R: Rig>(world: &mut World<R>) {
    let a = world.start_with_quota("a", 11);
    let b = world.start_with_quota("b", 11);
    let (smos, refusal) = share_all(world, a, b);
    assert_eq!((smos.len(), refusal), (11, Error::TooManySmos));
    assert_eq!(world.read(b, smos[0], (0, 16), 0), Ok(0));

    // What b is the target of is not on b's account.
    let (of_b, refusal) = share_all(world, b, a);
    assert_eq!((of_b.len(), refusal), (11, Error::TooManySmos));

    // Nor does passing move the account.
    assert_eq!(world.pass(b, smos[0], a), Ok(0));
    assert_eq!(
        world.try_share(a, world.id(b), part(0, 16), READ_PERM),
        Err(Error::TooManySmos)
    );
    assert_eq!(world.claim(a, smos[0]), Ok(0));
    world.share(a, b, part(0, 16), READ_PERM);
    assert_eq!(
        world.try_share(a, world.id(b), part(0, 16), READ_PERM),
        Err(Error::TooManySmos)
    );
}

/// A task takes all that it can get; all others, and those that start later, still get theirs.
pub fn every_task_is_sure_of_its_objects<R: Rig>(world: &mut World<R>) {
    let early = world.start("early");
    let hog = world.start("hog");
    let (hoarded, refusal) = share_all(world, hog, early);
    assert_eq!(refusal, Error::NoMem);
    // All but what each other task is sure of, `host` and those to come included.
    let Tables { tasks, smos, .. } = Tables::OF_THE_SUITE;
    assert_eq!(hoarded.len(), index(smos) - index(tasks - 1) * SURE_SMOS);

    let mut tasks = vec![early];
    while let Ok(task) = world.try_start(&format!("late{}", tasks.len()), crate::SMO_QUOTA) {
        tasks.push(task);
    }
    for task in tasks {
        let (smos, refusal) = share_all(world, task, hog);
        assert_eq!((smos.len(), refusal), (SURE_SMOS, Error::NoMem));
        assert_eq!(world.read(hog, smos[7], (0, 16), 0), Ok(0));
        assert_eq!(
            world.try_share(hog, world.id(early), part(0, 16), READ_PERM),
            Err(Error::NoMem)
        );
    }
}

/// What is there works on; one claim makes room for one.
pub fn a_full_table_refuses_new_objects_only<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let (smos, refusal) = share_all(world, a, b);
    assert_eq!(refusal, Error::NoMem);
    for smo in &smos {
        assert_eq!(world.read(b, *smo, (0, 16), 0), Ok(0));
    }
    assert_eq!(world.pass(b, smos[0], a), Ok(0));
    assert_eq!(world.claim(a, smos[1]), Ok(0));
    world.share(a, b, part(0, 16), READ_PERM);
    assert_eq!(
        world.try_share(a, world.id(b), part(0, 16), READ_PERM),
        Err(Error::NoMem)
    );
}

/// Perms, size, target, range, quota, table.
pub fn checks_of_share_come_in_order<R: Rig>(world: &mut World<R>) {
    let hog = world.start("hog");
    let a = world.start_with_quota("a", 3);
    let (target, end) = (world.id(hog), world.end(a));
    share_all(world, hog, a);
    let (_, refusal) = share_all(world, a, hog);
    assert_eq!(refusal, Error::TooManySmos, "quota before table");

    let mut share = |target, range, perms| world.share_raw(a, target, range, perms);
    assert_eq!(share(0, (end, 0), 0), Err(Error::InvalidPerms));
    assert_eq!(share(0, (end, 0), READ_PERM), Err(Error::InvalidSize));
    assert_eq!(share(0, (end, 1), READ_PERM), Err(Error::InvalidTsk));
    assert_eq!(share(target, (end, 1), READ_PERM), Err(Error::InvalidPtr));
    assert_eq!(
        share(target, (end - 1, 1), READ_PERM),
        Err(Error::TooManySmos)
    );
    assert_eq!(
        world.try_share(hog, target, part(0, 16), READ_PERM),
        Err(Error::NoMem)
    );
}

/// A start too many is refused; an end makes room for one more.
pub fn a_full_task_table_refuses_starts_only<R: Rig>(world: &mut World<R>) {
    let mut tasks = Vec::new();
    while let Ok(task) = world.try_start(&format!("task{}", tasks.len()), crate::SMO_QUOTA) {
        tasks.push(task);
    }
    let wanted = index(Tables::OF_THE_SUITE.tasks) - 1;
    assert_eq!(tasks.len(), wanted, "`host` is the first of the tasks");
    let smo = world.share(tasks[0], tasks[1], part(0, 16), READ_PERM);
    world.exit(tasks[2], 0);
    let newcomer = world.start("newcomer");
    assert!(world.try_start("one too many", crate::SMO_QUOTA).is_err());
    assert_eq!(world.pass(tasks[1], smo, newcomer), Ok(0));
    assert_eq!(world.read(newcomer, smo, (0, 16), 0), Ok(0));
}

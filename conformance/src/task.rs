//! Tasks: their ids and names.

use crate::{Rig, World, part};
use std::collections::HashSet;
use usufruct_abi::{Error, Number, READ_PERM};

/// Positive, of one life, and the same whenever it is asked.
pub fn a_task_knows_its_id<R: Rig>(world: &mut World<R>) {
    let mut seen = HashSet::new();
    for name in ["a", "b", "c", "d"] {
        let task = world.start(name);
        let id = world.id(task);
        assert!(id > 0 && seen.insert(id));
        assert_eq!(world.call(task, Number::GetCurrentTask, [0; 4]), Ok(id));
        assert_eq!(world.find(task, name.as_bytes()), Ok(id));
    }
}

/// Sharing with a thread is sharing with its task.
pub fn a_threads_id_means_its_task<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let thread = world.call(b, Number::GetCurrentThread, [0; 4]).unwrap();
    assert!(thread > 0);
    let smo = world.try_share(a, thread, part(0, 100), READ_PERM).unwrap();
    assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
    assert_eq!(world.pass_raw(b, smo, thread), Ok(0));
    assert_eq!(world.size(b, smo), Ok(100));
}

/// 1 to 31 bytes; no two living tasks of one name.
pub fn names_are_short_and_unique_among_the_living<R: Rig>(world: &mut World<R>) {
    let longest = "a name of thirty-one bytes, full";
    let longest = &longest[..31];
    let a = world.start(longest);
    assert!(world.try_start("", crate::SMO_QUOTA).is_err(), "no name");
    assert!(
        world.try_start(&"x".repeat(32), crate::SMO_QUOTA).is_err(),
        "32 bytes"
    );
    assert!(
        world.try_start(longest, crate::SMO_QUOTA).is_err(),
        "the same name"
    );
    assert!(
        world.try_start("host", crate::SMO_QUOTA).is_err(),
        "the host's name"
    );
    assert_eq!(world.find(a, longest.as_bytes()), Ok(world.id(a)));
    let prefix = world.start(&longest[..30]);
    assert_eq!(world.find(a, longest.as_bytes()), Ok(world.id(a)));
    assert_eq!(
        world.find(a, &longest.as_bytes()[..30]),
        Ok(world.id(prefix))
    );
}

/// Not a prefix, not an extension, not another case; and nobody for an empty name.
pub fn find_task_finds_the_living_by_their_whole_name<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("alpha"), world.start("beta"));
    assert_eq!(world.find(a, b"beta"), Ok(world.id(b)));
    assert_eq!(world.find(b, b"alpha"), Ok(world.id(a)));
    for name in [
        &b"alph"[..],
        b"alpha1",
        b"alpha\0",
        b"Alpha",
        b"gamma",
        b"",
        &[b'x'; 31],
        &[b'x'; 32],
    ] {
        assert_eq!(world.find(a, name), Err(Error::InvalidTsk), "{name:?}");
    }
    world.exit(b, 0);
    assert_eq!(world.find(a, b"beta"), Err(Error::InvalidTsk));
}

/// A restarted task is found under its name, with another id.
pub fn a_restarted_task_has_a_new_id<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let first = world.id(b);
    world.kill(b);
    let second = world.start("b");
    assert_ne!(world.id(second), first);
    assert_eq!(world.find(a, b"b"), Ok(world.id(second)));
}

/// The length is looked at first, then the bytes must be the caller's, then they are a name.
pub fn checks_of_find_come_in_order<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    let end = world.end(a);
    for length in [0, -1, 32, 33, i32::MAX, i32::MIN] {
        assert_eq!(
            world.find_raw(a, end, length),
            Err(Error::InvalidTsk),
            "length {length}"
        );
    }
    for (address, length) in [
        (end, 1),
        (end - 1, 2),
        (end - 30, 31),
        (-1, 1),
        (-1, 2),
        (-30, 31),
    ] {
        let answer = world.find_raw(a, address, length);
        assert_eq!(answer, Err(Error::InvalidPtr), "{address:x} {length}");
    }
}

/// It has an id, and can be shared with.
pub fn the_host_is_a_task<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    let host = world.find(a, b"host").unwrap();
    assert!(host > 0 && host != world.id(a));
    let smo = world.try_share(a, host, part(0, 100), READ_PERM).unwrap();
    assert_eq!(world.size(a, smo), Err(Error::NotSmoTarget));
    assert_eq!(world.claim(a, smo), Ok(0));
}

//! `watch_task`: hearing of a task's end.

use crate::{Ending, Message, Rig, Task, World, part};
use usufruct_abi::{ENDED_FORGOTTEN, Error, Number, READ_PERM, WAIT_FOREVER};

fn news(of: i32, ending: Ending) -> Message {
    Message {
        sender: 0,
        words: [of, ending.status, ending.reason, 0],
    }
}

fn watcher<R: Rig>(world: &mut World<R>) -> Task {
    let watcher = world.start("watcher");
    assert_eq!(world.open(watcher, 9), Ok(0));
    watcher
}

/// From sender 0: the task, its status, the reason, 0.
pub fn an_end_sends_one_message<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    let ends: [fn(&mut World<R>, Task) -> Ending; 4] = [
        |world, task| world.exit(task, 0),
        |world, task| world.exit(task, 42),
        World::trap,
        World::kill,
    ];
    for end in ends {
        let task = world.start("task");
        let id = world.id(task);
        assert_eq!(world.watch(watcher, id, 9), Ok(0));
        assert_eq!(world.count(watcher, 9), Ok(0));
        let ending = end(world, task);
        assert_eq!(world.get(watcher, 9), Ok(news(id, ending)));
        assert_eq!(world.get(watcher, 9), Err(Error::NoMsg));
    }
}

/// A task that ended a moment ago is remembered.
pub fn the_message_comes_at_once_for_a_dead_task<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    let task = world.start("task");
    let id = world.id(task);
    let ending = world.exit(task, 3);
    assert_eq!(world.watch(watcher, id, 9), Ok(0));
    assert_eq!(world.get(watcher, 9), Ok(news(id, ending)));
}

/// Long ago and forgotten, but not unknown.
pub fn the_message_comes_for_a_forgotten_task_too<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    let first = world.start("task");
    let id = world.id(first);
    world.exit(first, 3);
    for _ in 0..100 {
        let task = world.start("task");
        world.exit(task, 0);
    }
    assert_eq!(world.watch(watcher, id, 9), Ok(0));
    let forgotten = Ending {
        status: 0,
        reason: ENDED_FORGOTTEN,
    };
    assert_eq!(world.get(watcher, 9), Ok(news(id, forgotten)));
}

/// A queue as full as it gets has a place for the message all the same.
pub fn the_message_is_never_lost_to_a_full_queue<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    let (b, c) = (world.start("b"), world.start("c"));
    let watched = [world.start("watched"), world.start("watched too")];
    for task in watched {
        let id = world.id(task);
        assert_eq!(world.watch(watcher, id, 9), Ok(0));
    }
    while world.send(b, watcher, 9, [1; 4]).is_ok() || world.send(c, watcher, 9, [1; 4]).is_ok() {}
    for task in watched {
        world.kill(task);
    }
    let mut heard = Vec::new();
    while let Ok(message) = world.get(watcher, 9) {
        heard.extend((message.sender == 0).then_some(message.words[0]));
    }
    assert_eq!(heard, watched.map(|task| world.id(task)));
}

/// Everybody who watches hears it.
pub fn every_watcher_hears_of_the_end<R: Rig>(world: &mut World<R>) {
    let task = world.start("task");
    let id = world.id(task);
    let watchers: Vec<Task> = (0..5)
        .map(|index| world.start(&format!("watcher{index}")))
        .collect();
    for watcher in &watchers {
        assert_eq!(world.open(*watcher, 0), Ok(0));
        assert_eq!(world.watch(*watcher, id, 0), Ok(0));
    }
    let ending = world.exit(task, 1);
    for watcher in watchers {
        assert_eq!(world.get(watcher, 0), Ok(news(id, ending)));
    }
}

/// A sleeping watcher wakes; and what it hears of is done: objects gone, name free.
pub fn watchers_hear_when_all_is_cleared_up<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    let task = world.start("task");
    let id = world.id(task);
    let smo = world.share(task, watcher, part(0, 100), READ_PERM);
    assert_eq!(world.watch(watcher, id, 9), Ok(0));
    world.post_wait(watcher, 9, WAIT_FOREVER);
    let ending = world.exit(task, 0);
    assert_eq!(world.answer(watcher, Number::WaitMsg), Ok(0));
    assert_eq!(world.get(watcher, 9), Ok(news(id, ending)));
    assert_eq!(
        world.read(watcher, smo, (0, 100), 0),
        Err(Error::InvalidSmo)
    );
    assert_eq!(world.find(watcher, b"task"), Err(Error::InvalidTsk));
    world.start("task");
}

/// Numbers that never were a task's.
pub fn a_number_never_issued_can_not_be_watched<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    for target in [0, -1, i32::MAX, i32::MIN] {
        assert_eq!(
            world.watch(watcher, target, 9),
            Err(Error::InvalidTsk),
            "task {target}"
        );
    }
    assert_eq!(world.count(watcher, 9), Ok(0));
}

/// Port number, port open, task.
pub fn checks_of_watch_come_in_order<R: Rig>(world: &mut World<R>) {
    let watcher = watcher(world);
    let task = world.start("task");
    let id = world.id(task);
    assert_eq!(world.watch(watcher, 0, 32), Err(Error::InvalidPort));
    assert_eq!(world.watch(watcher, 0, 0), Err(Error::PortDisabled));
    assert_eq!(world.watch(watcher, 0, 9), Err(Error::InvalidTsk));
    assert_eq!(world.watch(watcher, id, 9), Ok(0));
}

/// Watches that a port holds at most, their unread messages included.
const PORT_WATCHES: usize = 64;

/// Each watch holds a place, so there is an end to them; the places come back with the
/// watcher's end.
pub fn watches_are_limited_by_the_message_places<R: Rig>(world: &mut World<R>) {
    let target = world.start("target");
    let id = world.id(target);
    let mut counts = Vec::new();
    for _ in 0..3 {
        let watcher = world.start("watcher");
        for port in 0..8 {
            assert_eq!(world.open(watcher, port), Ok(0));
        }
        let mut count = 0;
        let refusal = (0..8).find_map(|port| {
            let on_this_port = (0..).find_map(|watches| {
                let refusal = world.watch(watcher, id, port).err()?;
                Some((watches, refusal))
            });
            let (watches, refusal) = on_this_port.expect("there is an end to them");
            count += watches;
            match refusal {
                Error::PortFull => assert_eq!(watches, PORT_WATCHES),
                refusal => return Some(refusal),
            }
            None
        });
        assert_eq!(refusal, Some(Error::NoMem), "the places are used up");
        counts.push(count);
        world.exit(watcher, 0);
    }
    assert!(
        counts[0] > PORT_WATCHES && counts.iter().all(|count| *count == counts[0]),
        "{counts:?}"
    );
}

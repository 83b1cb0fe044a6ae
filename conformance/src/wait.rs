//! `wait_msg`: sleeping until a message is there.

use crate::{Message, NOTHING_COMES, Rig, Task, World};
use usufruct_abi::{ENDED_KILLED, Error, Number, WAIT_FOREVER};

fn sleeps<R: Rig>(world: &mut World<R>, task: Task) -> bool {
    world.reply_within(task, NOTHING_COMES).is_none()
}

/// No sleep, and nothing consumed.
pub fn a_message_that_is_there_ends_the_wait_at_once<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    assert_eq!(world.open(a, 0), Ok(0));
    assert_eq!(world.send(a, a, 0, [1; 4]), Ok(0));
    for timeout_ms in [0, 1, 1000, WAIT_FOREVER, i32::MAX, i32::MIN] {
        assert_eq!(world.wait(a, 0, timeout_ms), Ok(0), "timeout {timeout_ms}");
    }
    assert_eq!(world.count(a, 0), Ok(1));
}

/// Until then it sleeps; then the message is there to be received.
pub fn a_message_wakes_the_waiting_task<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.open(a, 7), Ok(0));
    for timeout_ms in [WAIT_FOREVER, -5, i32::MIN, 100_000, i32::MAX] {
        world.post_wait(a, 7, timeout_ms);
        assert!(sleeps(world, a));
        assert_eq!(world.send(b, a, 7, [timeout_ms; 4]), Ok(0));
        assert_eq!(world.answer(a, Number::WaitMsg), Ok(0));
        assert_eq!(
            world.get(a, 7),
            Ok(Message {
                sender: world.id(b),
                words: [timeout_ms; 4]
            })
        );
    }
}

/// A message on another port is not the one waited for.
pub fn a_message_on_another_port_wakes_nobody<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for port in [0, 1] {
        assert_eq!(world.open(a, port), Ok(0));
    }
    world.post_wait(a, 0, WAIT_FOREVER);
    assert_eq!(world.send(b, a, 1, [1; 4]), Ok(0));
    assert!(sleeps(world, a));
    assert_eq!(world.send(b, a, 0, [0; 4]), Ok(0));
    assert_eq!(world.answer(a, Number::WaitMsg), Ok(0));
}

/// A look, no sleep.
pub fn timeout_0_polls<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    assert_eq!(world.open(a, 0), Ok(0));
    assert_eq!(world.wait(a, 0, 0), Err(Error::NoMsg));
    assert_eq!(world.count(a, 0), Ok(0));
}

/// When the time is over, and on a machine whose clock can be held not before.
pub fn a_timeout_ends_the_wait<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    assert_eq!(world.open(a, 0), Ok(0));
    for _ in 0..3 {
        world.post_wait(a, 0, 50);
        if R::FACTS.virtual_clock {
            world.rig.advance(49);
            assert!(sleeps(world, a));
        }
        world.rig.advance(1);
        assert_eq!(world.answer(a, Number::WaitMsg), Err(Error::NoMsg));
    }
}

/// No timeout is meant by a negative one.
pub fn a_negative_timeout_never_ends_the_wait<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.open(a, 0), Ok(0));
    for timeout_ms in [WAIT_FOREVER, -2, i32::MIN] {
        world.post_wait(a, 0, timeout_ms);
        world.rig.advance(100);
        assert!(sleeps(world, a));
        assert_eq!(world.send(b, a, 0, [0; 4]), Ok(0));
        assert_eq!(world.answer(a, Number::WaitMsg), Ok(0));
        assert!(world.get(a, 0).is_ok());
    }
}

/// Many sleep, each is woken by its own message, in any order.
pub fn each_sleeper_is_woken_by_its_own_message<R: Rig>(world: &mut World<R>) {
    let sleepers: Vec<Task> = (0..8)
        .map(|index| world.start(&format!("sleeper{index}")))
        .collect();
    let waker = world.start("waker");
    for sleeper in &sleepers {
        assert_eq!(world.open(*sleeper, 0), Ok(0));
        world.post_wait(*sleeper, 0, WAIT_FOREVER);
    }
    for index in [3, 0, 7, 1, 6, 2, 5, 4] {
        assert!(sleeps(world, sleepers[index]));
        assert_eq!(world.send(waker, sleepers[index], 0, [0; 4]), Ok(0));
        assert_eq!(world.answer(sleepers[index], Number::WaitMsg), Ok(0));
    }
}

/// A sleeping task can be ended; others notice its end only.
pub fn a_sleeping_task_can_be_killed<R: Rig>(world: &mut World<R>) {
    let b = world.start("b");
    for round in 0..20 {
        let a = world.start("a");
        assert_eq!(world.open(a, 0), Ok(0));
        world.post_wait(
            a,
            0,
            if round % 2 == 0 {
                WAIT_FOREVER
            } else {
                100_000
            },
        );
        assert_eq!(world.kill(a).reason, ENDED_KILLED);
        assert_eq!(world.find(b, b"a"), Err(Error::InvalidTsk));
    }
}

//! Ports: messages from task to task, in order, from whom they say.

use crate::{MESSAGE_AT, Message, Rig, SENDER_AT, Task, World, part};
use usufruct_abi::{Error, Number, READ_PERM, WRITE_PERM};

/// Messages that one port queues at most.
const PORT_ROOM: i32 = 64;
/// Of these, those of one sender.
const SENDER_ROOM: i32 = 32;
/// Messages that an open port is sure of, and of these those of one sender.
const SURE_ROOM: i32 = 2;
/// Ports that a task is sure to be able to open.
const SURE_PORTS: i32 = 4;

/// Every call that takes a port of the caller's.
fn refused_by_all<R: Rig>(world: &mut World<R>, caller: Task, port: i32, error: Error) {
    let id = world.id(caller);
    assert_eq!(world.close(caller, port), Err(error), "close_port({port})");
    assert_eq!(
        world.send(caller, caller, port, [0; 4]),
        Err(error),
        "send_msg to {port}"
    );
    assert_eq!(
        world.get(caller, port).map(|_| ()),
        Err(error),
        "get_msg({port})"
    );
    assert_eq!(
        world.count(caller, port),
        Err(error),
        "get_msg_count({port})"
    );
    assert_eq!(world.wait(caller, port, 0), Err(error), "wait_msg({port})");
    assert_eq!(
        world.wait(caller, port, -1),
        Err(error),
        "wait_msg({port}), for ever"
    );
    assert_eq!(
        world.watch(caller, id, port),
        Err(error),
        "watch_task to {port}"
    );
}

/// Sends numbered messages until one is refused; how many went through, and the refusal.
fn flood<R: Rig>(world: &mut World<R>, sender: Task, target: Task, port: i32) -> (i32, Error) {
    let mut sent = 0;
    loop {
        match world.send(sender, target, port, [sent, port, 0, 0]) {
            Ok(_) => sent += 1,
            Err(error) => return (sent, error),
        }
    }
}

/// Each of them, and the others' too.
pub fn ports_are_closed_at_first<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for port in 0..32 {
        refused_by_all(world, a, port, Error::PortDisabled);
        assert_eq!(world.send(b, a, port, [0; 4]), Err(Error::PortDisabled));
    }
}

/// Numbers beyond, on both sides.
pub fn ports_are_0_to_31<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    for port in [-1, 32, 33, 64, 256, i32::MAX, i32::MIN] {
        assert_eq!(
            world.open(a, port),
            Err(Error::InvalidPort),
            "open_port({port})"
        );
        refused_by_all(world, a, port, Error::InvalidPort);
    }
    for port in [0, 31] {
        assert_eq!(world.open(a, port), Ok(0));
    }
}

/// Open is open, closed is closed.
pub fn opening_an_open_port_is_refused<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    assert_eq!(world.open(a, 5), Ok(0));
    assert_eq!(world.open(a, 5), Err(Error::PortDisabled));
    assert_eq!(world.count(a, 5), Ok(0));
    assert_eq!(world.close(a, 5), Ok(0));
    refused_by_all(world, a, 5, Error::PortDisabled);
    assert_eq!(world.open(a, 5), Ok(0));
}

/// The bytes as sent, and the sender as the kernel knows it.
pub fn a_message_arrives_as_it_was_sent<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.open(a, 0), Ok(0));
    let words = [1, -1, i32::MIN, 0x1234_5678];
    assert_eq!(world.send(b, a, 0, words), Ok(0));
    assert_eq!(
        world.get(a, 0),
        Ok(Message {
            sender: world.id(b),
            words
        })
    );
    // Whatever the words claim.
    let forged = [world.id(a), 0, 0, 0];
    assert_eq!(world.send(b, a, 0, forged), Ok(0));
    assert_eq!(
        world.get(a, 0),
        Ok(Message {
            sender: world.id(b),
            words: forged
        })
    );
    assert_eq!(world.send(a, a, 0, words), Ok(0));
    assert_eq!(
        world.get(a, 0),
        Ok(Message {
            sender: world.id(a),
            words
        })
    );
}

/// The receiver knows the number, and may do nothing with what it names.
pub fn an_id_in_a_message_confers_nothing<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
    assert_eq!(world.open(c, 0), Ok(0));
    for sender in [a, b] {
        assert_eq!(world.send(sender, c, 0, [smo, 0, 0, 0]), Ok(0));
        let message = world.get(c, 0).unwrap();
        assert_eq!(message.words[0], smo);
        assert_eq!(world.read(c, smo, (0, 100), 0), Err(Error::NotSmoTarget));
        assert_eq!(world.pass(c, smo, c), Err(Error::NotSmoTarget));
        assert_eq!(world.claim(c, smo), Err(Error::SmoNotOwned));
    }
}

/// Sending to a thread is sending to its task, and so is watching it.
pub fn a_threads_id_means_its_task_here_too<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let thread = world.call(b, Number::GetCurrentThread, [0; 4]).unwrap();
    let message = world.at(a, MESSAGE_AT);
    for task in [a, b] {
        assert_eq!(world.open(task, 0), Ok(0));
    }
    assert_eq!(world.send_raw(a, thread, 0, message), Ok(0));
    assert_eq!(
        world.get(b, 0).map(|message| message.sender),
        Ok(world.id(a))
    );
    assert_eq!(world.watch(a, thread, 0), Ok(0));
    let id = world.id(b);
    world.exit(b, 0);
    assert_eq!(world.get(a, 0).map(|message| message.words[0]), Ok(id));
}

/// By several senders, over several ports.
pub fn first_in_first_out<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    for port in [3, 4] {
        assert_eq!(world.open(a, port), Ok(0));
    }
    for number in 0..20 {
        let sender = if number % 3 == 0 { b } else { c };
        assert_eq!(world.send(sender, a, 3 + number % 2, [number; 4]), Ok(0));
    }
    for number in 0..20 {
        let port = 3 + number % 2;
        assert_eq!(world.count(a, port), Ok(10 - number / 2));
        let sender = world.id(if number % 3 == 0 { b } else { c });
        assert_eq!(
            world.get(a, port),
            Ok(Message {
                sender,
                words: [number; 4]
            })
        );
    }
    assert_eq!(world.get(a, 3), Err(Error::NoMsg));
    assert_eq!(world.count(a, 3), Ok(0));
}

/// Ports, and the same ports of different tasks, do not mix.
pub fn a_message_arrives_at_its_port_only<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for (task, port) in [(a, 0), (a, 1), (b, 0)] {
        assert_eq!(world.open(task, port), Ok(0));
    }
    assert_eq!(world.send(b, a, 1, [7; 4]), Ok(0));
    assert_eq!(world.get(a, 0), Err(Error::NoMsg));
    assert_eq!(world.get(b, 0), Err(Error::NoMsg));
    assert_eq!(world.count(a, 1), Ok(1));
}

/// One sender half of it, two all of it; each message received makes room for one.
pub fn a_port_has_room_for_two_floods<R: Rig>(world: &mut World<R>) {
    let (a, b, c, d) = (
        world.start("a"),
        world.start("b"),
        world.start("c"),
        world.start("d"),
    );
    assert_eq!(world.open(a, 0), Ok(0));
    assert_eq!(flood(world, b, a, 0), (SENDER_ROOM, Error::PortFull));
    assert_eq!(flood(world, c, a, 0), (SENDER_ROOM, Error::PortFull));
    assert_eq!(world.count(a, 0), Ok(PORT_ROOM));
    assert_eq!(flood(world, d, a, 0), (0, Error::PortFull));

    assert_eq!(
        world.get(a, 0).map(|message| message.sender),
        Ok(world.id(b))
    );
    assert_eq!(flood(world, c, a, 0), (0, Error::PortFull));
    assert_eq!(flood(world, b, a, 0), (1, Error::PortFull));
    assert_eq!(flood(world, d, a, 0), (0, Error::PortFull));
    for _ in 0..PORT_ROOM {
        assert!(world.get(a, 0).is_ok());
    }
    assert_eq!(world.get(a, 0), Err(Error::NoMsg));
}

/// And so do the places of its messages.
pub fn closing_a_port_drops_its_messages<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for _ in 0..30 {
        assert_eq!(world.open(a, 0), Ok(0));
        assert_eq!(world.count(a, 0), Ok(0));
        assert_eq!(flood(world, b, a, 0), (SENDER_ROOM, Error::PortFull));
        assert_eq!(world.close(a, 0), Ok(0));
        assert_eq!(world.send(b, a, 0, [0; 4]), Err(Error::PortDisabled));
    }
}

/// The message's bytes must all be the sender's; nothing is queued.
pub fn a_message_is_sent_from_the_callers_memory_only<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.open(a, 0), Ok(0));
    let (target, end) = (world.id(a), world.end(b));
    for address in [end - 15, end - 1, end, end + 100, -1, -15, -16] {
        let answer = world.send_raw(b, target, 0, address);
        assert_eq!(answer, Err(Error::InvalidPtr), "{address:x}");
    }
    assert_eq!(world.count(a, 0), Ok(0));
    assert_eq!(world.send_raw(b, target, 0, end - 16), Ok(0));
}

/// A refused delivery consumes nothing and stores nothing, whichever pointer is bad; the message
/// is still the first.
pub fn a_refused_delivery_consumes_no_message<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.open(a, 0), Ok(0));
    assert_eq!(world.send(b, a, 0, [1, 2, 3, 4]), Ok(0));
    assert_eq!(world.send(b, a, 0, [5, 6, 7, 8]), Ok(0));
    let (message, sender, end) = (
        world.at(a, MESSAGE_AT),
        world.at(a, SENDER_AT),
        world.end(a),
    );
    world.fill(a, MESSAGE_AT, 20, 0xee);
    let bad = [
        (end - 15, sender),
        (end, sender),
        (-16, sender),
        (message, end - 3),
        (message, end),
        (message, -1),
        (end, end),
    ];
    for (message, sender) in bad {
        let answer = world.get_raw(a, 0, message, sender);
        assert_eq!(answer, Err(Error::InvalidPtr), "{message:x} {sender:x}");
        assert_eq!(world.count(a, 0), Ok(2));
        assert_eq!(world.peek(a, MESSAGE_AT, 20), [0xee; 20]);
    }
    for words in [[1, 2, 3, 4], [5, 6, 7, 8]] {
        let sender = world.id(b);
        assert_eq!(world.get(a, 0), Ok(Message { sender, words }));
    }
}

/// Neither one that has ended nor one that never was.
pub fn messages_go_to_the_living_only<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.open(b, 0), Ok(0));
    let (gone, message) = (world.id(b), world.at(a, MESSAGE_AT));
    world.exit(b, 0);
    for target in [gone, 0, -1, i32::MAX, i32::MIN] {
        assert_eq!(
            world.send_raw(a, target, 0, message),
            Err(Error::InvalidTsk),
            "{target}"
        );
    }
}

/// Its own ports close with it; what it has sent arrives all the same.
pub fn a_task_ends_with_its_ports<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for task in [a, b] {
        assert_eq!(world.open(task, 0), Ok(0));
    }
    assert_eq!(flood(world, a, b, 0).0, SENDER_ROOM);
    assert_eq!(world.send(b, a, 0, [5; 4]), Ok(0));
    let sender = world.id(b);
    world.kill(b);
    assert_eq!(
        world.get(a, 0),
        Ok(Message {
            sender,
            words: [5; 4]
        })
    );
    let b = world.start("b");
    assert_eq!(world.count(b, 0), Err(Error::PortDisabled));
    assert_eq!(world.open(b, 0), Ok(0));
    assert_eq!(world.count(b, 0), Ok(0));
    assert_eq!(flood(world, a, b, 0).0, SENDER_ROOM);
}

/// Two tasks flood all ports of two others; a fresh port still has its sure places.
pub fn every_open_port_is_sure_of_its_messages<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let (victim, other) = (world.start("victim"), world.start("other"));
    for port in 0..8 {
        assert_eq!(world.open(victim, port), Ok(0));
    }
    for port in 0..8 {
        flood(world, a, victim, port);
        flood(world, b, victim, port);
    }
    assert!(
        world.count(victim, 7).unwrap() < PORT_ROOM,
        "the places are used up"
    );
    for port in 0..SURE_PORTS {
        assert_eq!(world.open(other, port), Ok(0), "port {port}");
        assert_eq!(
            flood(world, a, other, port),
            (SURE_ROOM / 2, Error::PortFull)
        );
        assert_eq!(
            flood(world, b, other, port),
            (SURE_ROOM / 2, Error::PortFull)
        );
        assert_eq!(flood(world, victim, other, port), (0, Error::PortFull));
    }
    assert_eq!(world.close(victim, 0), Ok(0));
    assert_ne!(flood(world, a, other, 0).0, 0, "places come back");
}

/// Others open all that they can; everybody gets the sure ones.
pub fn every_task_is_sure_of_its_ports<R: Rig>(world: &mut World<R>) {
    let hogs: Vec<Task> = (0..5)
        .map(|index| world.start(&format!("hog{index}")))
        .collect();
    for hog in hogs {
        for port in 0..32 {
            let answer = world.open(hog, port);
            let full = answer == Err(Error::NoMem) && port >= SURE_PORTS;
            assert!(answer == Ok(0) || full, "port {port}: {answer:?}");
        }
    }
    let mut count = 0;
    while let Ok(task) = world.try_start(&format!("late{count}"), crate::SMO_QUOTA) {
        for port in 0..SURE_PORTS {
            assert_eq!(world.open(task, port), Ok(0));
            assert_eq!(world.send(task, task, port, [1; 4]), Ok(0));
        }
        count += 1;
    }
    assert!(count > 0);
}

/// Send: port number, task, port open, pointer, room. Get: port number, port open, message
/// there, pointer.
pub fn checks_of_ports_come_in_order<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let (target, end, good) = (world.id(b), world.end(a), world.at(a, MESSAGE_AT));
    assert_eq!(world.send_raw(a, 0, 32, end), Err(Error::InvalidPort));
    assert_eq!(world.send_raw(a, 0, 0, end), Err(Error::InvalidTsk));
    assert_eq!(world.send_raw(a, target, 0, end), Err(Error::PortDisabled));
    assert_eq!(world.open(b, 0), Ok(0));
    flood(world, a, b, 0);
    assert_eq!(world.send_raw(a, target, 0, end), Err(Error::InvalidPtr));
    assert_eq!(world.send_raw(a, target, 0, good), Err(Error::PortFull));

    assert_eq!(world.get_raw(a, -1, end, end), Err(Error::InvalidPort));
    assert_eq!(world.get_raw(a, 0, end, end), Err(Error::PortDisabled));
    assert_eq!(world.open(a, 0), Ok(0));
    assert_eq!(world.get_raw(a, 0, end, end), Err(Error::NoMsg));
    assert_eq!(world.send(b, a, 0, [1; 4]), Ok(0));
    assert_eq!(world.get_raw(a, 0, end, end), Err(Error::InvalidPtr));
}

/// After a success of each, `last_error` is SERR_OK again.
pub fn every_call_about_ports_sets_last_error<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    let (id, message) = (i64::from(world.id(a)), world.at(a, MESSAGE_AT));
    let sender = world.at(a, SENDER_AT);
    let steps = [
        (Number::OpenPort, [0, 0, 0, 0]),
        (Number::SendMsg, [id, 0, message, 0]),
        (Number::GetMsgCount, [0; 4]),
        (Number::WaitMsg, [0; 4]),
        (Number::GetMsg, [0, message, sender, 0]),
        (Number::WatchTask, [id, 0, 0, 0]),
        (Number::ClosePort, [0; 4]),
        (Number::GetCurrentTask, [0; 4]),
        (Number::GetCurrentThread, [0; 4]),
    ];
    for (number, words) in steps {
        assert_eq!(world.close(a, -1), Err(Error::InvalidPort));
        assert!(world.call(a, number, words).is_ok(), "{}", number.name());
        assert_eq!(world.last_error(a), Error::Ok.code(), "{}", number.name());
    }
}

//! Messages to the host, stored by the kernel into an array of the call's.

use std::thread;

use usufruct_abi::Number;

use super::ROUNDS;
use crate::world::World;

#[test]
fn a_message_comes_whole_to_whichever_thread_waits() {
    let world = World::new(1);
    let mut task = world.task("task");
    let port = world.host.open_port(3).unwrap();
    assert!(port.try_receive().unwrap().is_none());
    let (sender, host) = (task.id(), world.host.id().raw());
    thread::scope(|scope| {
        scope.spawn(|| {
            task.store(0, &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 255, 255, 255, 255]);
            for _ in 0..2 * ROUNDS {
                while task.call(Number::SendMsg, [host, 3, 0, 0]) != 0 {
                    thread::yield_now();
                }
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let message = port.wait().unwrap();
                    assert_eq!(message.words, [1, 2, 3, -1]);
                    assert_eq!(message.sender, Some(sender));
                }
            });
        }
    });
    world.host.send(sender, 0, [1, 2, 3, 4]).unwrap_err();
    assert_eq!(task.call(Number::OpenPort, [0; 4]), 0);
    world.host.send(sender, 0, [1, 2, 3, 4]).unwrap();
    assert_eq!(task.call(Number::GetMsg, [0, 32, 64, 0]), 0);
    assert_eq!(task.load(44), [4, 0, 0, 0]);
    assert_eq!(task.load(64), host.to_le_bytes());
}

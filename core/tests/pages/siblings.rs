//! Threads of one task that wait on one port: none sleeps while there is a message for it.

use usufruct_abi::MSG_BYTES;
use usufruct_core::{Denied, Machine, Progress, Request, Thread, Wait, Work};

use crate::world::{A, B, TASKS, World};

const PORT: i32 = 3;

impl World {
    fn begin_as(&self, thread: &Thread, request: Request) -> Progress {
        self.machine
            .with_kernel(|kernel| kernel.begin(thread, &request))
    }

    fn wait(&self, thread: &Thread, timeout_ms: i32) -> Progress {
        let port = PORT;
        self.begin_as(thread, Request::WaitMsg { port, timeout_ms })
    }

    /// B's message to A.
    fn send(&self) -> Progress {
        let request = Request::SendMsg {
            task: self.id(A),
            port: PORT,
            message: Some([0; MSG_BYTES]),
        };
        self.begin_as(&self.threads[B], request)
    }

    /// Whether A is woken before it is over.
    fn wakes(&self, progress: Progress) -> bool {
        let id = self.threads[A].id();
        matches!(&progress, Progress::Do(step) if *step.work() == Work::Wake(id))
    }
}

/// A world in which A has the port open, and a second thread.
fn two_threads() -> (World, Thread) {
    let world = World::new(TASKS);
    let open = world.begin_as(&world.threads[A], Request::OpenPort { port: PORT });
    assert_eq!(world.finish(open), Ok(0));
    let sibling = world.threads[A].sibling();
    (world, sibling)
}

fn blocks(progress: &Progress) -> Wait {
    match progress {
        Progress::Block(wait) => *wait,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thread_is_woken_though_its_sibling_has_given_up() {
    let (world, sibling) = two_threads();
    let nothing = Err(Denied::NoMessage(3));
    blocks(&world.wait(&world.threads[A], -1));
    assert_eq!(world.finish(world.wait(&sibling, 0)), nothing);
    assert!(world.wakes(world.send()), "a look that does not wait");

    let (world, sibling) = two_threads();
    blocks(&world.wait(&world.threads[A], -1));
    let wait = blocks(&world.wait(&sibling, 5));
    let late = world
        .machine
        .with_kernel(|kernel| kernel.resume(&sibling, wait, true));
    assert_eq!(world.finish(late), nothing);
    assert!(world.wakes(world.send()), "a wait whose time is up");
}

#[test]
fn a_message_that_comes_back_wakes_who_waits_meanwhile() {
    let (world, sibling) = two_threads();
    assert_eq!(world.finish(world.send()), Ok(0));
    let nowhere = Request::GetMsg {
        port: PORT,
        message_at: 1 << 40,
        sender_at: 1 << 40,
    };
    let get = world.begin_as(&world.threads[A], nowhere);
    let step = world.until(get, |work| matches!(work, Work::Deliver(_)));
    blocks(&world.wait(&sibling, -1));
    let back = world.go_on(step);
    let step = world.until(back, |work| matches!(work, Work::Wake(_)));
    assert_eq!(world.finish(world.go_on(step)), Err(Denied::CallerMemory));
    assert_eq!(world.finish(world.wait(&sibling, -1)), Ok(0));
}

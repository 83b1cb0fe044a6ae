//! What comes in between the steps of a task's end.

use usufruct_abi::Number;
use usufruct_core::{Ending, Limits, Quota, Reason, Thread};
use usufruct_sim::{Act, Called, Kind, Sim, Trouble};

fn call(sim: &Sim, thread: &mut Thread, number: Number, words: [i32; 2]) -> i32 {
    let [first, second] = words.map(|int| u64::from(int.cast_unsigned()));
    match sim.call(thread, number, [first, second, 0, 0]) {
        Called::Word(word) => word,
        called => panic!("{called:?}"),
    }
}

/// Else whoever watches again and again could make an end last for ever, and those who have
/// watched from the beginning would never hear.
#[test]
fn a_watch_set_while_the_watchers_are_told_is_told_at_once() {
    let sim = Sim::new(Limits::default(), ()).unwrap();
    let start = |name: &[u8]| sim.start(name, Quota::default(), vec![0; 64]).unwrap();
    let (mut watcher, dying) = (start(b"watcher"), start(b"dying"));
    let id = dying.task().raw();
    for port in 0..3 {
        assert_eq!(call(&sim, &mut watcher, Number::OpenPort, [port, 0]), 0);
    }
    for port in 0..2 {
        assert_eq!(call(&sim, &mut watcher, Number::WatchTask, [id, port]), 0);
    }
    let act = Act::Wait;
    sim.make_trouble(Trouble {
        kind: Kind::Yield,
        act,
    });
    let ending = Ending {
        status: 7,
        reason: Reason::Exit,
    };
    let open = sim
        .end(dying.task(), ending)
        .unwrap()
        .expect("it stops between two watchers");

    assert_eq!(call(&sim, &mut watcher, Number::WatchTask, [id, 2]), 0);
    assert_eq!(
        call(&sim, &mut watcher, Number::GetMsgCount, [2, 0]),
        1,
        "told at once"
    );
    assert!(sim.invariants_hold());

    assert_eq!(sim.go_on(open, &mut watcher), Called::Word(0));
    for port in 0..3 {
        assert_eq!(call(&sim, &mut watcher, Number::GetMsgCount, [port, 0]), 1);
    }
    assert!(sim.invariants_hold());
}

//! What the kernel stores for a task: only where the task may store itself.

use crate::{MESSAGE_AT, Message, Rig, Run, SENDER_AT, Task, World};
use usufruct_abi::{Error, Number};

/// A receiver with some pages and an open port, a sender, and the port.
fn receiver_and_sender<R: Rig>(world: &mut World<R>) -> (Task, Task, Run, i32) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let run = world.alloc(a, 3);
    world.open(a, 5).expect("a free port");
    (a, b, run, 5)
}

/// Whoever owns the page.
pub fn a_message_is_sent_from_any_page<R: Rig>(world: &mut World<R>) {
    let (a, b, run, port) = receiver_and_sender(world);
    let words = [1, 2, 3, 4];
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word: &i32| word.to_le_bytes())
        .collect();
    // Over the edge between two pages.
    let address = world.address(run.page(1)) - 7;
    world.store(a, address, &bytes);
    let target = world.id(a);
    assert_eq!(world.send_raw(b, target, port, address), Ok(0));
    let got = world.get(a, port).expect("it has come");
    let sender = world.id(b);
    assert_eq!(got, Message { sender, words });
    let whole = world.whole_pool();
    let end = world.address(whole) + i64::from(world.bytes(whole).1);
    for address in [end - 15, end, world.address(whole) - 1] {
        let answer = world.send_raw(b, target, port, address);
        assert_eq!(answer, Err(Error::InvalidPtr));
    }
}

/// Into pages that the receiver may write, by its name or because everybody may.
pub fn a_message_arrives_in_a_page<R: Rig>(world: &mut World<R>) {
    let (a, b, run, port) = receiver_and_sender(world);
    let words = [5, 6, 7, 8];
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word: &i32| word.to_le_bytes())
        .collect();
    let address = world.address(run.page(1)) - 9;
    assert_eq!(world.send(b, a, port, words), Ok(0));
    assert_eq!(world.get_raw(a, port, address, address + 16), Ok(0));
    assert_eq!(world.load(b, address, 16), bytes);
    let sender = world.id(b).to_le_bytes();
    assert_eq!(world.load(b, address + 16, 4), sender);
    // b has never stored there itself.
    world.open(b, port).expect("a free port");
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    assert_eq!(world.send(a, b, port, words), Ok(0));
    world.fill_at(a, world.bytes(run), 0);
    assert_eq!(world.get_raw(b, port, address, address + 16), Ok(0));
    assert_eq!(world.load(a, address, 16), bytes);
}

/// One byte of either in a page that the receiver may not write: INVALID_PTR, nothing stored,
/// and the message is still there.
pub fn a_message_for_a_forbidden_page_stays<R: Rig>(world: &mut World<R>) {
    let (a, b, run, port) = receiver_and_sender(world);
    let (start, page) = (world.address(run), i64::from(world.page_bytes()));
    world.fill_at(a, world.bytes(run), 0x42);
    assert_eq!(world.nowrite(a, run.page(1), a), Ok(()));
    let free = start + 3 * page;
    let words = [1, 2, 3, 4];
    assert_eq!(world.send(b, a, port, words), Ok(0));
    let (message, sender) = (world.at(a, MESSAGE_AT), world.at(a, SENDER_AT));
    world.fill(a, MESSAGE_AT, 20, 0x42);
    for (message, sender) in [
        (start + page, sender),
        (start + page - 15, sender),
        (start + 2 * page - 1, sender),
        (message, start + page),
        (message, start + page - 3),
        (start, start + page),
        (free, sender),
        (message, free),
    ] {
        let answer = world.get_raw(a, port, message, sender);
        assert_eq!(answer, Err(Error::InvalidPtr), "{message:#x} {sender:#x}");
    }
    assert_eq!(world.count(a, port), Ok(1));
    assert!(world.is_all(b, run, 0x42));
    assert_eq!(world.peek(a, MESSAGE_AT, 20), [0x42; 20]);
    let got = world.get(a, port).expect("it is still there");
    assert_eq!(got.words, words);
}

/// From any page, like every argument.
pub fn a_name_is_read_from_any_page<R: Rig>(world: &mut World<R>) {
    let (a, b, run, _) = receiver_and_sender(world);
    let address = world.address(run.page(1)) - 2;
    world.store(a, address, b"host");
    let host = world.find(b, b"host");
    assert_eq!(world.find_raw(b, address, 4), host);
    let whole = world.whole_pool();
    let end = world.address(whole) + i64::from(world.bytes(whole).1);
    assert_eq!(world.find_raw(b, end - 3, 4), Err(Error::InvalidPtr));
}

/// Into a page that the caller may write, and into no other.
pub fn avail_mem_stores_where_the_caller_may<R: Rig>(world: &mut World<R>) {
    let (a, b, run, _) = receiver_and_sender(world);
    let (start, page) = (world.address(run), i64::from(world.page_bytes()));
    let wanted = world.avail(a);
    world.fill_at(a, world.bytes(run), 0x42);
    world.word(a, Number::AvailMem, [start + 4, 0, 0, 0]);
    let seen = world.load(b, start + 4, 4);
    assert_eq!(seen, wanted.system_free.to_le_bytes());
    world.fill_at(a, world.bytes(run), 0x42);
    assert_eq!(world.nowrite(a, run.page(1), a), Ok(()));
    for address in [start + page, start + page - 15, start + 2 * page - 1] {
        world.word(a, Number::AvailMem, [address, 0, 0, 0]);
    }
    world.word(b, Number::AvailMem, [start, 0, 0, 0]);
    assert!(world.is_all(b, run, 0x42));
}

//! Memory that the decoder does not have.

use alloc::format;
use alloc::string::ToString;

use usufruct_abi::READ_PERM;
use usufruct_guest::program::File;
use usufruct_guest::{Error, Port, current_task, send};

use super::wild::Edge;
use super::{Answer, Attempt, all, answer};

/// How many bytes of each range lie inside: none, some.
const INSIDE: [usize; 2] = [0, 4];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "lend-memory-it-has-not",
        tries: "shares bytes behind the end of its memory, to read what lies there",
        make: |_| {
            let this = current_task().word();
            each("shared", |inside| {
                Edge::new().share(inside, this, 4096, READ_PERM)
            })
        },
    },
    Attempt {
        name: "have-a-copy-stored-outside",
        tries: "has the kernel store a read's bytes behind the end of its memory",
        make: |around| {
            each("read", |inside| {
                Edge::new().read(inside, around.file.word(), 64)
            })
        },
    },
    Attempt {
        name: "have-a-message-stored-outside",
        tries: "has the kernel store a message, or its sender, behind the end of its memory",
        make: |_| have_a_message_stored_outside(),
    },
    Attempt {
        name: "send-from-outside",
        tries: "sends a message from behind the end of its memory, to learn what lies there",
        make: |around| {
            let scaler = around.scaler.word();
            each("sent", |inside| Edge::new().send(inside, scaler, 0))
        },
    },
    Attempt {
        name: "name-from-outside",
        tries: "looks up a name that lies behind the end of its memory",
        make: |_| each("looked up", |inside| Edge::new().find(inside, 16)),
    },
    Attempt {
        name: "open-a-file",
        tries: "opens folders and files of the host, the picture's among them",
        make: |_| open_a_file(),
    },
];

fn each(what: &str, mut call: impl FnMut(usize) -> i32) -> Answer {
    all(INSIDE.map(|inside| {
        let result = answer(call(inside));
        (format!("{what}, {inside} bytes inside"), result)
    }))
}

/// A refused delivery also must not cost the message.
fn have_a_message_stored_outside() -> Answer {
    const PORT: u8 = 9;
    let sent = Port::open(PORT).and_then(|port| {
        send(current_task(), PORT, [1, 2, 3, 4])?;
        Ok(port)
    });
    let port = match sent {
        Ok(port) => port,
        Err(error) => return Answer::NotTried(format!("its own port: {error}")),
    };
    let message = each("a message", |inside| Edge::new().get(inside, PORT.into()));
    let sender = each("a sender", |inside| {
        // Half of four bytes, where half of sixteen is eight.
        Edge::new().get_sender(inside / 2, PORT.into())
    });
    match (message, sender, port.receive()) {
        (success @ Answer::Succeeded(_), _, _) | (_, success @ Answer::Succeeded(_), _) => success,
        (Answer::Refused(how), Answer::Refused(_), Ok(Some(message)))
            if message.words == [1, 2, 3, 4] =>
        {
            Answer::Refused(format!("{how}, and the message is still there"))
        }
        (_, _, lost) => Answer::Succeeded(format!("the message is lost: {lost:?}")),
    }
}

fn open_a_file() -> Answer {
    let mut refusal = Error::Ok.to_string();
    for path in [
        "/",
        ".",
        "..",
        "/in",
        "/out",
        "/etc/passwd",
        "../../etc/passwd",
        "/in/rocket.jpg",
        "/dev/mem",
    ] {
        match File::open(path) {
            Ok(_) => return Answer::Succeeded(path.to_string()),
            Err(error) => refusal = error.to_string(),
        }
    }
    // What the kernel has to do with it: nothing. The machine opened no folder for it.
    Answer::Refused(refusal)
}

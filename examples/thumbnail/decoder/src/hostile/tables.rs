//! More than its share of what all tasks use.

use alloc::format;
use alloc::vec::Vec;

use thumbnail_chain::{ANSWER, Letter, WORK, tell};
use usufruct_abi::{Error, READ_PERM};
use usufruct_guest::{Shared, TaskId, current_task, raw, send};

use super::{Answer, Attempt, Surroundings, all, answer, wild};

/// How many objects the system file lets the decoder own.
pub(super) const QUOTA: usize = 64;
/// How many messages of one sender a port holds: half of what it holds at all.
const MESSAGES: u32 = 32;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "invent-rights",
        tries: "shares with rights that there are not",
        make: |_| {
            let this = current_task().word();
            all([0, 1, 3, 5, 7, 8, -1, i32::MIN].map(|perms| {
                let shared = answer(wild::share_scratch(this, 16, perms));
                (format!("rights {perms}"), shared)
            }))
        },
    },
    Attempt {
        name: "share-with-nobody",
        tries: "shares with tasks that there are not: 0, negative, made up",
        make: |around| {
            let near = around.scaler.word();
            all([0, -1, i32::MIN, i32::MAX, near ^ 0x4000_0000].map(|task| {
                let shared = answer(wild::share_scratch(task, 16, READ_PERM));
                (format!("task {task}"), shared)
            }))
        },
    },
    Attempt {
        name: "ports-that-are-none",
        tries: "sends to ports that there are not, and opens them",
        make: |around| {
            let scaler = around.scaler;
            all([32, 255, -1, i32::MIN].map(|port| {
                let sent = wild::Edge::new().send(16, scaler.word(), port);
                let opened = raw::open_port(port);
                (format!("port {port}"), answer(sent.max(opened)))
            }))
        },
    },
    Attempt {
        name: "flood-a-port",
        tries: "fills the scaler's port, so that others can not reach it",
        make: flood_a_port,
    },
    Attempt {
        name: "drain-the-object-table",
        tries: "shares until nothing is left for the others",
        make: |_| drain_the_object_table(),
    },
];

/// On the port that the scaler reads only when it waits for the encoder.
fn flood_a_port(around: &Surroundings) -> Answer {
    // The first one is a letter, and waits until the scaler has opened the port.
    let mut told = tell(around.scaler, ANSWER, Letter::Refused);
    let mut sent = 0_u32;
    while told.is_ok() && sent <= 4 * MESSAGES {
        sent += 1;
        told = send(around.scaler, ANSWER, [-1; 4]);
    }
    match told {
        Err(Error::PortFull) if sent == MESSAGES => {
            Answer::Refused(format!("{} after {sent} messages", Error::PortFull))
        }
        Err(error) => Answer::Succeeded(format!("{sent} messages, then {error}")),
        Ok(()) => Answer::Succeeded(format!("{sent} messages and no end")),
    }
}

fn drain_the_object_table() -> Answer {
    let byte = [0];
    let mut hoard = Vec::new();
    let refusal = loop {
        match Shared::readable(current_task(), &byte) {
            Ok(shared) if hoard.len() <= 4 * QUOTA => hoard.push(shared),
            Ok(_) => return Answer::Succeeded(format!("{} objects and no end", hoard.len())),
            Err(error) => break error,
        }
    };
    match (refusal, hoard.len()) {
        (Error::TooManySmos, QUOTA) => Answer::Refused(format!("{refusal} after {QUOTA} objects")),
        (_, count) => Answer::Succeeded(format!("{count} objects, then {refusal}")),
    }
}

/// Takes all that it can get, and keeps it.
pub(super) fn hoard(around: &Surroundings) {
    let bytes: &'static [u8] = &[7; 4096];
    for task in [around.scaler, around.reader, current_task()] {
        while let Ok(shared) = Shared::readable(task, bytes) {
            core::mem::forget(shared);
        }
        flood(task, WORK);
        flood(task, ANSWER);
    }
    for port in 0..32 {
        let _ = raw::open_port(port.into());
        flood(current_task(), port);
    }
}

/// As much as a port takes; but whoever reads there meanwhile must not keep this going.
fn flood(task: TaskId, port: u8) {
    for _ in 0..4 * MESSAGES {
        if send(task, port, [-1; 4]).is_err() {
            break;
        }
    }
}

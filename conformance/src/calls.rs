//! The kernel's calls as methods of a [`World`]: who calls comes first, then the
//! call's arguments in its own order. Memory is named by offsets into the caller's arena.

use crate::rig::Rig;
use crate::world::{Answer, MESSAGE_AT, Message, NAME_AT, SENDER_AT, Task, World};
use usufruct_abi::{MSG_BYTES, Number};

/// A part of a task's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first byte, as an offset into the arena.
    pub offset: u64,
    /// Its size, in bytes.
    pub bytes: i32,
}

/// The part of an arena from `offset` on.
#[must_use]
pub const fn part(offset: u64, bytes: i32) -> Part {
    Part { offset, bytes }
}

impl<R: Rig> World<R> {
    /// Shares a part of `owner`'s arena with `target`; returns the object's id.
    pub fn share(&mut self, owner: Task, target: Task, part: Part, perms: i32) -> i32 {
        let target = self.id(target);
        let smo = self
            .try_share(owner, target, part, perms)
            .expect("a sound share succeeds");
        assert!(smo > 0, "ids are positive");
        smo
    }

    /// `share_mem`, whatever comes of it.
    pub fn try_share(&mut self, owner: Task, target_id: i32, part: Part, perms: i32) -> Answer {
        let address = self.at(owner, part.offset);
        self.share_raw(owner, target_id, (address, part.bytes), perms)
    }

    /// `share_mem` of a range that need not be in the arena.
    pub fn share_raw(
        &mut self,
        owner: Task,
        target_id: i32,
        range: (i64, i32),
        perms: i32,
    ) -> Answer {
        let words = [target_id.into(), range.0, range.1.into(), perms.into()];
        self.call(owner, Number::ShareMem, words)
    }

    /// `claim_mem`.
    pub fn claim(&mut self, caller: Task, smo: i32) -> Answer {
        self.call(caller, Number::ClaimMem, [smo.into(), 0, 0, 0])
    }

    /// `pass_mem` to a task.
    pub fn pass(&mut self, caller: Task, smo: i32, target: Task) -> Answer {
        let target = self.id(target);
        self.pass_raw(caller, smo, target)
    }

    /// `pass_mem` to whatever the number names.
    pub fn pass_raw(&mut self, caller: Task, smo: i32, target_id: i32) -> Answer {
        self.call(
            caller,
            Number::PassMem,
            [smo.into(), target_id.into(), 0, 0],
        )
    }

    /// `read_mem` of `range` (offset and size in the object) to the arena.
    pub fn read(&mut self, caller: Task, smo: i32, range: (i32, i32), to: u64) -> Answer {
        let address = self.at(caller, to);
        self.copy_raw(caller, Number::ReadMem, smo, (range, address))
    }

    /// `write_mem` of `range` (offset and size in the object) from the arena.
    pub fn write(&mut self, caller: Task, smo: i32, range: (i32, i32), from: u64) -> Answer {
        let address = self.at(caller, from);
        self.copy_raw(caller, Number::WriteMem, smo, (range, address))
    }

    /// `read_mem` or `write_mem`: offset and size in the object, and an address that need not be
    /// in the arena.
    pub fn copy_raw(
        &mut self,
        caller: Task,
        number: Number,
        smo: i32,
        what: ((i32, i32), i64),
    ) -> Answer {
        let ((offset, size), address) = what;
        self.call(
            caller,
            number,
            [smo.into(), offset.into(), size.into(), address],
        )
    }

    /// `mem_size`.
    pub fn size(&mut self, caller: Task, smo: i32) -> Answer {
        self.call(caller, Number::MemSize, [smo.into(), 0, 0, 0])
    }

    /// `last_error`, which must leave what it says: it is asked twice.
    pub fn last_error(&mut self, caller: Task) -> i32 {
        self.post_call(caller, Number::LastError, [0; 4]);
        let said = self.reply(caller);
        assert_eq!(said.result, said.last_error, "last_error changed itself");
        said.result
    }

    /// `open_port`.
    pub fn open(&mut self, caller: Task, port: i32) -> Answer {
        self.call(caller, Number::OpenPort, [port.into(), 0, 0, 0])
    }

    /// `close_port`.
    pub fn close(&mut self, caller: Task, port: i32) -> Answer {
        self.call(caller, Number::ClosePort, [port.into(), 0, 0, 0])
    }

    /// `send_msg` of these words to a task.
    pub fn send(&mut self, caller: Task, target: Task, port: i32, words: [i32; 4]) -> Answer {
        let mut bytes = [0; MSG_BYTES];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.poke(caller, MESSAGE_AT, &bytes);
        let (target, address) = (self.id(target), self.at(caller, MESSAGE_AT));
        self.send_raw(caller, target, port, address)
    }

    /// `send_msg` to whatever the number names, of the bytes at an address.
    pub fn send_raw(&mut self, caller: Task, target_id: i32, port: i32, message: i64) -> Answer {
        self.call(
            caller,
            Number::SendMsg,
            [target_id.into(), port.into(), message, 0],
        )
    }

    /// `get_msg`.
    ///
    /// # Errors
    ///
    /// The call's.
    pub fn get(&mut self, caller: Task, port: i32) -> Result<Message, usufruct_abi::Error> {
        let (message, sender) = (self.at(caller, MESSAGE_AT), self.at(caller, SENDER_AT));
        self.get_raw(caller, port, message, sender)?;
        let bytes = self.peek(caller, MESSAGE_AT, SENDER_AT + 4 - MESSAGE_AT);
        let mut words = bytes
            .chunks_exact(4)
            .map(|word| i32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        let mut next = || words.next().expect("four words and a sender");
        Ok(Message {
            words: [next(), next(), next(), next()],
            sender: next(),
        })
    }

    /// `get_msg` to these addresses.
    pub fn get_raw(&mut self, caller: Task, port: i32, message: i64, sender: i64) -> Answer {
        self.call(caller, Number::GetMsg, [port.into(), message, sender, 0])
    }

    /// `get_msg_count`.
    pub fn count(&mut self, caller: Task, port: i32) -> Answer {
        self.call(caller, Number::GetMsgCount, [port.into(), 0, 0, 0])
    }

    /// `wait_msg`, when it is known to come back.
    pub fn wait(&mut self, caller: Task, port: i32, timeout_ms: i32) -> Answer {
        self.call(
            caller,
            Number::WaitMsg,
            [port.into(), timeout_ms.into(), 0, 0],
        )
    }

    /// Begins a `wait_msg`; [`World::answer`] has its end.
    pub fn post_wait(&mut self, caller: Task, port: i32, timeout_ms: i32) {
        self.post_call(
            caller,
            Number::WaitMsg,
            [port.into(), timeout_ms.into(), 0, 0],
        );
    }

    /// `find_task`, of bytes put into the arena.
    pub fn find(&mut self, caller: Task, name: &[u8]) -> Answer {
        self.poke(caller, NAME_AT, name);
        let address = self.at(caller, NAME_AT);
        let length = i32::try_from(name.len()).expect("scripts look for short names");
        self.find_raw(caller, address, length)
    }

    /// `find_task` of the bytes at an address.
    pub fn find_raw(&mut self, caller: Task, name: i64, length: i32) -> Answer {
        self.call(caller, Number::FindTask, [name, length.into(), 0, 0])
    }

    /// `watch_task`.
    pub fn watch(&mut self, caller: Task, target_id: i32, port: i32) -> Answer {
        self.call(
            caller,
            Number::WatchTask,
            [target_id.into(), port.into(), 0, 0],
        )
    }
}

//! The words of the second document's calls.

use crate::copy::reaches;
use crate::door::{int, span_of};
use crate::machine::{Access, Machine};
use crate::page::call::{PageRequest, Question};
use crate::thread::Thread;
use usufruct_abi::Number;

impl PageRequest {
    /// Gives the words of a page call their meaning, and asks the machine about
    /// the caller's own memory. `None` for all other calls.
    pub fn decode<M: Machine>(
        machine: &M,
        thread: &Thread,
        number: Number,
        words: [u64; 4],
    ) -> Option<Self> {
        let [first, second, third, fourth] = words;
        let ask = |question| ask(machine, thread, question, (first, int(second)));
        match number {
            Number::ControlMem => Some(Self::Control {
                start: first,
                size: int(second),
                command: int(third),
                task: int(fourth),
            }),
            Number::AllocMemBlocks => Some(Self::Allocate {
                size: int(first),
                flags: int(second).cast_unsigned(),
            }),
            Number::IsMemReadable => Some(ask(Question::Readable)),
            Number::IsMemWritable => Some(ask(Question::Writable)),
            Number::IsMemOwned => Some(ask(Question::Owned)),
            Number::AvailMem => Some(Self::Avail {
                info_at: first,
                flags: int(second).cast_unsigned(),
            }),
            Number::ShareMem
            | Number::ClaimMem
            | Number::PassMem
            | Number::ReadMem
            | Number::WriteMem
            | Number::MemSize
            | Number::LastError
            | Number::WatchTask
            | Number::FindTask
            | Number::GetCurrentTask
            | Number::GetCurrentThread
            | Number::OpenPort
            | Number::ClosePort
            | Number::SendMsg
            | Number::GetMsg
            | Number::GetMsgCount
            | Number::WaitMsg
            | Number::GetPageSize => None,
        }
    }
}

fn ask<M: Machine>(
    machine: &M,
    thread: &Thread,
    question: Question,
    (start, size): (u64, i32),
) -> PageRequest {
    let access = match question {
        Question::Readable => Access::Load,
        Question::Writable | Question::Owned => Access::Store,
    };
    PageRequest::Ask {
        question,
        start,
        size,
        is_private: span_of(start, size)
            .is_some_and(|span| reaches(machine, thread.key, span, access)),
    }
}

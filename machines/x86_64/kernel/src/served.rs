//! Calls that are served at once: on the way from ring 3 to ring 3 no register changes hands
//! that need not, and the executor does not hear of it.

use crate::machine::Bare;
use crate::processor::Visitor;
use crate::space::Space;
use usufruct_abi::Number;
use usufruct_core::{
    Copier, CopyRequest, Direction, Reply, Thread, control_at_once, copy_at_once, current_task,
    serve,
};

/// What it takes to serve a task's calls while it runs. trap.s hands it on from `Context::run`,
/// which has it borrowed mutably until the task traps, and uses it for nothing else.
pub(crate) struct Served<'a> {
    pub(crate) machine: &'a Bare,
    pub(crate) copier: &'a mut Copier,
    pub(crate) thread: &'a mut Thread,
    pub(crate) visitor: Visitor,
    pub(crate) space: Space,
}

/// The answer to a call that has to be served in another way: nothing has been done then.
/// trap.s looks at its sign; an answer has none, for it is the lower half of a word.
const UNANSWERED: u64 = u64::MAX;

/// Serves `read_mem` for trap.s, if it waits for nothing and nobody, and nothing speaks
/// against it. By itself, so that it has the processor's registers to itself.
///
/// It is part of the visit to ring 3, as an instruction of the task's would be: it holds up
/// who waits for the end of the visit for one chunk at most. So nothing is said of it.
#[unsafe(no_mangle)]
extern "C" fn serve_read(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    served: &mut Served<'_>,
) -> u64 {
    served.copy(Direction::Read, [first, second, third, fourth])
}

/// The same for `write_mem`.
#[unsafe(no_mangle)]
extern "C" fn serve_write(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    served: &mut Served<'_>,
) -> u64 {
    served.copy(Direction::Write, [first, second, third, fourth])
}

/// The same for the other calls of this kind, and for what is mostly asked of `ControlMem`.
#[unsafe(no_mangle)]
extern "C" fn serve_straight(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    served: &mut Served<'_>,
    number: u64,
) -> u64 {
    const GET_CURRENT_TASK: u64 = Number::GetCurrentTask as u64;
    const CONTROL_MEM: u64 = Number::ControlMem as u64;
    match number {
        GET_CURRENT_TASK => u64::from(current_task(served.thread).cast_unsigned()),
        CONTROL_MEM => serve_control(first, second, third, fourth, served),
        _ => UNANSWERED,
    }
}

/// One page that another task may write, or no longer. Unlike the others, this takes locks and
/// may wait for other processors: so it is no part of the visit.
// By itself, and jumped to: who calls for less saves no register for it.
#[inline(never)]
extern "C" fn serve_control(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    served: &mut Served<'_>,
) -> u64 {
    served.visitor.is_back();
    let words = [first, second, third, fourth];
    let answer = control_at_once(served.machine, served.thread, words);
    served.visitor.goes(served.space);
    answer.map_or(UNANSWERED, |word| u64::from(word.cast_unsigned()))
}

impl Served<'_> {
    #[inline(always)]
    fn copy(&mut self, direction: Direction, words: [u64; 4]) -> u64 {
        let request = CopyRequest::from_words(direction, words);
        if copy_at_once(self.machine, self.copier, self.thread, &request) {
            0
        } else {
            UNANSWERED
        }
    }
}

/// Serves for trap.s what these have left: calls that take locks, or wait for other
/// processors. Those that are none of the core's, or may have to wait for other tasks, come as
/// traps.
#[unsafe(no_mangle)]
extern "C" fn serve_in_the_kernel(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    served: &mut Served<'_>,
    number: u64,
) -> u64 {
    let Some(number) = u32::try_from(number).ok().and_then(Number::from_raw) else {
        return UNANSWERED;
    };
    if number == Number::WaitMsg {
        return UNANSWERED;
    }
    served.visitor.is_back();
    let words = [first, second, third, fourth];
    let reply = serve(served.machine, served.copier, served.thread, number, words);
    let Reply::Word(word) = reply else {
        panic!("{number:?} waits");
    };
    served.visitor.goes(served.space);
    u64::from(word.cast_unsigned())
}

//! Calls that are served at once: on the way from ring 3 to ring 3 no register changes hands
//! that need not, and the executor does not hear of it.

use crate::machine::Bare;
use crate::processor::Visitor;
use crate::space::Space;
use usufruct_abi::Number;
use usufruct_core::{Copier, Reply, Thread, serve};

/// What it takes to serve a task's calls while it runs.
pub(crate) struct Served<'a> {
    pub(crate) machine: &'a Bare,
    pub(crate) copier: &'a mut Copier,
    pub(crate) thread: &'a mut Thread,
    pub(crate) visitor: Visitor,
    pub(crate) space: Space,
}

/// Says that the lower half is an answer; trap.s looks at it.
const ANSWERED: u64 = 1 << 32;

/// Serves a call for trap.s. 0 if it is none of the core's, or may have to wait: nothing has
/// been done then, and it comes as a trap.
#[unsafe(no_mangle)]
extern "C" fn serve_at_once(
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
    number: u64,
    served: *mut u8,
) -> u64 {
    let Some(number) = u32::try_from(number).ok().and_then(Number::from_raw) else {
        return 0;
    };
    if number == Number::WaitMsg {
        return 0;
    }
    // SAFETY: what `Context::run` has given to `enter`, which has it borrowed mutably until
    // this task traps, and uses it for nothing else.
    let served = unsafe { &mut *served.cast::<Served<'_>>() };
    served.visitor.is_back();
    let words = [first, second, third, fourth];
    let reply = serve(served.machine, served.copier, served.thread, number, words);
    let Reply::Word(word) = reply else {
        panic!("{number:?} waits");
    };
    served.visitor.goes(served.space);
    ANSWERED | u64::from(word.cast_unsigned())
}

//! The bare machine's own calls: what programs without WASI have in its place.

use super::clock;
use super::member::Heap;
use super::streams::{Caller, PATH_BYTES};
use super::threads::{Body, member_of};
use super::worker::{Turn, Worker};
use crate::context::Context;
use crate::floating::Floating;
use crate::memory::FRAME_BYTES;
use crate::space::{Rights, Space};
use crate::task::PRIVATE_END;
use usufruct_abi::{NativeCall, StreamError};
use usufruct_core::{Access, Ending, Machine, Reason, Span};

/// Pages that one trap adds to a heap at most: the processor is in the kernel meanwhile.
const GROW_PAGES: u64 = 256;

impl Worker {
    /// Serves one of them.
    pub(super) fn native_call(
        &mut self,
        place: usize,
        body: &mut Body,
        call: NativeCall,
        words: [u64; 4],
    ) -> Turn {
        let [first, second, third, _] = words;
        let member = member_of(place);
        let stream = u64::from(int(first).cast_unsigned());
        let streams = &self.system.members[member].streams;
        let caller = Caller {
            machine: self.machine,
            processor: self.processor.number(),
            task: body.thread.key(),
            number: member,
        };
        let answer = match call {
            NativeCall::Exit => {
                let status = int(first);
                let reason = Reason::Exit;
                return Turn::TaskEnds(Ending { status, reason });
            }
            NativeCall::ExitThread => return Turn::ThreadEnds,
            NativeCall::YieldTurn => {
                body.context.answer_long(0);
                return Turn::IsOver;
            }
            NativeCall::GrowMemory => match self.grow(place, body, first) {
                Some(answer) => answer,
                None => {
                    body.context.call_again();
                    return Turn::GoesOn;
                }
            },
            NativeCall::GrowStack => match self.grow_stack(member, body, first) {
                Some(answer) => answer,
                None => {
                    body.context.call_again();
                    return Turn::IsOver;
                }
            },
            NativeCall::OpenStream => self.open(caller, (first, second), int(third)),
            NativeCall::CloseStream => streams.lock().close(stream),
            NativeCall::ReadStream => streams.lock().read(caller, stream, (second, third)),
            NativeCall::WriteStream => {
                let buffer = (second, third);
                let bounce = &mut self.bounce;
                streams.lock().write(caller, stream, buffer, bounce)
            }
            NativeCall::TimeMs => Ok(clock::now_ms()),
            NativeCall::SpawnThread => self.spawn(member, body, [first, second, third]),
        };
        let word = answer.map_or_else(|error| error.code().into(), u64::cast_signed);
        body.context.answer_long(word);
        Turn::GoesOn
    }

    /// `grow_memory`; `None`: some of it is done, and the call is to be made once more.
    fn grow(&self, place: usize, body: &Body, bytes: u64) -> Option<Result<u64, StreamError>> {
        let mut state = self.system.members[member_of(place)].state();
        let heap = &mut state.heap;
        if heap.growing == Some(place) {
            heap.growing = None;
        }
        let Some(end) = heap.end_with(bytes) else {
            return Some(Err(StreamError::NoMemory));
        };
        if end > heap.mapped_end {
            let now = end.min(heap.mapped_end + GROW_PAGES * FRAME_BYTES);
            let wanted = heap.mapped_end..now;
            let pages = self.machine.grow(body.space, wanted, Rights::Write);
            heap.mapped_end += pages * FRAME_BYTES;
            heap.pages_left -= pages;
            // What there is of it is the next growth's.
            if heap.mapped_end < now {
                return Some(Err(StreamError::NoMemory));
            }
            if now < end {
                heap.growing = Some(place);
                return None;
            }
        }
        let begin = core::mem::replace(&mut heap.end, end);
        Some(Ok(begin))
    }

    /// `grow_stack`; `None`: another thread's heap is growing, and has pages behind its end that
    /// would be nobody's below a stack: the call is to be made once more. That thread is not over
    /// before it is through.
    fn grow_stack(
        &self,
        member: usize,
        body: &Body,
        bytes: u64,
    ) -> Option<Result<u64, StreamError>> {
        if !(1..=GROW_PAGES * FRAME_BYTES).contains(&bytes) {
            return Some(Err(StreamError::Invalid));
        }
        let mut state = self.system.members[member].state();
        let heap = &mut state.heap;
        heap.growing
            .is_none()
            .then(|| self.add_stack(heap, body.space, bytes))
    }

    fn add_stack(&self, heap: &mut Heap, space: Space, bytes: u64) -> Result<u64, StreamError> {
        // A growth that failed may have left pages behind the end: they can not be the one that
        // nobody has.
        let begin = heap.end.max(heap.mapped_end) + FRAME_BYTES;
        let pages = bytes.div_ceil(FRAME_BYTES);
        let end = begin + pages * FRAME_BYTES;
        if end > PRIVATE_END || pages > heap.pages_left {
            return Err(StreamError::NoMemory);
        }
        let grown = self.machine.grow(space, begin..end, Rights::Write);
        heap.pages_left -= grown;
        heap.mapped_end = begin + grown * FRAME_BYTES;
        // What there is of it, if memory is used up, is the heap's.
        heap.end = if grown < pages { begin } else { end };
        if grown < pages {
            return Err(StreamError::NoMemory);
        }
        Ok(begin)
    }

    fn open(
        &self,
        caller: Caller<'_>,
        (path, length): (u64, u64),
        flags: i32,
    ) -> Result<u64, StreamError> {
        let mut bytes = [0; PATH_BYTES];
        let length = usize::try_from(length).ok();
        let bytes = length.and_then(|length| bytes.get_mut(..length));
        let bytes = bytes.ok_or(StreamError::Invalid)?;
        let span = Span::new(path, bytes.len() as u64).ok_or(StreamError::Fault)?;
        let is_own = caller.machine.reaches(caller.task, span, Access::Load);
        if !is_own || caller.machine.load(caller.task, path, bytes).is_err() {
            return Err(StreamError::Fault);
        }
        let path = str::from_utf8(bytes).ok();
        let path = path.filter(|path| !path.contains('\0'));
        let path = path.ok_or(StreamError::Invalid)?;
        let member = &self.system.members[caller.number];
        let mut streams = member.streams.lock();
        streams.open((member, &self.system.archive), path, flags)
    }

    fn spawn(
        &self,
        member: usize,
        body: &Body,
        [entry, stack, argument]: [u64; 3],
    ) -> Result<u64, StreamError> {
        // Addresses that are none would fault in the kernel, on the way to ring 3.
        if entry >= PRIVATE_END || stack > PRIVATE_END {
            return Err(StreamError::Fault);
        }
        let spawned = self.machine.threads.add(
            member,
            Body {
                thread: body.thread.sibling(),
                space: body.space,
                context: Context::new(entry, stack & !0xf).with_words([argument, 0, 0]),
                floating: Floating::default(),
                wait: None,
            },
        );
        let number = spawned.map_err(|_| StreamError::NoMemory)?;
        Ok(number as u64)
    }
}

/// The `int` in a word: its low half.
fn int(word: u64) -> i32 {
    (word as u32).cast_signed()
}

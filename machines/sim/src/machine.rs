//! What core asks of the simulated machine.

use crate::pool::offsets;
use crate::{Act, Kind, Memory, Sim};
use usufruct_core::{
    Access, CopyFault, Fences, Kernel, Machine, NoMapping, Plane, Run, Sink, Span, TaskKey,
    ThreadId, Transfer, Unmapped,
};

/// One thread: nobody else can hold a pin, so a wait that does not end at once
/// is a bug.
#[derive(Debug)]
pub struct OneThread;

impl Fences for OneThread {
    fn pause(&self, _looks: u32) {
        unreachable!("a copy is over before anything else begins");
    }
}

impl<S: Sink + Clone> Sim<S> {
    /// The bytes of a chunk, or of an argument, out of a task's memory or the pool.
    pub(crate) fn take_bytes(
        &self,
        task: TaskKey,
        from: u64,
        len: usize,
    ) -> Result<Vec<u8>, Unmapped> {
        if let Some(range) = self.in_pool(from, len) {
            return Ok(self.pages.borrow()[range].to_vec());
        }
        let memories = self.memories.borrow();
        let from = usize::try_from(from).map_err(|_| Unmapped)?;
        let end = from.checked_add(len).ok_or(Unmapped)?;
        memories[task.index()]
            .bytes_of(task)
            .get(from..end)
            .map(<[u8]>::to_vec)
            .ok_or(Unmapped)
    }

    pub(crate) fn put_bytes(&self, task: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        if let Some(range) = self.in_pool(to, bytes.len()) {
            self.pages.borrow_mut()[range].copy_from_slice(bytes);
            return Ok(());
        }
        let mut memories = self.memories.borrow_mut();
        let to = usize::try_from(to).map_err(|_| Unmapped)?;
        let end = to.checked_add(bytes.len()).ok_or(Unmapped)?;
        memories[task.index()]
            .bytes_of_mut(task)
            .get_mut(to..end)
            .ok_or(Unmapped)?
            .copy_from_slice(bytes);
        Ok(())
    }

    /// Both ends of a chunk, the owner's and the caller's, if they are there and no trouble is
    /// to come to pass.
    fn ends(&self, approved: &Transfer<'_>) -> Result<(Span, Span), CopyFault> {
        let fails = |kind| self.take_trouble(kind) == Some(Act::Fail);
        let end = |task, start| {
            let span = Span::new(start, u64::from(approved.len_bytes()))?;
            let is_there = self.pool.contains(span) || self.reaches(task, span, Access::Load);
            is_there.then_some(span)
        };
        let caller = end(approved.caller(), approved.caller_start()).ok_or(CopyFault::Caller)?;
        let owner = end(approved.owner(), approved.owner_start()).ok_or(CopyFault::Owner)?;
        if fails(Kind::CopyOwner) {
            return Err(CopyFault::Owner);
        }
        if fails(Kind::CopyCaller) {
            return Err(CopyFault::Caller);
        }
        Ok((owner, caller))
    }
}

impl<S: Sink + Clone> Machine for Sim<S> {
    type Sink = S;
    type Fences = OneThread;

    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel<S>) -> R) -> R {
        rule(&mut self.kernel.borrow_mut())
    }

    fn plane(&self) -> &Plane {
        &self.plane
    }

    fn fences(&self) -> &OneThread {
        &OneThread
    }

    fn sink(&self) -> &S {
        &self.sink
    }

    fn reaches(&self, task: TaskKey, span: Span, _: Access) -> bool {
        span.lies_below(self.memories.borrow()[task.index()].bytes_of(task).len() as u64)
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (owner, caller) = self.ends(approved)?;
        let bytes = self
            .take_bytes(
                approved.owner(),
                owner.start(),
                approved.len_bytes() as usize,
            )
            .map_err(|Unmapped| CopyFault::Owner)?;
        self.put_bytes(approved.caller(), caller.start(), &bytes)
            .map_err(|Unmapped| CopyFault::Caller)
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (owner, caller) = self.ends(approved)?;
        let bytes = self
            .take_bytes(
                approved.caller(),
                caller.start(),
                approved.len_bytes() as usize,
            )
            .map_err(|Unmapped| CopyFault::Caller)?;
        self.put_bytes(approved.owner(), owner.start(), &bytes)
            .map_err(|Unmapped| CopyFault::Owner)
    }

    fn load(&self, caller: TaskKey, from: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        into.copy_from_slice(&self.take_bytes(caller, from, into.len())?);
        Ok(())
    }

    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        self.put_bytes(caller, to, bytes)
    }

    fn wake(&self, thread: ThreadId) {
        self.woken.borrow_mut().push(thread);
    }

    fn reap(&self, task: TaskKey) {
        self.memories.borrow_mut()[task.index()] = Memory::default();
    }

    fn yield_now(&self) {
        let passed = self.let_steps_pass();
        assert!(passed, "somebody waits its turn, and nobody is before it");
    }

    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        self.set_view(task, run, writable)
    }

    fn fill(&self, run: Run, byte: u8) {
        self.pages.borrow_mut()[offsets(self.pool, run)].fill(byte);
    }

    fn label(&self, run: Run) {
        let range = offsets(self.pool, run);
        let bytes = u32::try_from(range.len()).expect("a pool is below 4 GiB");
        self.pages.borrow_mut()[range.start..range.start + 4].copy_from_slice(&bytes.to_le_bytes());
    }

    fn cancel_reads(&self, _: TaskKey, _: Run) {
        // Tasks of this machine have no streams; that it was asked is all there is to see.
        let mut protections = self.protections.get();
        protections.reads_cancelled += 1;
        self.protections.set(protections);
    }
}
